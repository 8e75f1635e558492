"""What entry points have shown is kept: after an edit those run that have read what it changes, and no others."""

from __future__ import annotations

import json
import zlib
from hashlib import sha256
from pathlib import Path

import pytest

from bn_lint.check.judge import judge
from bn_lint.check.kept_work import KeptWork
from bn_lint.check.outcome import Outcome
from bn_lint.facts import Place
from bn_lint.project.partition import Unit
from bn_lint.project.source import from_bytes, load
from bn_lint.rule import Thresholds
from bn_lint.static.analyze import Analyzer
from bn_lint.static.interpreter.frames import Frame
from bn_lint.static.interpreter.imports import module_at
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.source_files import SourceFile

from .projects import Check, Seen, edit, same, write

ROOT = Path(__file__).resolve().parent.parent.parent
HEAD = "from torch import nn\n\n\n"
LAYERS = (
    HEAD
    + """def norm(width):
    return nn.BatchNorm2d(width)


def alone(width):
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))
"""
)
NET = """from torch import nn
from layers import norm


def {name}():
    return nn.Sequential(nn.Conv2d(3, 8, 3), norm({width}))


def other():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
"""


@pytest.fixture
def project(check: Check, seen: Seen) -> None:
    """Three files, of which two use the third; all has been checked."""
    write("layers.py", LAYERS)
    write("one.py", NET.format(name="one", width=8))
    write("two.py", NET.format(name="two", width=9))
    assert check("--jobs", "1") == check("--no-cache") == ["layers.py:5 BN002"]
    assert seen.take() == (["alone", "one", "other", "other", "two"], [])


@pytest.mark.usefixtures("project")
class TestEdits:
    def test_an_edit_of_one_file_leaves_the_entry_points_of_others_alone(self, check: Check, seen: Seen) -> None:
        edit("one.py", "norm(8)", "norm(7)")
        assert same(check) == ["layers.py:5 BN002"]
        run, repeated = seen.take()
        assert "one" in run
        assert "alone" in repeated

    def test_an_edit_of_what_all_use_runs_all(self, check: Check, seen: Seen) -> None:
        edit("layers.py", "    return nn.BatchNorm2d(width)", "    return nn.BatchNorm2d(width - 1)")
        assert same(check) == ["layers.py:5 BN002"]
        assert "alone" not in seen.take()[0]

    def test_findings_of_what_was_not_run_move_with_their_lines(self, check: Check) -> None:
        edit("layers.py", "def norm", "def first():\n    return 1\n\n\ndef norm")
        edit("layers.py", "Conv2d(3, width, 3)", "Conv2d(3, width, 1)")
        assert same(check) == ["layers.py:9 BN002"]
        edit("layers.py", "return 1", "x = 1\n    return x")
        assert same(check) == ["layers.py:10 BN002"]

    def test_a_mistake_comes_and_goes(self, check: Check) -> None:
        edit("two.py", "BatchNorm2d(8)", "BatchNorm2d(4)")
        assert same(check) == ["layers.py:5 BN002", "two.py:10 BN002"]
        edit("two.py", "norm(9)", "norm(8)")
        assert same(check) == ["two.py:10 BN002"]
        edit("two.py", "BatchNorm2d(4)", "BatchNorm2d(8)")
        assert same(check) == []

    def test_what_an_edit_leaves_without_a_caller_is_run_by_itself(self, check: Check) -> None:
        edit("two.py", "norm(9)", "nn.BatchNorm2d(9)")
        edit("one.py", "norm(8)", "nn.BatchNorm2d(8)")
        assert same(check) == ["two.py:6 BN002"]

    def test_a_file_that_is_new(self, check: Check) -> None:
        write("three.py", NET.format(name="three", width=5))
        assert same(check) == ["layers.py:5 BN002"]
        write("three.py", NET.format(name="three", width=8))
        edit("two.py", "norm(9)", "norm(8)")
        assert same(check) == []

    def test_the_top_level_of_a_module_concerns_who_reads_it(self, check: Check, seen: Seen) -> None:
        edit("layers.py", "def norm(width):", "def norm(width, more=1):")
        seen.take()
        assert same(check) == ["layers.py:5 BN002"]
        run, _ = seen.take()
        assert {"one", "two"} <= set(run)

    def test_a_text_that_is_no_python(self, check: Check) -> None:
        edit("one.py", "def one():", "def one(:")
        same(check)
        edit("one.py", "def one(:", "def one():")
        assert same(check) == ["layers.py:5 BN002"]

    @pytest.mark.parametrize("damage", ["gone", "cut", "other", "nonsense", "numbers"])
    def test_what_is_kept_may_be_damaged(self, check: Check, damage: str) -> None:
        (kept,) = Path(".bn_lint_cache/bn-lint").glob("??/*.turns")
        if damage == "gone":
            kept.unlink()
        elif damage == "cut":
            kept.write_bytes(kept.read_bytes()[:-20])
        else:
            data = json.loads(zlib.decompress(kept.read_bytes().partition(b"\n")[2]))
            if damage == "other":
                data = {"files": data["files"], "asked": [["nothing", "x", 1]], "turns": data["turns"]}
            elif damage == "nonsense":
                data["turns"] = [[1, 2], None, {"entries": [1]}]
            else:
                for turn in data["turns"]:
                    turn["body"]["rows"] = [[each[0], *(1 << 40 for _ in each[1:])] for each in turn["body"]["rows"]]
            body = zlib.compress(json.dumps(data).encode())
            kept.write_bytes(sha256(body).hexdigest().encode() + b"\n" + body)
        edit("one.py", "norm(8)", "norm(7)")
        assert same(check) == ["layers.py:5 BN002"]


