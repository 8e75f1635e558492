"""A cheap test, on bytes, of whether a file deserves to be parsed.

Parsing costs a hundred times more than this test, and most files of a project never mention BatchNorm.
"""

from __future__ import annotations

import re
from functools import cache

# The expressions are compiled when the first text gets so far: most runs see none that does. Where they begin with
# letters, the search for these takes a tenth of the time; so what must not stand before a word is said behind it.

# A loop that forgets `model.eval()` need not name the layer: the model often lives in another file.
_MODE = rb"\.\s*(?:eval|train|backward)\b"
_MODE_WORDS = (b"no_grad", b"inference_mode", b"load_state_dict", b"DataLoader")
_TRAINING = rb"training\b(?<!\wtraining)"
# A statement that names a switch and does not call it: its end, and what stands before that in its line.
_UNCALLED = rb"(?m)\.(?:eval|train)[ \t]*(?:[#;]|$)"
_OWNER = rb"[ \t]*[\w.]+"
# Nothing tells more often that `eval()` is missing than a model with given weights and no word about modes.
_PRETRAINED = (
    r"pretrained(?<!\wpretrained)\s*=",
    r"weights(?<!\wweights)\s*=",
    r"hub(?<!\whub)\.load\b",
)
#: What a program that trains or uses a model does.
_PROGRAM_WORDS = ("no_grad", "inference_mode", "DataLoader")
# What a model does to its parts is not meant: `self.head.train(self.training)`.
_PROGRAM = r"\.\s*(?:eval|train|backward|load_state_dict)\s*\((?!\s*self\.training)"
# What tells about modes without a name of the layer (see `static/survey`): a switch that is not called or is called
# with a constant, a method that no module has, an override of `train`, statistics kept by hand or switched off.
_SURVEYED = r"""(?x)
    \.(?:
        (?:eval|train)\b(?!\s*\(\s*(?:\)|True\b|False\b|[a-z_]))
        | (?:training|track_running_stats)\s*=(?!=)
        | (?:evaluat(?:e|ion|ing)|(?:eval|train|inference)_mode|test|testing|training)\s*\(
        | train\s*\(\s*mode\s*=
    )
    """
_OVERRIDE = r"\bdef\s+train\s*\("
_AVERAGES = r"\b_?(?:running|moving)_"
# Hand-written normalization need not call itself by that name.
_STATISTICS = rb"self\._?(?:running|moving)_(?:mean|av|var|std)"


def deserves_judging(data: bytes) -> bool:
    """Whether the file names BatchNorm, takes a layer for it, or uses torch and switches modes or keeps statistics.

    It may also ask to `reveal(...)` a value.
    """
    lowered = data.lower()
    if b"batchnorm" in lowered or b"batch_norm" in lowered:
        return True
    if b"norm_layer" in data and b"Conv" in data and b"layernorm" not in lowered:
        return True
    if b"bn_lint" in data and b"reveal(" in data:
        return True
    if b".eval()" in data or b".train()" in data:
        return True  # a script that leaves torch to what it imports
    if (b".eval" in data or b".train" in data) and _names_a_switch(data):
        return True
    if b"torch" in data and (_tells_of_modes(data) or _keeps_statistics(data)):
        return True
    if not (b"pretrained" in data or b"weights" in data or b"hub" in data):
        return False
    return any(re.search(one.encode(), data) is not None for one in _PRETRAINED) and uses_zoo(
        data.decode("utf-8", "replace")
    )


def _names_a_switch(data: bytes) -> bool:
    """Whether a statement is nothing but the name of a switch: `model.eval`."""
    for found in re.finditer(_UNCALLED, data):
        start = data.rfind(b"\n", 0, found.start()) + 1
        if re.fullmatch(_OWNER, data[start : found.start()]) is not None:
            return True
    return False


def _tells_of_modes(data: bytes) -> bool:
    return (
        any(word in data for word in _MODE_WORDS)
        or re.search(_MODE, data) is not None
        or re.search(_TRAINING, data) is not None
    )


def _keeps_statistics(data: bytes) -> bool:
    return (b"running_" in data or b"moving_" in data) and re.search(_STATISTICS, data) is not None


def may_hold_directives(data: bytes, *, noqa: bool = False) -> bool:
    """Whether the file may hold a comment of bn-lint's own, or also one for linters in general."""
    lowered = data.lower()
    return b"bn-lint" in lowered or (noqa and b"noqa" in lowered)


def is_interpreted(text: str) -> bool:
    """Whether the file is executed for its own sake.

    It names BatchNorm; or it builds convolutions and whatever `norm_layer` its caller passes, which is how the blocks
    of model zoos are written (transformers pass a LayerNorm, which they name); or it asks to `reveal(...)` a value.
    """
    lowered = text.lower()
    if "batchnorm" in lowered or "batch_norm" in lowered or "reveal(" in text:
        return True
    return "norm_layer" in text and "Conv" in text and "layernorm" not in lowered


def is_program(text: str) -> bool:
    """Whether the file may train or use models: it is executed when models with BatchNorm are in its reach."""
    return ("torch" in text or ".eval()" in text or ".train()" in text) and (
        any(word in text for word in _PROGRAM_WORDS)
        or re.search(_PROGRAM, text) is not None
        or (uses_zoo(text) and any(re.search(one, text) is not None for one in _PRETRAINED))
    )


def uses_zoo(text: str) -> bool:
    """Whether the file may take models from a library of them, or build one that need not mention BatchNorm."""
    from bn_lint.libraries import architectures

    for word, mentions in _mentions():
        if word in text and any(re.search(one, text) is not None for one in mentions):
            return True
    lowered = text.lower()
    return any(re.search(mentions, lowered) is not None for mentions in architectures.MENTIONS)


def is_zoo_name(name: str) -> bool:
    """Whether a name in a program may be that of a library of models, or of what it builds."""
    words, architectures = _names()
    return name in words or architectures.match(name) is not None


@cache
def _mentions() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What mentions a library of models, each with a word of it, which most texts have not."""
    from bn_lint.libraries import LIBRARIES

    return tuple((one.packages[0].rpartition(".")[2], one.mentions) for one in LIBRARIES if one.mentions)


@cache
def _names() -> tuple[frozenset[str], re.Pattern[str]]:
    from bn_lint.libraries import LIBRARIES, architectures

    return frozenset(name for one in LIBRARIES for name in one.names), re.compile(architectures.NAMES)


def is_batchnorm_name(name: str) -> bool:
    """Whether a name in a program may stand for BatchNorm layers; `reveal` is that of the specifications."""
    lowered = name.lower()
    return "batchnorm" in lowered or "batch_norm" in lowered or lowered == "reveal" or "norm_layer" in lowered


def is_surveyed(text: str) -> bool:
    """Whether the file may show facts that need no execution. Most files that switch modes do so without fault."""
    return (
        re.search(_SURVEYED, text) is not None
        or ("train" in text and re.search(_OVERRIDE, text) is not None)
        or (("running_" in text or "moving_" in text) and re.search(_AVERAGES, text) is not None)
    )


def may_show_facts(text: str) -> bool:
    """Whether the file is looked at for its own sake, and not only for what others need of it."""
    return is_interpreted(text) or is_surveyed(text)
