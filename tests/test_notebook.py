"""Notebooks: which code their cells hold, where findings are in them, and what fixes leave alone."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bn_lint.cli import main as cli
from bn_lint.errors import SourceError
from bn_lint.output import FORMATS
from bn_lint.project.edits import LineReader
from bn_lint.project.notebook import Notebook, blanked, notebook
from bn_lint.project.source import from_bytes, load

Run = Callable[..., tuple[int, str, str]]

IMPORTS = ["%matplotlib inline\n", "from torch import nn"]
MISTAKE = ["net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, 8))\n", "net.eval  # ü"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(["check", "--no-cache", *arguments])
        captured = capsysbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return call


def cell(source: Any, kind: str = "code") -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": source}


def document(*cells: dict[str, Any], indent: int | None = 1, ascii_only: bool = False, **metadata: Any) -> str:
    content = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=indent, ensure_ascii=ascii_only) + "\n"


#: A project whose notebooks stand in a package; the module that trains does not name BatchNorm.
PACKAGE = {
    "notebooks/__init__.py": "",
    "src/__init__.py": "",
    "src/net.py": """
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten())
""",
    "src/build.py": """
from src.net import Net

def build(name):
    return Net()
""",
    "src/evaluation.py": """
import torch

def evaluate(model, batches):
    model.eval()
    with torch.no_grad():
        print(sum((model(images).argmax(1) == labels).sum() for images, labels in batches))
""",
    "src/training.py": """
import torch
from src.evaluation import evaluate

def train(model, batches):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for epoch in range(10):
        LINE
        for images, labels in batches:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
        evaluate(model, batches)
""",
}
TRAINING = """
import torch
from torch.utils.data import DataLoader
from src.build import build
from src.training import train

