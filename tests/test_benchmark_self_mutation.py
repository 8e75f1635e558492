"""Mutants of bn-lint itself: what is changed, and that the changed module is the one that is imported."""

from __future__ import annotations

from pathlib import Path

from benchmarks.self_mutation.__main__ import _Finder
from benchmarks.self_mutation.mutants import Mutant, count

CODE = '''
from __future__ import annotations

if TYPE_CHECKING:
    import typing

LIMIT: int = 3


@decorated(True)
def judge(one: Literal[1], all=False):
    """Text."""
    for each in one:
        if each and not all:
            continue
        if one.ready:
            note(each, f"{each + 1}")
    if one < LIMIT + 1:
        raise ValueError(1)
    return one is None
'''


def test_places_that_are_changed(tmp_path: Path) -> None:
    path = tmp_path / "code.py"
    path.write_text(CODE)
    found = [Mutant.of(path, number) for number in range(count(path))]
    assert [(one.line, one.before, one.after) for one in found] == [
        (7, "3", "4"),
        (11, "False", "True"),
        (14, "each and (not all)", "each or not all"),
        (14, "not all", "not not all"),
        (15, "continue", "break"),
        (16, "if one.ready:", "if not one.ready:"),
        (17, "note(each, f'{each + 1}')", "None"),
        (18, "one < LIMIT + 1", "one <= LIMIT + 1"),
        (18, "LIMIT + 1", "LIMIT - 1"),
        (18, "1", "2"),
        (20, "return one is None", "return None"),
        (20, "one is None", "one is not None"),
    ]


def test_one_module_is_changed() -> None:
    import bn_lint.exit

    assert bn_lint.exit.__file__ is not None
    finder = _Finder(Mutant.of(Path(bn_lint.exit.__file__), 0))
    assert finder.find_spec("bn_lint") is None
    spec = finder.find_spec("bn_lint.exit")
    assert spec is not None
    assert spec.origin == bn_lint.exit.__file__
