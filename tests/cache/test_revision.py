"""Edits that leave the code alone: what moves, and that nothing is judged again."""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from bn_lint.cli import main as cli
from bn_lint.facts import Place
from bn_lint.project.revision import _parts, revision, top_level_parts

ROOT = Path(__file__).parent.parent.parent
CODE = '''"""What it is."""
from torch import nn


class Net(nn.Module):
    """A net.

    Long.
    """

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)  # three colors
        self.bn = nn.BatchNorm2d(
            16,  # too many
        )

    def forward(self, x):
        # both
        return self.bn(self.conv(x))


net = Net()
'''


def place(text: str, part: str) -> Place:
    """Where a part of a text is."""
    at = text.index(part)
    begin, end = (text[: at + size].split("\n") for size in (0, len(part)))
    return Place("net.py", len(begin), len(begin[-1]) + 1, len(end), len(end[-1]) + 1)


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: "# first\n\n" + text,
        lambda text: text.replace("  # three colors", ""),
        lambda text: text.replace("        # both\n", "\n\n# many\n  # lines\n"),
        lambda text: text.replace("    Long.\n", ""),
        lambda text: text.replace("What it is.", "What it\nis."),
        lambda text: text + "\n\n# the end",
        lambda text: text.replace("class Net(nn.Module):", "class Net(nn.Module):  # noqa"),
    ],
)
def test_places_move(edit: Callable[[str], str]) -> None:
    text = edit(CODE)
    found = revision(CODE, text)
    assert found is not None
    for part in ("nn.Conv2d(3, 8, 3)", "nn.BatchNorm2d(\n            16,  # too many\n        )", "net = Net()"):
        assert found.moved(place(CODE, part)) == place(text, part)


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("3, 8", "3,  8"),
        lambda text: text.replace("# too many", "# few"),  # messages may quote all of an expression
        lambda text: text.replace('"""A net.', '"""The bn of a net.'),  # a layer that is mentioned is used
        lambda text: text.replace("Long.", "Of modules."),  # which may be all that there are
        lambda text: text.replace('    """A net.\n\n    Long.\n    """\n', ""),
        lambda text: text.replace("# both", "# net.train() may be called"),  # texts are searched for that
        lambda text: text + "\n# import os\nimport os",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("# both", "# \f"),
        lambda text: text + "\n)",
        lambda text: text.replace("        # both\n        return", "        return"[4:]),
    ],
)
def test_what_may_be_more_than_layout(edit: Callable[[str], str]) -> None:
    text = edit(CODE)
    assert text != CODE
    assert revision(CODE, text) is None


def test_windows() -> None:
    old, new = CODE.replace("\n", "\r\n"), ("# first\n" + CODE).replace("\n", "\r\n")
    found = revision(old, new)
    assert found is not None
    assert found.moved(place(CODE, "Net()")) == place("# first\n" + CODE, "Net()")
    assert revision(old, "# first\n" + old) is None


def test_a_block_may_end_at_comments() -> None:
    block = CODE[CODE.index("class") : CODE.index("\n\n\nnet")]
    found = revision(CODE, CODE.replace(block, f"{block}\n    # more"))
    assert found is not None
    assert found.moved(place(CODE, block)) is None


def test_a_block_moves_with_edits_elsewhere() -> None:
    block = CODE[CODE.index("class") : CODE.index("\n\n\nnet")]
    text = f"# more\n\n{CODE}# the end"
    found = revision(CODE, text)
    assert found is not None
    assert found.moved(place(CODE, block)) == place(text, block)


def test_strings_that_are_no_docstrings_are_code() -> None:
    old = 'x = 1\n"""a"""\ny = (\n"""a"""\n)\n'
    assert revision(old, old.replace("a", "b")) is None
    assert revision(old, old + "# b") is not None


