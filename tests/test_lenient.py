"""Reading files that Python 3 refuses: the same places, no false findings, no fixes, in a time in proportion."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from bn_lint.check.pipeline import check
from bn_lint.check.report import Report
from bn_lint.project.config import Configuration
from bn_lint.project.discovery import File
from bn_lint.project.edits import NEWLINE
from bn_lint.static.syntax import lenient, python_2
from bn_lint.static.syntax.layout import Layout
from bn_lint.static.syntax.parse import ParseError, parse

ROOT = Path(__file__).parent.parent

RESPELLED = {
    "x.cuda(async=True)": "x.cuda(asyn_=True)",
    "x.cuda(async = True)": "x.cuda(asyn_ = True)",
    "self.async.await": "self.asyn_.awai_",
    "from x import async": "from x import asyn_",
    "await = 3": "awai_ = 3",
    "async def f():\n    await g(async=await x)": "async def f():\n    await g(asyn_=await x)",
    'print "x"': 'None, "x"',
    'print"x", y,': 'None,"x", y,',
    "if x: print x; print not y": "if x: None, x; None, not y",
    "if x:\n\tprint {1: 2}\nelse: print 1": "if x:\n\tNone, {1: 2}\nelse: None, 1",
    'print "a" \\\n    "b"': 'None, "a" \\\n    "b"',
    'exec "x = 1" in names': 'any, "x = 1" in names',
    'raise E, "x" # why': "raise E      # why",
    "raise E, f(1,\n    2), tb\nx = 1": "raise E      \n          \nx = 1",
    "x <> y": "x != y",
    "y = `x`": "y = (x)",
    "os.mkdir(p, 0777)": "os.mkdir(p, _777)",
    "x = 10L + 0xFFL": "x = 10  + 0xFF ",
    r'x = ur"\d"': r'x =  r"\d"',
}

#: Texts that grow, of about so many characters.
SMALL, LARGE = 2_000, 16_000
GROWING = {
    "statements of Python 2": "print x, 0777\n",
    "raising": "raise E, (1, 2, 3), x\n",
    "one tuple that is raised": ("raise E, (", "1, ", ")"),
    "keyword arguments": ("f(", "async=1, ", ")"),
    "broken statements": "x = = y\n",
    "broken statements that interrupt": "x y\n    z\n",
    "broken definitions of one name": "def f(:\n    f(x)\n",
    "definitions that use each other": ("x = = f\n", "def f():\n    f()\n", ""),
    "imports and broken statements": "import a.b as c\nc = = d.e\n",
    "open brackets": "def f(x:\n",
    "open brackets in one statement": ("x = ", "(\n", ""),
    "closed brackets": ")\n",
    "decorators": "@a\n",
    "clauses": "else:\n",
    "conflicts": "<<<<<<< ours\nx = 1\n=======\nx = 2\n>>>>>>> theirs\n",
    "open strings": "'\n",
    "backticks": ("x = [", "`a`, ", "]\n"),
    "attributes": ("x = = a", ".b", "\n"),
    "numbers": ("x = = 1", "e-1", "\n"),
}


@pytest.mark.parametrize(("old", "new"), RESPELLED.items())
def test_old_spellings(old: str, new: str) -> None:
    with pytest.raises(ParseError):
        parse(old)
    assert lenient.respelled(old) == new
    assert len(old) == len(new)
    reading = lenient.read_leniently(old)
    assert reading.text == new
    assert reading.error is not None
    assert reading.left_out == ()


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["bn_lint", "rules", "tests", "fixtures", "benchmarks"])
def test_valid_code_stays_as_it_is(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert lenient.respelled(text) == text, path


@pytest.mark.parametrize(
    "text",
    [
        "async def f(x):\n    async with a: await x\n    async for _ in x: print(await (x), [i async for i in x])\n",
        "print\nprint(1), 2\nprint >> f, 'x'\nprint[0] = print.x = print - 1\nprint if x else y\n",
        "x = 0, 00, 0.05, 1e-05, .07, 0x0F, 0o17, 1_0, 0b1, 1.e05, 05.5, 1j\n",
        "try:\n    pass\nexcept (A, B) as e:\n    raise E(1, 2) from e\nexcept A, B:\n    raise\n",
        "'''\nprint 'x'\n'''\n# print 'x' <> `y`\nx = 'async=1', \"0777\"\n",
        "exec('x')\nx: print\n",
    ],
)
def test_valid_code_looks_like_old_spellings(text: str) -> None:
    parse(text)
    assert lenient.respelled(text) == text


def lines_judged(text: str) -> tuple[set[int], tuple[tuple[int, int], ...]]:
    """The lines in which statements of the file begin, and the lines that were left out."""
    reading = lenient.read_leniently(text)
    where = Layout(reading.tree, reading.text)
    found = NEWLINE.split(text)
    kept = NEWLINE.split(reading.text)
    assert len(found) == len(kept)
    begun = {where.position(statement)[0] for statement in reading.tree.body}
    return {line for line in begun if found[line - 1] == kept[line - 1]}, reading.left_out


@pytest.mark.parametrize(
    ("text", "judged", "left_out"),
    [
        pytest.param("x = 1\ny = = 2\nz = 3\n", {1, 3}, ((2, 2),), id="one statement"),
        pytest.param("x = 1\ny = f(2\nz = 3\ndef g():\n    pass\n", {1, 4}, ((2, 3),), id="an open bracket"),
        pytest.param("x = 1\ndef f():\n    y = [1\n    return y\nz = 3\n", {1, 5}, ((2, 4),), id="one in a function"),
        pytest.param("x = 1\ns = '''\ny = 2\n", {1}, ((2, 2),), id="an open string"),
        pytest.param("x = 1\r\ny = = 2\r\nz = 3\r\n", {1, 3}, ((2, 2),), id="other line ends"),
        pytest.param("import a\ndef f():\n    return g(\nclass A:\n    pass\n", {1, 4}, ((2, 3),), id="half a call"),
        pytest.param("x = 1\nif x:\n    y = = 1\nelse:\n    y = 2\nz = 3\n", {1, 6}, ((2, 5),), id="a clause"),
        pytest.param("x = 1\n@f(\ndef g():\n    pass\nz = 3\n", {1, 5}, ((2, 4),), id="a decorator"),
        pytest.param("x = 1\ny = x² + a.z²\nz = 3\n", {1, 3}, ((2, 2),), id="no names"),
        pytest.param("x = 1\n%matplotlib inline\nz = 3\n", {1, 3}, ((2, 2),), id="a magic"),
        pytest.param(
            "x = 1\ndef f():\n    y = 1\ny = = 2\n    return y\nz = 3\n",
            {1, 6},
            ((2, 3), (4, 5)),
            id="within a function",
        ),
        pytest.param(
            "x = 1\ndef f():\n<<<<<<< a\n    y = 1\n=======\n    y = 2\n>>>>>>> b\n    return y\nz = 3\n",
            {1, 9},
            ((2, 8),),
            id="a conflict",
        ),
        # What unreadable code uses may be used in any way: nothing is said about it either.
        pytest.param(
            "def f():\n    g()\ndef g():\n    pass\ndef h():\n    f()\nx = f(\n", {5}, ((7, 7),), id="what it uses"
        ),
    ],
)
def test_what_cannot_be_read(text: str, judged: set[int], left_out: tuple[tuple[int, int], ...]) -> None:
    assert lines_judged(text) == (judged, left_out)


@pytest.mark.parametrize(
    "text", ["x = = 1\n", "Dear all,\nthis is no Python\n", "x = " + "(" * 300, "", "\n" * 9 + "?"]
)
def test_what_is_not_python_at_all(text: str) -> None:
    if not text:
        assert lenient.read_leniently(text).error is None
        return
    with pytest.raises(ParseError):
        lenient.read_leniently(text)


def grown(unit: str | tuple[str, str, str], size: int) -> str:
    begin, middle, end = ("", unit, "") if isinstance(unit, str) else unit
    return begin + middle * (size // len(middle)) + end


def seconds(text: str) -> float:
    began = time.process_time()
    with contextlib.suppress(ParseError):
        lenient.read_leniently(text)
    return time.process_time() - began


@pytest.mark.slow
@pytest.mark.parametrize("unit", GROWING.values(), ids=GROWING)
def test_it_takes_time_in_proportion_to_the_text(unit: str | tuple[str, str, str]) -> None:
    short, long = grown(unit, SMALL), grown(unit, LARGE)
    # The sixty-four of a quadratic reading are far from the eight of a linear one, on any machine.
    limit = 24 * max(min(seconds(short) for _ in range(3)), 1e-3)
    assert any(seconds(long) < limit for _ in range(3))


# -- whole checks ---------------------------------------------------------------------------------------------------

NET = """from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x):
        x = x.cuda(async=True); return self.norm(self.conv(x))


