"""Ignite. In which order its engines call steps and handlers is in `static/libraries/ignite.py`."""

from __future__ import annotations

from bn_lint.libraries.library import HandsBack, Library

LIBRARY = Library(
    packages=("ignite",),
    second_names={
        "ignite.engine.engine.Engine": "ignite.engine.Engine",
        "ignite.engine.engine.create_supervised_trainer": "ignite.engine.create_supervised_trainer",
        "ignite.engine.engine.create_supervised_evaluator": "ignite.engine.create_supervised_evaluator",
    },
    hands_back={
        "ignite.distributed.auto_model": HandsBack.FIRST,
        "ignite.distributed.auto_optim": HandsBack.FIRST,
    },
    several_processes=r"ignite",
    known_modules=("ignite.engine", "ignite.engine.engine", "ignite.distributed"),
)