class TestRuns:
    """With the cache."""

    @pytest.fixture
    def judged(self, monkeypatch: pytest.MonkeyPatch) -> list[object]:
        import bn_lint.check.judge

        seen: list[object] = []
        original = bn_lint.check.judge.judge

        def judge(*arguments: object, **options: object) -> object:
            seen.append(arguments)
            return original(*arguments, **options)  # type: ignore[arg-type]

        monkeypatch.setattr("bn_lint.check.judge.judge", judge)
        return seen

    @staticmethod
    def check(*options: str) -> None:
        cli.main(["check", "-q", "--output-format=json", "--show-coverage", *options])

    def same(self, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
        """The report with the cache, which is that without."""
        capsys.readouterr()
        self.check()
        report = capsys.readouterr().out
        return dict(json.loads(report))

    def test_comments_cost_nothing(self, judged: list[object], capsys: pytest.CaptureFixture[str]) -> None:
        Path("net.py").write_text(CODE)
        self.check()
        assert len(judged) == 1
        for text in ("# 1\n" + CODE, CODE.replace("    Long.\n", "\n\n    Longer.\n"), CODE, "\n\n" + CODE + "# 2\n"):
            Path("net.py").write_text(text)
            report = self.same(capsys)
            assert len(judged) == 1
            self.check("--no-cache")
            assert json.loads(capsys.readouterr().out) == report
            assert "BN002" in str(report)
            judged.pop()

    def test_code_is_judged(self, judged: list[object], capsys: pytest.CaptureFixture[str]) -> None:
        Path("net.py").write_text(CODE)
        self.check()
        Path("net.py").write_text("# 1\n" + CODE.replace("16", "8"))
        assert "BN002" not in str(self.same(capsys))
        assert len(judged) == 2

    def test_a_call_that_is_commented_out(self, judged: list[object], capsys: pytest.CaptureFixture[str]) -> None:
        code = """
import torch
from torch import nn
net = nn.BatchNorm1d(8)
net.load_state_dict(torch.load("net.pt"))
{}
with torch.no_grad():
    print(net(torch.load("data.pt")).argmax(1))
"""
        for count, (comment, found) in enumerate(
            (("# net.load()", True), ("# net.eval()", False), ("# eval", True)), 1
        ):
            Path("net.py").write_text(code.format(comment))
            assert ("BN101" in str(self.same(capsys))) is found
            assert len(judged) == count

    def test_comments_of_the_context(self, judged: list[object], capsys: pytest.CaptureFixture[str]) -> None:
        Path("net.py").write_text(
            CODE.replace("16,", "WIDTH,").replace("from torch", "from sizes import WIDTH\nfrom torch")
        )
        Path("sizes.py").write_text("WIDTH = 16\n")
        self.check()
        Path("sizes.py").write_text("# wide\nWIDTH = 16\n")
        assert "BN002" in str(self.same(capsys))
        assert len(judged) == 1
        Path("sizes.py").write_text("# narrow\nWIDTH = 8\n")
        assert "BN002" not in str(self.same(capsys))
        assert len(judged) == 2

    def test_code_that_nobody_looks_at(self, judged: list[object], capsys: pytest.CaptureFixture[str]) -> None:
        Path("net.py").write_text(CODE.replace("from torch", "import data\nfrom torch"))
        Path("data.py").write_text("import csv\ndef read(path):\n    return list(csv.reader(path))\n")
        self.check()
        for body, count in (
            ("    rows = open(path)\n    return sorted(csv.reader(rows))", 1),
            ("    net = Net()\n    return net", 2),  # it uses what is judged
            ("    net = Net()\n    net.eval()\n    return net", 3),
            ("    return (", 4),
        ):
            Path("data.py").write_text(f"import csv\nfrom net import Net\ndef read(path):\n{body}\n")
            if count == 1:
                Path("data.py").write_text(f"import csv\ndef read(path):\n{body}\n")
            report = self.same(capsys)
            assert len(judged) == count
            self.check("--no-cache")
            judged.pop()
            assert json.loads(capsys.readouterr().out) == report


def test_all_questions_about_texts_are_known() -> None:
    """What is asked here of a text is part of `mentions.answers`."""
    found: Counter[str] = Counter()
    for path in sorted((ROOT / "bn_lint/static").rglob("*.py")):
        found[path.relative_to(ROOT / "bn_lint/static").as_posix()] = len(
            re.findall(r"source\.text\b", path.read_text())
        )
    assert +found == {
        "analyze.py": 2,
        "call_sites.py": 1,
        "fix_layout/registration.py": 1,
        "imported_models.py": 9,
        "interpreter/registries.py": 3,
        "interpreter/missing_attributes.py": 1,
        "libraries/zoo.py": 1,
        "schedule.py": 7,
        "syntactic/survey.py": 1,
        "syntactic/__init__.py": 1,
        "syntactic/freezing.py": 4,
        "syntax/python_2.py": 1,
        "syntax/source_files.py": 3,
        "syntax/tree.py": 1,
        "torch_model/foreign_calls.py": 1,
        "torch_model/parallel.py": 1,
        "torch_model/symbolic_models.py": 1,
        "training/chosen_modes.py": 2,
        "training/purpose.py": 2,
        "training/symbolic_models.py": 1,
        "turns/keeper.py": 3,
        "turns/past.py": 3,
    }


LINES = (
    *(
        "# c",
        "x = 1",
        "    y = 2",
        "else:",
        "@dec",
        "'''",
        "x = \\",
        "(",
        ")",
        "class A:",
        "    pass",
        "return 1",
        "a; b",
        "\\",
    ),
    *("# c \\", "  # c", "try:", "except E:"),
)


@pytest.mark.parametrize("seed", range(6))
def test_a_text_is_divided_as_if_it_were_parsed_as_a_whole(seed: int) -> None:
    random = Random(seed)
    text, parsed = CODE * 2, 0
    for _ in range(300):
        rows = text.split("\n")
        at = random.randrange(len(rows) + 1)
        if random.random() < 0.6:
            edited = "\n".join([*rows[:at], *random.sample(LINES, random.randrange(1, 3)), *rows[at:]])
        elif random.random() < 0.7:
            edited = "\n".join([*rows[:at], *rows[at + random.randrange(1, 4) :]])
        else:
            at = random.randrange(len(text) + 1)
            edited = text[:at] + random.choice("a\n'( #\\") + text[at:]
        answers = [divided(ask, edited) for ask in (_parts, top_level_parts.__wrapped__)]
        assert answers[0] == answers[1], edited
        if answers[0] is not None:
            text, parsed = edited, parsed + 1
    assert parsed > 50  # the others are no Python


def divided(ask: Callable[[str], tuple[str, ...]], text: str) -> tuple[str, ...] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ask(text)
    except (SyntaxError, ValueError):
        return None
