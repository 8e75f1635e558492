"""Inputs that once broke bn-lint, and some new ones: `python -m benchmarks.fuzz` makes as many as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz.__main__ import broken_by, random_for
from benchmarks.fuzz.kinds import KINDS
from bn_lint.debugging import STRICT, VARIABLE

#: A folder for each kind; the names say what is wrong.
CORPUS = Path(__file__).parent / "corpus"
FRESH = 25


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the limit of seconds: nobody waits for a mutant that takes all its steps."""
    monkeypatch.setenv(VARIABLE, STRICT)


@pytest.mark.parametrize("file", sorted(CORPUS.glob("*/*")), ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_broke_it_once(file: Path) -> None:
    error = broken_by(KINDS[file.parent.name], file.read_bytes())
    assert error is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_new_mutants(kind: str) -> None:
    for number in range(FRESH):
        error = broken_by(KINDS[kind], KINDS[kind].mutant(random_for(kind, 1, number)))
        assert error is None, f"python -m benchmarks.fuzz {kind} --seed 1 --first {number} --runs 1"


@pytest.mark.parametrize("kind", KINDS)
def test_mutants_can_be_made_again(kind: str) -> None:
    one, again, other = (KINDS[kind].mutant(random_for(kind, 1, number)) for number in (7, 7, 8))
    assert one == again
    assert one != other


def test_seeds_are_read() -> None:
    """A seed that is refused as a whole, such as a trace of an older version, would make mutants of no worth."""
    from bn_lint.project.source import load
    from bn_lint.runtime.document.document import load as load_trace

    for kind in KINDS.values():
        for seed in kind.seeds():
            assert seed.stat().st_size
    assert load_trace(str(KINDS["traces"].seeds()[0])).layers
    assert all("BatchNorm2d" in load(seed).text for seed in KINDS["notebooks"].seeds())
