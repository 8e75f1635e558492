"""Inputs that once broke bn-lint, and some new ones: `python -m benchmarks.fuzz` makes as many as one likes."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from benchmarks.fuzz.__main__ import broken_by, random_for
from benchmarks.fuzz.kinds import KINDS
from bn_lint.debugging import STRICT, VARIABLE
from bn_lint.native import COMPILED

#: A folder for each kind; the names say what is wrong.
CORPUS = Path(__file__).parent / "corpus"
#: New mutants of each kind; fewer of those that take long, which have a small share.
FRESH, FEWEST = 16, 5


#: What needs no network and no package that is not there.
HERE = [name for name, kind in KINDS.items() if not kind.downloads and kind.is_here]


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kind of input sets is taken back afterward."""
    monkeypatch.setenv(VARIABLE, STRICT)


@pytest.mark.parametrize("file", sorted(CORPUS.glob("*/*")), ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_broke_it_once(file: Path) -> None:
    if not KINDS[file.parent.name].is_here:
        pytest.skip("what it needs is not installed")
    error = broken_by(KINDS[file.parent.name], file.read_bytes())
    assert error is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", HERE)
def test_new_mutants(kind: str) -> None:
    for number in range(max(FEWEST, min(FRESH, KINDS[kind].share))):
        error = broken_by(KINDS[kind], KINDS[kind].mutant(random_for(kind, 1, number)))
        assert error is None, f"python -m benchmarks.fuzz {kind} --seed 1 --first {number} --runs 1"


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow) if KINDS[kind].needs == "torch" else kind for kind in HERE]
)
def test_mutants_can_be_made_again(kind: str) -> None:
    one, again, other = (KINDS[kind].mutant(random_for(kind, 1, number)) for number in (7, 7, 8))
    assert one == again
    assert one != other


def test_seeds_are_read() -> None:
    """A seed that is refused as a whole, such as a trace of an older version, would make mutants of no worth."""
    from bn_lint.project.source import load
    from bn_lint.runtime.document.document import load as load_trace

    for kind in map(KINDS.__getitem__, HERE):
        for seed in kind.seeds():
            assert seed.stat().st_size
    assert load_trace(str(KINDS["traces"].seeds()[0])).layers
    assert all("BatchNorm2d" in load(seed).text for seed in KINDS["notebooks"].seeds())


def test_a_conversation_is_held() -> None:
    """A server that crashes, and one that says no more, are noticed."""
    pytest.importorskip("pygls")
    from benchmarks.fuzz import conversation
    from bn_lint.editor.session import Server

    messages = json.loads(KINDS["conversations"].seeds()[0].read_bytes())
    conversation.hold(messages, Path.cwd())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Server, "offset", lambda self, text, position: 1 // 0)
        with pytest.raises(Exception, match="division"):
            conversation.hold(messages, Path.cwd())


@pytest.mark.skipif(COMPILED, reason="methods of compiled classes cannot be replaced")
def test_a_state_that_is_wrong_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of programs that change what functions read, calls that are remembered for too long are contradicted."""
    from bn_lint.static.interpreter.outside import Outside

    programs = [KINDS["states"].mutant(random_for("states", 4, number)) for number in range(70, 100)]
    assert [broken_by(KINDS["states"], program) for program in programs] == [None] * len(programs)
    monkeypatch.setattr(Outside, "settle", lambda self: None)
    assert any(map(partial(broken_by, KINDS["states"]), programs))


@pytest.mark.skipif(COMPILED, reason="methods of compiled classes cannot be replaced")
def test_an_entry_that_may_be_missing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from bn_lint.static.interpreter.store import Store

    programs = [KINDS["branches"].mutant(random_for("branches", 3, number)) for number in range(90, 130)]
    assert [broken_by(KINDS["branches"], program) for program in programs] == [None] * len(programs)
    monkeypatch.setattr(Store, "may_lack", lambda self, cells, key: None)
    assert any(map(partial(broken_by, KINDS["branches"]), programs))


def test_what_states_show_is_known() -> None:
    """What is not known cannot be contradicted."""
    from benchmarks.fuzz.states import known
    from bn_lint.project.source import from_bytes
    from bn_lint.static.analyze import analyze

    shown: list[str] = []
    for number in range(20):
        program = from_bytes(KINDS["states"].mutant(random_for("states", 1, number)), Path("program.py"), "program.py")
        shown += [one.message for one in analyze([program]).revealed]
    assert len(shown) > 200
    assert sum(len(known(one)) == 1 for one in shown) > 0.95 * len(shown)