train(build("net"), DataLoader(torch.load("data.pt"), batch_size=8))
"""

NEAREST = "the nearest lines that do: cell 4:1 (`nn.BatchNorm2d(8, 8)`)."
EXAMPLE = (cell("# Title", "markdown"), cell(IMPORTS), cell([]), cell(MISTAKE))


def read(text: str) -> Notebook:
    return notebook(text, Path("nb.ipynb"), "nb.ipynb")


class TestReading:
    def test_code_cells_in_order(self) -> None:
        found = read(document(*EXAMPLE))
        assert [each.number for each in found.cells] == [2, 4]
        assert found.text.splitlines()[1] == "from torch import nn"
        assert found.text.splitlines()[2:] == [line.rstrip("\n") for line in MISTAKE]

    def test_source_may_be_one_string(self) -> None:
        assert read(document(cell("a = 1\nb = 2"), cell("c = 3\n"))).text == "a = 1\nb = 2\nc = 3\n"

    @pytest.mark.parametrize(
        "metadata", [{"kernelspec": {"language": "julia"}}, {"language_info": {"name": "R"}, "kernelspec": 5}]
    )
    def test_other_languages_are_left_alone(self, metadata: dict[str, Any]) -> None:
        assert read(document(cell("x <- 3"), **metadata)).text == ""

    @pytest.mark.parametrize("source", [[1, "batchnorm"], 5, None, {"a": 1}, ["a", ["b"]]])
    def test_a_source_that_is_no_text_is_refused(self, source: Any) -> None:
        wrong = {**cell("x"), "source": source}
        with pytest.raises(SourceError, match=r"nb\.ipynb is no notebook: the source of cell 2 is no text"):
            read(json.dumps({"cells": [cell("x"), wrong]}))
        assert not read(json.dumps({"cells": [{**wrong, "cell_type": "markdown"}]})).cells

    def test_of_members_with_one_name_the_last_counts(self) -> None:
        code = json.dumps(cell("b = 2"))
        assert read(f'{{"cells": [{json.dumps(cell("a = 1"))}], "cells": [{code}]}}').text == "b = 2\n"

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 5}', "x" * 99, "[" * 100_000])
    def test_what_is_no_notebook_is_refused(self, text: str) -> None:
        with pytest.raises(SourceError, match=r"nb\.ipynb is no notebook"):
            read(text)

    def test_coding_lines_mean_nothing(self) -> None:
        data = document(cell("# coding: latin-1\ns = 'ü'"), indent=None).encode()
        assert "ü" in from_bytes(data, Path("nb.ipynb"), "nb.ipynb").text
        assert load_with_mark(data).data == b"\xef\xbb\xbf" + data


def load_with_mark(data: bytes) -> Any:
    Path("nb.ipynb").write_bytes(b"\xef\xbb\xbf" + data)
    return load(Path("nb.ipynb"))


class TestMagics:
    @pytest.mark.parametrize(
        "code",
        [
            "%matplotlib inline\nx = 1",
            "!pip install torch",
            "if x:\n    !ls\nelse:\n    %time f()\n",
            "files = !ls *.py\n",
            "best = %timeit -o f()",
            "best = \\\n    %timeit -o f()\nx = 1",
            "nn.Conv2d?\n?model\nnn.Linear??",
            "!pip install a \\\n    b \\\n    c\nx = 1",
            "%%bash\nls (\nfi",
            "%%html\n<b>",
            "%%time\nx = f(1)\n",
            "\n%%capture out\nx = 1",
            "%load_ext autoreload\n%autoreload 2",
            "pip install torch\nx = 1",
            "import a\ncd ../data\nmkdir -p results\nx = 1",
            "pip install a \\\n    b\nx = 1",
        ],
    )
    def test_they_become_python_of_the_same_length(self, code: str) -> None:
        text = blanked(code)
        ast.parse(text)
        assert [len(line) for line in text.split("\n")] == [len(line) for line in code.split("\n")]
        assert "x" not in text or "x" in code

    @pytest.mark.parametrize(
        "code",
        [
            "x = (a\n  % b)",
            's = """\n%matplotlib inline\n!ls\n"""',
            "x = a \\\n    % b",
            "y = 5 % 3\nz = a != b\n",
            "x = f(  # (\n    '(',\n    3)\n",
            "s = 'what?'  # what?",
            "pip = 1\npip.main(pip)\ncat in x\nls -l\nrm if x else y\ncp [0]\n",
            's = """\npip install torch\n"""\n',
        ],
    )
    def test_python_stays(self, code: str) -> None:
        assert blanked(code) == code

    def test_the_body_of_a_timed_cell_is_code(self) -> None:
        assert blanked("%%time\nx = f(1)\n") == "      \nx = f(1)\n"
        assert blanked("%%bash\nx = f(1)\n").strip() == ""


class TestFindings:
    def test_by_cell_and_line(self, run: Run) -> None:
        Path("nb.ipynb").write_text(document(*EXAMPLE))
        code, out, _ = run("--output-format=concise")
        assert code == 1
        assert [line.split(" error")[0] for line in out.splitlines()[:2]] == [
            "nb.ipynb:cell 4:1:41:",
            "nb.ipynb:cell 4:2:1:",
        ]

    @pytest.mark.parametrize("output_format", FORMATS)
    def test_every_format_names_the_cell(self, run: Run, output_format: str) -> None:
        Path("nb.ipynb").write_text(document(*EXAMPLE))
        out = run(f"--output-format={output_format}")[1]
        if output_format in ("json", "json-lines"):
            found = [json.loads(line) for line in out.splitlines()] if "lines" in output_format else None
            found = json.loads(out)["findings"] if found is None else found
            assert [(one["path"], one["cell"], one["line"]) for one in found] == [
                ("nb.ipynb", 4, 1),
                ("nb.ipynb", 4, 2),
            ]
            assert found[0]["fix"]["edits"][0]["cell"] == 4
        else:
            assert "cell 4" in out

    @pytest.mark.parametrize(("line", "codes"), [("pass", {"BN103"}), ("model.train()", set())])
    def test_it_is_a_program_in_a_package_too(self, run: Run, line: str, codes: set[str]) -> None:
        for name, text in PACKAGE.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("LINE", line))
        Path("notebooks", "training.ipynb").write_text(document(cell(TRAINING)))
        found = json.loads(run("--output-format=json", ".")[1])["findings"]
        assert {one["code"] for one in found} == codes

    def test_the_quoted_line_is_that_of_the_cell(self, run: Run) -> None:
        Path("nb.ipynb").write_text(document(*EXAMPLE))
        assert "2 | net.eval  # ü\n" in run()[1]

    def test_a_line_is_explained(self, run: Run) -> None:
        Path("nb.ipynb").write_text(document(*EXAMPLE))
        code, out, err = run("--explain=nb.ipynb:cell 4:1:41")  # as the reports name it, column and all
        assert (code, err) == (0, "")
        assert "nb.ipynb:cell 4:1:41: `nn.BatchNorm2d(8, 8)` builds a BatchNorm layer\n" in out
        assert "\n  nb.ipynb:cell 2:1: the file was run, because it mentions BatchNorm" in out
        assert "1 | net = nn.Sequential" in out
        told = json.loads(run("--explain=nb.ipynb:cell 4:1", "--output-format=json")[1])
        assert (told["path"], told["cell"], told["line"]) == ("nb.ipynb", 4, 1)
        assert {(one["cell"], one["line"]) for one in (*told["subjects"], *told["findings"])} == {(4, 1)}
        assert {(step["cell"], step["line"]) for step in told["subjects"][0]["told"]} == {(2, 1), (4, 1)}

    @pytest.mark.parametrize(
        ("place", "message"),
        [
            ("nb.ipynb:3", "lines of notebooks count by cell: nb.ipynb:cell 1:3."),
            ("nb.ipynb:cell 1:1", "nb.ipynb has no code in cell 1."),
            ("nb.ipynb:cell 2:3", "nb.ipynb:cell 2 has 2 lines."),
            ("model.py:cell 2:1", "model.py has no code in cell 2."),
            (
                "nb.ipynb:cell 2:2",
                f"nothing in this line has to do with BatchNorm; {NEAREST}",
            ),
            ("broken.ipynb:cell 1:2", "broken.ipynb is not valid Python: '(' was never closed (cell 2:1)."),
        ],
    )
    def test_a_line_that_cannot_be_explained(self, run: Run, place: str, message: str) -> None:
        Path("nb.ipynb").write_text(document(*EXAMPLE))
        Path("broken.ipynb").write_text(document(cell(IMPORTS), cell("nn.BatchNorm2d(8\n")))
        Path("model.py").write_text("from torch import nn\nnn.BatchNorm2d(8)\n")
        assert run(f"--explain={place}") == (2, "", f"error: --explain {place}: {message}\n")

    def test_comments_silence(self, run: Run) -> None:
        silenced = [MISTAKE[0].replace("\n", "  # bn-lint: ignore[BN403]\n"), "net.eval()"]
        Path("nb.ipynb").write_text(document(cell(IMPORTS), cell(silenced)))
        assert run() == (0, "All checks passed!\n", "")

    def test_syntax_errors(self, run: Run) -> None:
        Path("nb.ipynb").write_text(document(cell(IMPORTS), cell("nn.BatchNorm2d(8\n")))
        assert "nb.ipynb:cell 2:1:" in run("--output-format=concise")[1]

    def test_the_rest_of_a_notebook_with_syntax_errors(self, run: Run) -> None:
        cells = (cell(IMPORTS), cell("print net\n!ls\nx = = 3"), cell(MISTAKE), cell("f("))
        Path("nb.ipynb").write_text(document(*cells))
        found = json.loads(run("--output-format=json")[1])["findings"]
        places = {each["code"]: (each["cell"], each["line"]) for each in found}
        assert places["BN902"][0] == 2
        assert places["BN403"] == (3, 1)
        told = next(each for each in found if each["code"] == "BN902")["evidence"]
        assert [(each["cell"], each["line"]) for each in told] == [(2, 3), (4, 1)]

    def test_broken_files_are_reported(self, run: Run) -> None:
        Path("nb.ipynb").write_text('{"cells": "BatchNorm2d"')
        code, _, err = run()
        assert code == 2
        assert "BN901" in err
        assert "nb.ipynb is no notebook: it is not valid JSON." in err

    def test_checkpoints_are_left_out(self, run: Run) -> None:
        Path(".ipynb_checkpoints").mkdir()
        Path(".ipynb_checkpoints/nb.ipynb").write_text(document(*EXAMPLE))
        Path("a.py").touch()
        assert run()[0] == 0

    def test_standard_input(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        import io
        import sys

        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(document(*EXAMPLE).encode())))
        assert "nb.ipynb:cell 4:2:1:" in run("-", "--stdin-filename=nb.ipynb", "--output-format=concise")[1]


class TestFixing:
    @pytest.mark.parametrize("ascii_only", [False, True])
    @pytest.mark.parametrize("indent", [None, 1, 4])
    def test_only_the_lines_change(self, run: Run, indent: int | None, ascii_only: bool) -> None:
        text = document(*EXAMPLE, indent=indent, ascii_only=ascii_only, title="é")
        Path("nb.ipynb").write_text(text)
        assert run("--fix", "--unsafe-fixes") == (0, "Found 2 errors (2 fixed, 0 remaining).\n", "")
        assert Path("nb.ipynb").read_text() == text.replace("d(8, 8)", "d(8)").replace("net.eval ", "net.eval() ")

    def test_a_cell_of_one_string(self, run: Run) -> None:
        text = document(cell("\n".join(IMPORTS) + "\n" + "".join(MISTAKE)), cell("!ls"))
        Path("nb.ipynb").write_text(text)
        assert run("--fix", "--unsafe-fixes")[0] == 0
        assert Path("nb.ipynb").read_text() == text.replace("d(8, 8)", "d(8)").replace("net.eval ", "net.eval() ")

    def test_new_lines_in_the_last_line_of_a_cell_and_behind_a_magic(self, run: Run) -> None:
        method = ["class A(nn.Module):\n", "    def train(self, mode=True):\n", "        super().train(mode)\n"]
        magic = [*method, "        %time x = 1"]
        use = ["layer = nn.BatchNorm2d(8)\n", "net = A().eval()\n"]
        Path("nb.ipynb").write_text(document(cell(IMPORTS), cell(magic), cell(use)))
        assert run("--fix")[0] == 0
        fixed = json.loads(Path("nb.ipynb").read_text())["cells"]
        assert fixed[1]["source"] == [*method, "        %time x = 1\n", "        return self"]
        assert fixed[2]["source"] == use

    def test_diff_goes_cell_by_cell(self, run: Run) -> None:
        Path("nb.ipynb").write_text(document(*EXAMPLE))
        out = run("--diff", "--unsafe-fixes")[1]
        assert out.startswith("--- nb.ipynb:cell 4\n+++ nb.ipynb:cell 4\n@@ -1,2 +1,2 @@\n-net = ")
        assert out.endswith("+net.eval()  # ü\n\\ No newline at end of file\n")

    def test_ignore_comments_are_added_to_cells(self, run: Run) -> None:
        text = document(*EXAMPLE)
        Path("nb.ipynb").write_text(text)
        assert run("--add-ignore")[1] == "Added 2 comments to 1 file.\n"
        assert json.loads(Path("nb.ipynb").read_text())["cells"][3]["source"] == [
            MISTAKE[0].replace("\n", "  # bn-lint: ignore[BN403]\n"),
            "net.eval  # ü  # bn-lint: ignore[BN102]",
        ]
        assert run()[0] == 0


@pytest.mark.parametrize(
    "text", ["%%bash\n" + "x" * 20_000, "%\n" + " " * 20_000, "%x\n" * 5_000, '"""\n' + "!\n" * 5_000]
)
def test_blanking_takes_no_longer_for_long_cells(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line is read once, and no pattern goes back over it: otherwise this takes minutes."""
    read: list[int] = []
    real = LineReader.read

    def counted(self: LineReader, line: str) -> None:
        read.append(len(line))
        real(self, line)

    monkeypatch.setattr(LineReader, "read", counted)
    assert len(blanked(text)) == sum(read) == len(text)
