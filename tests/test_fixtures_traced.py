"""The programs under fixtures/ run under the tracer: a run shows what their comments say, and nothing else.

Comments speak of the text, and a run sees less of some things and more of others. What it cannot see, or sees under
another name, is listed here by rule; what it sees differently in one program, by program.
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from .project import traced
from .specification import expectations
from .test_fixtures import _MARKER, name_of, scripts, texts_of

pytestmark = pytest.mark.slow
Spot = tuple[str, int, str]

#: Rules that no run can have a finding of, and why.
UNSEEN = {
    "BN001": "the name does not exist: there never is a layer",
    "BN005": "a width that fits shows no mistake; another call of the class would",
    "BN006": "the constructor raises: there never is a layer",
    "BN102": "what was not called leaves no trace; an evaluation of a trained or loaded model is BN101",
    "BN107": "the program goes on with what `train()` returned, which is None",
    "BN202": "the last batch of one raises, and the error is BN201",
    "BN403": "the layer has an `eps`, and not the order of the arguments; it is BN404",
    "BN502": "whether the layer is the same the next time shows only if the model is called again",
    "BN608": "which values of a model were copied into the other is in the text",
    "BN505": "the hand-written statistics of a module that is no BatchNorm layer",
}
#: What a run says instead, wherever it happens: the text speaks of the loader, or of the constructor.
INSTEAD = {"BN202": "BN201", "BN204": "BN201", "BN403": "BN404", "BN608": "BN801"}
#: Rules that the text places at the loader, and a run at the call that got the batch; or at what a method calls, or a
#: container, and a run at the method, or where a layer is built.
ELSEWHERE = frozenset({"BN106", "BN201", "BN203", "BN501"})
#: Programs that a run sees differently, and why.
APART = {
    "modes/distillation/bad_teacher_in_forward.py": "what a model calls inside of its forward is part of its training",
    "modes/adaptation/bad_mc_dropout.py": "the weights that it loads are those of a new model: nothing was learned",
    "modes/saliency/bad_gradcam.py": "the same",
    "modes/saliency/bad_gradcam_new_model.py": "the same",
    "modes/auxiliary/bad_dummy_input.py": "the text shows that the input is made up and the result dropped",
    "modes/reinforcement/bad_act.py": "in training mode before each step, as by many methods on purpose",
}


@pytest.mark.parametrize(("folder", "entry"), [pytest.param(*one, id=name_of(one[0] / one[1])) for one in scripts()])
def test_a_run_shows_what_the_comments_say(folder: Path, entry: str, tmp_path: Path) -> None:
    texts = texts_of(folder)
    marker = _MARKER.match(texts[entry])
    assert marker
    raises, oracle = marker.groups()
    root, full_name = folder, name_of(folder / entry)
    if oracle:
        text = f"{texts[entry]}\n\n{oracle}\n"
        root, entry = tmp_path.resolve(), Path(entry).name
        texts = {entry: text}
        (root / entry).write_text(text, encoding="utf-8")
    reported, error = traced(root, entry, all_rules=False)
    assert (error is not None) is bool(raises), error
    # Scripts beside the one that runs have comments of their own; a module speaks for all who use it.
    promised: set[Spot] = {
        (name, one.line, one.code)
        for name, text in texts.items()
        if name == entry or not _MARKER.match(text)
        for one in expectations(text.splitlines())
        if one.severity != "info" or any(found.code == one.code for found in reported)
    }
    shown = {(one.path, one.line, one.code) for one in reported}
    codes = {code for _, _, code in promised}
    allowed = {INSTEAD.get(code, code) for code in codes} | (ELSEWHERE & codes)
    surprising = {spot for spot in shown - promised if spot[2] not in allowed}
    misplaced = {spot for spot in shown - promised if spot[2] in codes - ELSEWHERE}
    assert not surprising | misplaced, "no comment speaks of it"
    if full_name in APART:
        assert not shown & promised, "seen after all: take it off the list"
        return
    missing = {spot for spot in promised - shown if not _is_shown(spot[2], shown)}
    # A module's promises need not show in each script that uses it, and an error ends a run before the others do.
    own = {spot for spot in missing if spot[0] == entry or not any(spot[0] == entry for spot in promised)}
    assert not own or (raises and shown & promised), "the run does not show it"


def _is_shown(code: str, shown: set[Spot]) -> bool:
    """Whether a run need not show a mistake at its line, because it is shown elsewhere or cannot be."""
    seen = {other for _, _, other in shown}
    return code in UNSEEN or INSTEAD.get(code) in seen or (code in ELSEWHERE and code in seen)


def test_lists_are_short() -> None:
    """Every exception is one of a program or rule that exists."""
    known = {name_of(folder / entry) for folder, entry in scripts()}
    assert set(APART) <= known
    told = {
        one.code
        for folder, _ in scripts()
        for text in texts_of(folder).values()
        for one in expectations(text.splitlines())
    }
    assert set(UNSEEN) | set(INSTEAD) | ELSEWHERE <= told
