"""What the language server makes of texts, without the protocol."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bn_lint.check.pipeline import check
from bn_lint.check.report import Report
from bn_lint.editor import checker as checking
from bn_lint.editor.checker import Checker, ClientSettings
from bn_lint.editor.disable import disabled_in_project
from bn_lint.editor.moving import Edit, is_whole, reflowed
from bn_lint.editor.open_documents import Judged, Open
from bn_lint.errors import ConfigError
from bn_lint.facts import Cancelled, Place
from bn_lint.project.config import Configuration, _toml
from bn_lint.project.discovery import File
from bn_lint.project.edits import Text, replaced
from bn_lint.project.partition import Neighborhood
from bn_lint.project.paths import absolute

TEXT = """\
from torch import nn

net = nn.Sequential(
    nn.Conv2d(3, 8, 3),
    nn.BatchNorm2d(16),
    nn.BatchNorm2d(8, momentum=0.99),
)
"""

BLOCK = """\
from torch import nn


class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3)
        self.bn = nn.BatchNorm2d(cin)

    def forward(self, x):
        return self.bn(self.conv(x))
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("setup.cfg").touch()


class Editor:
    """One open file, and how often it was really judged."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str = "net.py") -> None:
        self.checker, self.path, self.judged = Checker(), absolute(name), 0
        self.known: Judged | None = None

        def counted(files: Sequence[File], configuration: Configuration, **options: Any) -> Report:
            self.judged += 1
            return check(files, configuration, **options)

        monkeypatch.setattr(checking, "check", counted)

    def type(self, text: str) -> dict[str, str]:
        """The findings, and the text at their places."""
        self.known = self.checker.file(self.path, Open(self.path.as_uri(), None, text), self.known)
        found = {}
        for finding in self.known.findings:
            start, end = Text(text).extent(finding.place)
            found[finding.code] = text[start:end]
            for step in finding.evidence:
                assert step.place.line <= text.count("\n") + 1
        return found


@pytest.fixture
def editor(monkeypatch: pytest.MonkeyPatch) -> Editor:
    return Editor(monkeypatch)


FOUND = {"BN002": "nn.BatchNorm2d(16)", "BN401": "nn.BatchNorm2d(8, momentum=0.99)"}


@pytest.mark.parametrize(
    "text",
    [
        f"# a comment\n\n\n{TEXT}",
        f"{TEXT}\n\n# a comment",
        TEXT.replace("    nn.Conv2d", "    # in between\n    nn.Conv2d"),
        TEXT.replace("nn.BatchNorm2d(16),", "nn.BatchNorm2d(16),  # why 16?"),
        TEXT.replace("    nn.BatchNorm2d(8", "\n\n        nn.BatchNorm2d(8"),
    ],
)
def test_an_edit_that_changes_no_token_costs_nothing(editor: Editor, text: str) -> None:
    assert editor.type(TEXT) == FOUND
    assert editor.type(text) == FOUND
    assert editor.judged == 1
    assert editor.type(TEXT) == FOUND
    assert editor.judged == 1


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("16", "17"),
        TEXT.replace("(16),", "(16),  # bn-lint: ignore[BN002]"),
        TEXT.replace("(16),", "(16),  # noqa"),
        f"if nn:\n    pass\n{TEXT}",
    ],
)
def test_other_edits_are_judged(editor: Editor, text: str) -> None:
    editor.type(TEXT)
    editor.type(text)
    assert editor.judged == 2


def test_where_a_comment_stands_counts() -> None:
    before = "# bn-lint: ignore[BN002]\nlayer = 1\n"
    assert reflowed(before, before.replace("\nl", "\n\nl")) is None
    assert reflowed("# other\nlayer = 1\n", "# other\n\nlayer = 1\n") is not None
    assert reflowed("if x:\n    a\nb\n", "if x:\n    a\n    b\n") is None


def test_a_silencing_comment_concerns_its_statement() -> None:
    before = "first = 1  # noqa\nlayer = 1\n"
    assert reflowed(before, before.replace("\nl", "\n\nl")) is None
    assert reflowed(before, f"{before}\n\n# the end\n") is not None


def test_places_in_and_behind_a_statement_that_is_edited() -> None:
    before = "@wraps\ndef f():\n    return 1\n\n\nlayer = g(2)\n"
    after = "# head\n@wraps\ndef f():\n    # why\n    return  1\n\nlayer = g(2)\n# end\n"
    move = reflowed(before, after)
    assert move is not None
    assert move.place(Place("x", 3, 12, 3, 13)) == Place("x", 5, 13, 5, 14)
    assert move.place(Place("x", 6, 9, 6, 13)) == Place("x", 7, 9, 7, 13)
    assert move.place(Place("x", 1, 1, 1, 1)) == Place("x", 2, 1, 2, 1)
    assert move.place(Place("x", 2, 5, 2, 6)) == Place("x", 3, 5, 3, 6)


def test_half_typed_lines_keep_what_was_found(editor: Editor) -> None:
    editor.type(TEXT)
    assert editor.type(f"import os.\n{TEXT}") == FOUND
    editor.type(TEXT)
    assert editor.type(TEXT.replace("(16)", "(16, ")) == {**FOUND, "BN002": "nn.BatchNorm2d(16, "}
    editor.type(TEXT)
    assert editor.type(TEXT.replace("Conv2d(3, 8", "Conv2d(3, (8")) == FOUND  # only evidence is edited
    editor.type(TEXT)
    assert editor.type(TEXT.replace("nn.BatchNorm2d(16),\n    ", "(")) == {"BN401": FOUND["BN401"]}
    editor.type(TEXT)
    assert editor.type(f"{TEXT}\nnet.train(") == FOUND
    assert editor.judged == 1
    assert all(finding.fix is None for finding in editor.known.findings) if editor.known else False
    assert editor.type(f"{TEXT}\nnet.train()") == FOUND
    assert editor.judged == 2


def test_edits_at_both_ends_add_up(editor: Editor) -> None:
    editor.type(TEXT)
    editor.type(f"# above\n{TEXT}")
    assert editor.type(f"# above\n{TEXT}\n# below") == FOUND
    assert editor.type(f"# above\n{TEXT}\n# below\nnet(") == FOUND
    assert editor.type(f"import os.\n# above\n{TEXT}\n# below\nnet(") == FOUND
    assert editor.type(f"# above\n{TEXT}\n# below\n") == FOUND
    assert editor.judged == 1


def test_what_was_lost_while_typing_comes_back(editor: Editor) -> None:
    editor.type(TEXT)
    assert editor.type(TEXT.replace("    nn.BatchNorm2d(16),\n    nn.", "(")).keys() < FOUND.keys()
    assert editor.type(TEXT) == FOUND
    assert editor.judged == 1


def test_a_file_that_is_broken_from_the_beginning_is_read_leniently(editor: Editor) -> None:
    assert editor.type(f"{TEXT}\ndef f(:\n    pass\n") == FOUND


def test_what_else_has_changed_is_judged(editor: Editor) -> None:
    editor.type(TEXT)
    editor.checker.forget()
    editor.type(f"# a comment\n{TEXT}")
    assert editor.judged == 2
    Path("bn-lint.toml").write_text('ignore = ["BN002"]\n')
    assert editor.type(f"# a comment\n{TEXT}").keys() == {"BN401"}


def test_fixes_move(editor: Editor) -> None:
    text = "from torch import nn\n\nnet = nn.Sequential(nn.BatchNorm2d(8))\nnet.eval\n"
    editor.type(text)
    moved = f"# comment\n{text}"
    editor.type(moved)
    assert editor.judged == 1
    assert editor.known is not None
    (finding,) = [one for one in editor.known.findings if one.code == "BN102"]
    assert finding.fix is not None
    assert replaced(moved, map(Text(moved).span, finding.fix.edits)) == moved.replace("net.eval", "net.eval()")


def test_large_units_are_not_for_editors(editor: Editor, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("user.py").write_text("from net import net\n")
    editor.type(TEXT)
    assert editor.checker.users(absolute("user.py")) == {absolute("net.py")}
    monkeypatch.setattr(checking, "LARGEST", 10)
    monkeypatch.setattr(checking, "NEAREST", 10)
    editor.checker.forget()
    editor.type(TEXT)
    assert editor.checker.users(absolute("user.py")) == set()


def test_of_a_large_unit_the_nearest_files_count(monkeypatch: pytest.MonkeyPatch) -> None:
    # The widths are equal in all calls, so that nothing is wrong; without any of them, nobody knows that.
    Path("bn-lint.toml").touch()
    Path("block.py").write_text(BLOCK)
    Path("caller.py").write_text("from block import Block\nblock = Block(8, 8)\n")
    Path("far.py").write_text("from caller import block\n" + "# far\n" * 100 + "import torch\nbatchnorm = block\n")
    monkeypatch.setattr(checking, "LARGEST", 100)
    silenced = BLOCK.replace("(cin)\n", "(cin)  # bn-lint: ignore[BN002] what a caller that is far away needs\n")
    for room, codes in ((100, []), (10, ["BN002"])):
        monkeypatch.setattr(checking, "NEAREST", len(BLOCK) + room)
        checker = Checker()
        found = checker.file(absolute("block.py"), Open("file:///block.py", 1, BLOCK)).findings
        assert [finding.code for finding in found] == codes
        assert not checker.file(absolute("block.py"), Open("file:///block.py", 2, silenced)).findings
        near = {absolute("block.py")} if room == 100 else set()
        assert checker.users(absolute("caller.py")) == near
        assert checker.users(absolute("far.py")) == set()
    monkeypatch.setattr(checking, "NEAREST", 1_000)
    checker = Checker()
    checker.file(absolute("block.py"), Open("file:///block.py", 1, BLOCK))
    assert checker.users(absolute("far.py")) == {absolute("block.py")}


def test_which_files_belong_together_is_asked_when_imports_change(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("bn-lint.toml").touch()
    Path("block.py").write_text(BLOCK)
    asked: list[Path] = []
    ask = checking._unit

    def counted(given: File, *rest: Any) -> Neighborhood:
        asked.append(given.path)
        return ask(given, *rest)

    monkeypatch.setattr(checking, "_unit", counted)
    path, checker = absolute("net.py"), Checker()
    without = "import torch\nfrom torch.nn import BatchNorm2d\n"
    known = checker.file(path, Open(path.as_uri(), 1, without))
    known = checker.file(path, Open(path.as_uri(), 2, f"{without}size = 32\n"), known)
    assert len(asked) == 1
    assert not known.findings
    using = f"{without}from block import Block\n"
    known = checker.file(path, Open(path.as_uri(), 3, f"{using}net = Block(32, 64)\n"), known)
    assert len(asked) == 2
    assert [finding.place.path for finding in known.report.findings] == ["block.py"]
    checker.file(path, Open(path.as_uri(), 4, f"{using}net = Block(32, 16)\n"), known)
    assert len(asked) == 2


def test_an_analysis_that_nobody_waits_for_ends_with_the_next_entry_point() -> None:
    path, checker = absolute("net.py"), Checker()
    asked: list[bool] = []

    def is_wanted() -> bool:
        asked.append(len(asked) < 2)
        return asked[-1]

    functions = "".join(f"\n\ndef make_{number}():\n    return nn.BatchNorm{number}d(8)\n" for number in (1, 2, 3))
    with pytest.raises(Cancelled):
        checker.file(path, Open(path.as_uri(), 1, f"{TEXT}{functions}"), None, is_wanted)
    assert asked == [True, True, False]
    found = checker.file(path, Open(path.as_uri(), 2, TEXT)).findings
    assert {finding.code for finding in found} == {"BN002", "BN401"}


@pytest.mark.slow
def test_memory_does_not_grow_over_edits(editor: Editor) -> None:
    """What an edit leaves behind would add up: a tree is some hundred kilobytes."""

    def edit(numbers: range) -> int:
        for number in numbers:
            editor.type(f"{TEXT}\n# {number}\n")
            if number % 20 == 0:
                editor.type(f"{TEXT}\nsize = {number}\n")
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = edit(range(60))
        assert edit(range(60, 160)) - before < 50_000
    finally:
        tracemalloc.stop()
    assert editor.judged < 40


def test_settings_of_clients() -> None:
    assert ClientSettings.of(None) == ClientSettings()
    assert ClientSettings.of({"bn-lint": {"extend-select": ["BN4"], "project": False}}) == ClientSettings(
        extend_select=("BN4",), project=False
    )
    several: list[object] = [[], {"selects": []}, {"select": "BN4"}, {"project": "no"}]
    for wrong in several:
        with pytest.raises(ConfigError, match="settings of the editor"):
            ClientSettings.of(wrong)


@pytest.mark.parametrize(
    ("name", "text", "ignored"),
    [
        ("bn-lint.toml", "", ["BN002"]),
        ("bn-lint.toml", "[severity]\nBN4 = 'error'\n", ["BN002"]),
        ("bn-lint.toml", 'ignore = []\nselect = ["ALL"]\n', ["BN002"]),
        ("bn-lint.toml", 'ignore = [\n  "BN4",  # why\n]\n', ["BN002", "BN4"]),
        ("pyproject.toml", '[tool.bn-lint]\nignore = ["BN4"]\n', ["BN002", "BN4"]),
        ("pyproject.toml", '[tool.bn-lint]\n\n[tool.other]\nignore = ["X"]\n', ["BN002"]),
        ("pyproject.toml", "[tool.bn-lint]", ["BN002"]),
        ("pyproject.toml", "", ["BN002"]),
        ("pyproject.toml", '[project]\nname = "x"', ["BN002"]),
        ("pyproject.toml", "[tool.bn-lint.severity]\nBN4 = 'error'\n", ["BN002"]),
    ],
)
def test_rules_are_disabled(name: str, text: str, ignored: list[str]) -> None:
    Path(name).write_text(text)
    change = disabled_in_project(absolute("src/net.py"), "BN002")
    assert change is not None
    assert change.file == absolute(name)
    table = _toml(replaced(text, [change.text.span(change.edit)]).encode(), name)
    assert (table if name == "bn-lint.toml" else table["tool"]["bn-lint"])["ignore"] == ignored


def test_settings_begin_in_the_nearest_project() -> None:
    for folder in ("outer", "outer/inner/pkg", "outer/repository/.git"):
        Path(folder).mkdir(parents=True)
    assert disabled_in_project(absolute("outer/net.py"), "BN002") is None
    for name in ("outer", "outer/inner"):
        Path(name, "pyproject.toml").write_text("[project]\n")
    change = disabled_in_project(absolute("outer/inner/pkg/net.py"), "BN002")
    assert change is not None
    assert change.file == absolute("outer/inner/pyproject.toml")
    assert disabled_in_project(absolute("outer/repository/net.py"), "BN002") is None
    # Settings above count, and would no more if the project had some.
    Path("outer/bn-lint.toml").touch()
    change = disabled_in_project(absolute("outer/inner/pkg/net.py"), "BN002")
    assert change is not None
    assert change.file == absolute("outer/bn-lint.toml")


def test_a_table_in_another_form_is_left_alone() -> None:
    Path("pyproject.toml").write_text('[tool]\nbn-lint = {select = ["BN4"]}\n')
    assert disabled_in_project(absolute("net.py"), "BN002") is None


def test_places_move_around_the_edit() -> None:
    before, after = Text("abc def ghi"), Text("abc x def ghi")
    assert Edit(before, after).place(Place("a", 1, 1, 1, 4)) == Place("a", 1, 1, 1, 4)
    assert Edit(before, after).place(Place("a", 1, 5, 1, 8)) == Place("a", 1, 7, 1, 10)
    assert Edit(before, Text("abc dXf ghi")).place(Place("a", 1, 5, 1, 8)) == Place("a", 1, 5, 1, 8)
    assert Edit(before, Text("abc ghi")).place(Place("a", 1, 6, 1, 7)) is None


def test_what_is_whole() -> None:
    assert is_whole("x = 1\n")
    assert not is_whole("x = (\n")
    assert not is_whole("x = '\0'\0")