print "%s" % Net(),
"""


def report_on(tmp_path: Path, text: str) -> Report:
    path = tmp_path / "net.py"
    return check([File(str(path), "net.py", explicit=True, data=text.encode())], Configuration())


def test_what_only_the_parser_refuses_is_a_note(tmp_path: Path) -> None:
    report = report_on(tmp_path, "from torch import nn\nnn.BatchNorm2d(8, momentum=0.99)\n(no_such_global): int\n")
    assert [finding.code for finding in report.findings] == ["BN401"]
    (note,) = report.problems
    assert (note.code, note.place.line, note.internal) == ("BN903", 3, False)
    assert note.message.endswith("; the rest of the file was checked")


def test_places_are_those_of_the_file(tmp_path: Path) -> None:
    refused, accepted = (
        report_on(tmp_path, NET),
        report_on(tmp_path, NET.replace("async=", "asyn_=").replace("pr", "#")),
    )
    error, finding = refused.findings
    assert (finding.code, finding.place.line, error.code) == ("BN902", 11, "BN002")
    assert [error.place] == [found.place for found in accepted.findings]
    at_call = next(step for step in error.evidence if "called" in step.message)
    line = NET.split("\n")[at_call.place.line - 1]
    assert line[at_call.place.column - 1 : at_call.place.end_column - 1] == "self.norm(self.conv(x))"


def test_no_fixes(tmp_path: Path) -> None:
    text = "from torch import nn\n\nnet = nn.Sequential(nn.BatchNorm2d(8))\nnet.eval\n"
    assert [found.fix is None for found in report_on(tmp_path, text).findings] == [False]
    codes = {found.code: found.fix for found in report_on(tmp_path, f"{text}print net\n").findings}
    assert codes == {"BN102": None, "BN902": None}


def test_what_was_left_out_is_told(tmp_path: Path) -> None:
    text = NET.replace("async=", "") + "\n\ndef main():\n    return Other(\n"
    assert [found.code for found in report_on(tmp_path, text).findings] == ["BN002", "BN902"]
    told = report_on(tmp_path, text).findings[-1]
    assert told.help is not None
    assert told.help.startswith("the rest of this file was checked")
    assert [(step.message, step.place.line) for step in told.evidence] == [
        ("these 2 lines, and what they use, are not checked", 17)
    ]


TRAINING = """import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width=8, behind=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.norm = nn.BatchNorm2d(behind)

    def forward(self, x):
        return self.norm(self.conv(x))


