"""Watches the BatchNorm calls of a running program, and states the same facts about them as the static engine.

Torch is imported by the modules that watch (`patches`, `recorder`, `statistics`, `tracer`, `probe`, `merge`) and by no
others: a saved trace is read, judged and shown without it.
"""

from __future__ import annotations


def torch_is_missing() -> bool:
    """Whether PyTorch cannot be imported here."""
    import importlib.util

    return importlib.util.find_spec("torch") is None
