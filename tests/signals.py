"""Holds what a mode or batch fixture promises in its comments against what a recording of its run saw.

`# in training mode: why` and `# in evaluation mode: why` mark calls that look wrong to a recorder and are meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from .recording import Call, Recording, Spot
from .specification import Expected, expectations

_MEANT = re.compile(r"#\s*in (training|evaluation) mode: \S")

#: What the BatchNorm calls that a line leads to must be like, where a comment says that a rule reports it.
SIGNALS: dict[str, Callable[[Call], bool]] = {
    "BN101": lambda call: call.evaluates_in_training_mode,
    "BN103": lambda call: call.trains_in_evaluation_mode,
    "BN104": lambda call: call.evaluates_in_training_mode,
    "BN105": lambda call: call.trains_in_evaluation_mode,
    "BN110": lambda call: call.training,
    "BN112": lambda call: call.evaluates_in_training_mode,
    "BN113": lambda call: call.training and not call.stepped,
    "BN114": lambda call: call.evaluates_in_training_mode,
    "BN301": lambda call: call.training and call.frozen,
}
#: Rules that say that PyTorch raises. BN202 only does so at the end of an epoch, so it is no error.
RAISING = frozenset({"BN111", "BN201", "BN202"})
#: Rules about the batches that a loader makes, wherever they arrive.
ANYWHERE: dict[str, Callable[[Call], bool]] = {
    "BN203": lambda call: call.training and call.size[0] == 1 and len(call.size) > 2,
}


def contradictions(texts: Mapping[str, str], entry: str, recording: Recording, *, raised: bool) -> list[str]:
    """Returns, as sentences, what the comments of a project and a run of one of its scripts do not agree about."""
    files = {name: text.splitlines() for name, text in texts.items()}
    promised = [
        ((name, one.line), one) for name in files for one in expectations(files[name]) if _ran(name, texts, entry)
    ]
    # A module is shared by the scripts of its folder: what it promises need not show in each of them.
    own = [(spot, one) for spot, one in promised if spot[0] == entry or not _has_expectations(files[entry])]
    excused = {spot for spot, one in promised if one.code in SIGNALS}
    sentences = [*_unseen(own, recording, raised)]
    for mode in ("training", "evaluation"):
        meant = {
            (name, number)
            for name, lines in files.items()
            for number, line in enumerate(lines, 1)
            if any(match[1] == mode for match in _MEANT.finditer(line))
        }
        if mode == "evaluation":
            strange = [call for call in recording.calls if call.trains_in_evaluation_mode]
        else:
            strange = [call for call in recording.calls if call.evaluates_in_training_mode and not raised]
        for call in strange:
            if not call.spots & (excused | meant):
                sentences.append(f"{_where(call.spots)}: BatchNorm in {mode} mode, which no comment mentions")
        for spot in meant:
            if spot[0] == entry and not any(spot in call.spots for call in strange):
                sentences.append(f"{_where([spot])}: BatchNorm is said to be in {mode} mode, and is not")
    if spots := recording.reenabled - {spot for spot, one in promised if one.code == "BN302"}:
        mentioned = any(one.code == "BN302" for _, one in promised)
        sentences += [] if mentioned else [f"{_where(spots)}: train() reaches layers that were frozen"]
    return sorted(set(sentences))


def _ran(name: str, texts: Mapping[str, str], entry: str) -> bool:
    """Scripts beside the one that ran have promises of their own."""
    return name == entry or not texts[name].startswith(("# runs", "# raises", "# unrun"))


def _has_expectations(lines: Sequence[str]) -> bool:
    return bool(expectations(lines))


def _unseen(promised: Sequence[tuple[Spot, Expected]], recording: Recording, raised: bool) -> Iterator[str]:
    for spot, one in promised:
        if one.code in SIGNALS:
            seen = any(SIGNALS[one.code](call) for call in recording.at(spot))
        elif one.code in ANYWHERE:
            seen = any(ANYWHERE[one.code](call) for call in recording.calls)
        elif one.code == "BN302":
            seen = spot in recording.reenabled
        elif one.code in RAISING:
            seen = raised
        else:
            continue
        if not seen:
            yield f"{_where([spot])}: {one} is expected, but nothing like it happens in the run"


def _where(spots: Sequence[Spot] | frozenset[Spot] | set[Spot]) -> str:
    return ", ".join(f"{path}:{line}" for path, line in sorted(spots))