def test_calls_elsewhere_decide_about_symbols(check: Check) -> None:
    """`Block(8, 8)` in all places makes one symbol of two parameters; an edit of a caller makes two of it again."""
    block = """class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3)
        self.bn = nn.BatchNorm2d(cin)

    def forward(self, x):
        return self.bn(self.conv(x))
"""
    write("block.py", HEAD + block)
    write(
        "use.py", "from torch import nn\nfrom block import Block\n\n\ndef use(make, w):\n    return make(Block(w, w))\n"
    )
    same(check)
    edit("use.py", "Block(w, w)", "Block(w, w + 1)")
    same(check)
    edit("use.py", "Block(w, w + 1)", "None")
    same(check)


def _outcome(unit: Unit, kept: KeptWork | None) -> Outcome:
    return judge(unit, {each.display: Thresholds() for each in unit.files}, coverage=False, kept=kept)


FIXTURES = sorted((ROOT / "fixtures").rglob("*.py"))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_is_kept_says_what_was_said(path: Path, tmp_path: Path, seen: Seen) -> None:
    """Nothing is edited: whatever may be kept is shown again, and the outcome is the same."""
    kept = KeptWork(tmp_path, "one")
    unit = Unit((from_bytes(path.read_bytes(), path, path.name),), ())
    first = _outcome(unit, kept)
    seen.take()
    again = _outcome(unit, kept)
    assert again.findings == first.findings
    assert again.problems == first.problems
    assert again.tracebacks == first.tracebacks == []


def test_fixtures_are_shown_again(tmp_path: Path, seen: Seen) -> None:
    kept = KeptWork(tmp_path, "one")
    for path in FIXTURES:
        unit = Unit((from_bytes(path.read_bytes(), path, path.name),), ())
        _outcome(unit, kept)
        _outcome(unit, kept)
        if len(seen.repeated) > 20:
            return
    pytest.fail("hardly anything is shown again")


@pytest.mark.slow
def test_what_took_too_long_is_said_again(tmp_path: Path, seen: Seen) -> None:
    program = HEAD + (
        "def search(model):\n    total = row = 0\n    while row < 1000:\n        column = 0\n"
        "        while column < 1000:\n            total += 1\n            column += 1\n        row += 1\n"
        "    model.norm = nn.BatchNorm2d(total)\n    return model\n\n\n"
        "def first():\n    return search(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)))\n"
    )
    kept = KeptWork(tmp_path, "one")
    path = tmp_path / "program.py"
    path.write_text(program, encoding="utf-8")
    unit = Unit((from_bytes(path.read_bytes(), path, path.name),), ())
    first = _outcome(unit, kept)
    assert [problem.code for problem in first.problems] == ["BN903"]
    assert seen.take() == (["first", "search"], [])
    assert _outcome(unit, kept).problems == first.problems
    assert seen.take() == ([], ["first", "search"])


PROGRAM = """from torch import nn
from layers import norm


def main():
    return nn.Sequential(nn.Conv2d(3, 5, 3), norm(5), nn.BatchNorm2d(5))


if __name__ == "__main__":
    main()
"""


@pytest.mark.usefixtures("project")
def test_what_a_file_does_only_as_a_program_is_shown_again(check: Check, seen: Seen) -> None:
    write("program.py", PROGRAM)
    same(check)
    seen.take()
    edit("one.py", "norm(8)", "norm(7)")
    assert check() == ["layers.py:5 BN002"]
    run, repeated = seen.take()
    assert "one" in run
    assert "RunGuarded" in repeated
    edit("program.py", "norm(5)", "norm(6)")
    assert check() == ["layers.py:5 BN002"]
    assert "RunGuarded" in seen.take()[0]


@pytest.mark.usefixtures("project")
def test_files_that_were_not_edited_are_not_parsed_for_positions(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    place = SourceFile.place

    def noted(file: SourceFile, node: cst.CSTNode) -> Place:
        asked.append(file.display)
        return place(file, node)

    monkeypatch.setattr(SourceFile, "place", noted)
    write("wrong.py", HEAD + "def wrong():\n    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(9))\n")
    found = check()
    assert "wrong.py" in " ".join(found)
    asked.clear()
    edit("one.py", "norm(8)", "norm(7)")
    assert check() == found
    assert "wrong.py" not in asked


@pytest.mark.usefixtures("project")
def test_what_used_up_its_steps_is_shown_again(check: Check, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    """With as many steps as then, and so are those that were left to the entry points behind it."""
    monkeypatch.setattr("bn_lint.static.analyze.MAX_STEPS", 2000)
    many = "\n".join(f"    x = {number}" for number in range(2500))
    for number in range(3):
        write(
            f"long_{number}.py",
            f"from torch import nn\nimport layers\n\n\ndef long():\n{many}\n    nn.BatchNorm2d(8)\n",
        )
    found = same(check)
    assert found == ["layers.py:5 BN002"]
    seen.take()
    edit("one.py", "norm(8)", "norm(7)")
    assert check() == found
    run, repeated = seen.take()
    assert "one" in run
    assert "long" not in run
    assert repeated.count("long") >= 3


def test_what_decides_about_steps_is_read_by_the_entry_point(tmp_path: Path) -> None:
    """A module that is executed when few steps are left holds what it would hold otherwise."""
    path = tmp_path / "net.py"
    path.write_text(LAYERS)
    analyzer = Analyzer([load(path)])
    analyzer.analyze()
    interpreter, function = analyzer.interpreter, analyzer.collector.functions[0]
    module = module_at(interpreter, path)
    assert module is not None
    interpreter.reads.begin()
    with interpreter.reads.by(module):
        frame = Frame(module, function.file, {}, function=function)
        assert interpreter.budget._is_concerned(function, frame)
    assert function.node not in interpreter.reads.by_modules[path].definitions
    assert function.node in interpreter.reads.own.definitions