def build(width):
    return nn.Sequential(Block(width, width), nn.Flatten())


def test(model, batches):
    with torch.no_grad():
        return [model(images).argmax(1) for images in batches]


model = build(4)
for images in torch.load("images.pt"):
    model(images).sum().backward()
model.eval()
test(model, torch.load("test.pt"))
"""


@pytest.mark.slow
@pytest.mark.parametrize("line", [number for number, text in enumerate(TRAINING.split("\n")) if text.strip()])
def test_half_typed_code_raises_no_false_findings(tmp_path: Path, line: int) -> None:
    assert report_on(tmp_path, TRAINING).findings == []
    lines = TRAINING.split("\n")
    begin = len(lines[line]) - len(lines[line].lstrip())
    for end in range(begin + 1, len(lines[line]), 4):
        text = "\n".join([*lines[:line], lines[line][:end], *lines[line + 1 :]])
        with contextlib.suppress(ParseError):
            parse(text)
            continue  # another program, and a valid one
        assert {found.code for found in report_on(tmp_path, text).findings} <= {"BN902"}, text


def test_files_are_searched_once_for_signs_of_python_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question is asked at each division of a program, and there may be hundreds of files."""
    searched: list[str] = []

    class Sign:
        def search(self, text: str) -> None:
            searched.append(text)

    monkeypatch.setattr(python_2, "_SIGN", Sign())
    other = "import net\nfrom torch import nn\nnn.BatchNorm2d(8)\n"
    for name, text in {
        "net.py": "from torch import nn\nn = 64\n" + "nn.BatchNorm2d(n / 2)\n" * 20,
        "one.py": other,
        "two.py": other,
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    check([File(str(path), path.name) for path in sorted(tmp_path.glob("*.py"))], Configuration(isolated=True))
    assert len(searched) == 3
