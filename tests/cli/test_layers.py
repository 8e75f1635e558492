"""`bn-lint layers`: the table of all BatchNorm layers."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bn_lint.check.outcome import Outcome, decode, encode
from bn_lint.cli import main as cli
from bn_lint.facts import Coverage, Inventory, Mode, Model, ModelLayer, Place, Sizes, TensorShape
from bn_lint.output.module_tree import folded_rows, module_tree
from bn_lint.output.text import TIMES

ROOT = Path(__file__).parent.parent.parent
Listed = Callable[..., str]

NETS = """\
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, inplanes, planes):
        super().__init__()
        self.conv = nn.Conv2d(inplanes, planes, 3, padding=1)
        self.bn = nn.BatchNorm2d(planes)

    def forward(self, x):
        x = self.conv(x)
        return self.bn(x)


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))
        self.blocks = nn.ModuleList(Block(width, width) for _ in range(3))
        self.head = Block(width, width * 2)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def never():
    def inner(size):
        return nn.BatchNorm1d(size)
    return 3
"""
PROGRAM = """\
import torch
from nets import Net

net = Net()
for parameter in net.head.parameters():
    parameter.requires_grad = False
net.eval()
with torch.no_grad():
    out = net(torch.randn(4, 3, 34, 34))
"""


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Listed:
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0) -> str:
        assert cli.main(["layers", "--no-cache", *arguments]) == code
        return capsys.readouterr().out

    return run


def document(text: str) -> Any:
    return json.loads(text)


def test_the_table_of_a_program(listed: Listed) -> None:
    assert (
        listed()
        == """\
net = Net  program.py:4  5 layers
   layer             built at    class        width  input            called in
✓  stem.1            nets.py:19  BatchNorm2d      8  (4, 8, 32, 32)   evaluation
✓  blocks.0-2.bn %3  nets.py:9   BatchNorm2d      8  (4, 8, 32, 32)   evaluation
✓  head.bn           nets.py:9   BatchNorm2d     16  (4, 16, 32, 32)  evaluation  frozen

In no model
   built at    class        width  input
?  nets.py:32  BatchNorm1d      ?  -      not checked: the code that builds it is not reached

1 model with 5 layers; 2 of 3 places that build BatchNorm layers checked.
""".replace("%", TIMES)
    )


@pytest.mark.slow
def test_names_widths_and_shapes_are_those_of_pytorch(listed: Listed) -> None:
    torch = pytest.importorskip("torch")
    found = document(listed("--output-format", "json"))
    net, shapes = runpy.run_path("nets.py")["Net"](), {}
    layers = {name: one for name, one in net.named_modules() if isinstance(one, torch.nn.BatchNorm2d)}
    for name, layer in layers.items():
        layer.register_forward_pre_hook(lambda _, given, name=name: shapes.update({name: [list(given[0].shape)]}))
    net(torch.randn(4, 3, 34, 34))
    own = [layer for layer in found["layers"] if layer["model"] == 0]
    assert {layer["name"]: layer["num_features"] for layer in own} == {
        name: layer.num_features for name, layer in layers.items()
    }
    assert {layer["name"]: layer["inputs"] for layer in own} == shapes


ALIKE = """\
import torch
from torch import nn


class NormAct(nn.BatchNorm2d):
    def forward(self, x):
        return torch.relu(super().forward(x))


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm1 = NormAct(width)
        self.conv = nn.Conv2d(width, 8, 1)
        self.norm2 = NormAct(8)

    def forward(self, x):
        return self.norm2(self.conv(self.norm1(x)))


net = nn.Sequential(Block(4), Block(8), Block(8))
net(torch.rand(2, 4, 5, 5))
"""


def test_layers_of_a_class_of_the_program_have_the_inputs_of_calls_like_earlier_ones(listed: Listed) -> None:
    Path("nets.py").write_text(ALIKE)
    own = document(listed("--output-format", "json", "nets.py"))["layers"]
    assert [(layer["name"], layer["inputs"]) for layer in own] == [
        ("0.norm1", [[2, 4, 5, 5]]),
        *((name, [[2, 8, 5, 5]]) for name in ("0.norm2", "1.norm1", "1.norm2", "2.norm1", "2.norm2")),
    ]


def test_a_library_is_listed_with_symbols(listed: Listed) -> None:
    found = document(listed("--output-format", "json", "nets.py"))
    assert [(one["class"], one["within"], one["layers"]) for one in found["models"]] == [("Net", "Net", 5)]
    assert found["layers"][0]["inputs"] == [[None, 8, None, None]]
    assert found["layers"][0]["modes"] == []


def test_a_model_of_unknown_parts_says_so(listed: Listed) -> None:
    Path("nets.py").write_text(NETS.replace("for _ in range(3)", "for _ in range(unheard_of())"))
    assert "at least " in listed("nets.py").splitlines()[0]
    (model,) = document(listed("--output-format", "json", "nets.py"))["models"]
    assert model["complete"] is False


def test_files_read_for_context_are_told_apart(listed: Listed) -> None:
    Path("program.py").write_text(PROGRAM.replace("net = Net()", "net = Net()  # with BatchNorm"))
    found = document(listed("--output-format", "json", "program.py"))
    assert {layer["checked"] for layer in found["layers"]} == {None}
    assert [layer["name"] for layer in found["layers"]] == ["stem.1", *(f"blocks.{i}.bn" for i in range(3)), "head.bn"]


def test_findings_stand_beside_their_layers(listed: Listed) -> None:
    Path("nets.py").write_text(NETS.replace("nn.BatchNorm2d(width))", "nn.BatchNorm2d(width + 1))"))
    text = listed()
    assert re.search(r"^✗  stem.1 .* BN002$", text, re.MULTILINE)
    found = document(listed("--output-format", "json"))
    assert [layer["name"] for layer in found["layers"] if "BN002" in layer["findings"]] == ["stem.1"]


def test_comments_silence_findings(listed: Listed) -> None:
    Path("nets.py").write_text(
        NETS.replace("nn.BatchNorm2d(width))", "nn.BatchNorm2d(width + 1))  # bn-lint: ignore[BN002]")
    )
    assert "BN002" not in listed()


def test_nothing_to_list(listed: Listed, tmp_path: Path) -> None:
    (tmp_path / "nets.py").unlink()
    (tmp_path / "program.py").write_text("import torch\n")
    assert listed() == "No BatchNorm layer is built in these files.\n"
    assert document(listed("--output-format", "json"))["layers"] == []


def test_cells_of_notebooks(listed: Listed, tmp_path: Path) -> None:
    code = "from torch import nn\nnet = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))\n"
    cells = [{"cell_type": "markdown", "source": "x"}, {"cell_type": "code", "source": code}]
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells}))
    found = document(listed("--output-format", "json", "n.ipynb"))
    (layer,) = found["layers"]
    assert (layer["path"], layer["cell"], layer["line"], layer["name"]) == ("n.ipynb", 2, 2, "1")
    assert "n.ipynb:cell 2:2" in listed("n.ipynb")


def test_the_table_is_that_of_the_cache(listed: Listed, capsys: pytest.CaptureFixture[str]) -> None:
    fresh = listed("--output-format", "json")
    for _ in range(2):
        assert cli.main(["layers", "--cache-dir", "kept", "--output-format", "json"]) == 0
        assert capsys.readouterr().out == fresh


def test_a_file_is_written(listed: Listed, tmp_path: Path) -> None:
    assert listed("-o", "table.txt", "--color", "always") == ""
    assert "\x1b[" in (tmp_path / "table.txt").read_text()


def test_an_unreadable_file_fails(listed: Listed) -> None:
    listed("missing.py", code=2)


def test_mermaid_draws_each_model(listed: Listed) -> None:
    lines = [line.strip() for line in listed("--output-format", "mermaid").replace(TIMES, "%").splitlines()]
    assert lines[:2] == ["flowchart LR", 'subgraph m0["net = Net<br/>program.py:4"]']
    assert 'n3("0-2 %3<br/>Block")' in lines
    assert 'n4["bn %3<br/>BatchNorm2d 8<br/>evaluation"]:::checked' in lines
    assert "n3 --- n4" in lines


def test_mermaid_reads_no_markup_of_the_program(listed: Listed, tmp_path: Path) -> None:
    (tmp_path / "nets.py").unlink()
    (tmp_path / "program.py").write_text(
        "from torch import nn\nnet = nn.Sequential()\n"
        """net.add_module('a"]; click n0 "javascript:x', nn.BatchNorm2d(3))\n"""
    )
    text = listed("--output-format", "mermaid")
    assert 'a"]' not in text
    assert "a#34;#93;#59; click n0 #34;javascript:x" in text


def page_of(listed: Listed) -> str:
    listed("--output-format", "html", "-o", "page.html")
    return Path("page.html").read_text()


def test_the_page_shows_models_and_layers(listed: Listed) -> None:
    text = page_of(listed).replace(TIMES, "%")
    assert "<code>net = Net</code>" in text
    assert '<span class="soft">blocks.0-2.</span>bn</code> <span class="count">%3</span>' in text
    assert 'data-label="input">(4, 8, 32, 32)</td>' in text
    assert "<b>blocks</b>" not in text  # a heading for one row says nothing
    assert "not checked: the code that builds it is not reached" in text
    assert '<input type="search" data-filter="all"' in text
    assert "<title>BatchNorm layers of 2 files - bn-lint</title>" in text
    assert "Findings come first" not in text


def test_long_formulas_are_broken(listed: Listed, tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(
        "from torch import nn\n\n\ndef build(number_of_channels, expansion_of_channels):\n"
        "    return nn.Sequential(nn.BatchNorm2d(number_of_channels * expansion_of_channels))\n"
    )
    assert '<span class="long">number_of_channels * expansion_of_channels</span>' in page_of(listed)


def test_the_page_is_called_after_the_folder_of_the_layers(listed: Listed, tmp_path: Path) -> None:
    (tmp_path / "nets.py").unlink()
    for name in ("pkg/models/a.py", "pkg/models/b.py", "pkg/ops/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("from torch import nn\nnet = nn.Sequential(nn.BatchNorm2d(3))\n")
    text = page_of(listed)
    assert "<h1>pkg</h1>" in text
    assert " files</li>" in text
    assert "pkg/<wbr>ops/<wbr>c.py:2</td>" in text  # a browser breaks a long path there, and not within a name
    (tmp_path / "c.py").write_text("from torch import nn\nnet = nn.Sequential(nn.BatchNorm2d(3))\n")
    assert " files</h1>" in page_of(listed)


def test_the_page_shows_findings_with_places(listed: Listed) -> None:
    Path("nets.py").write_text(NETS.replace("nn.BatchNorm2d(width))", "nn.BatchNorm2d(width + 1))"))
    text = page_of(listed)
    assert '<p class="verdict error">1 error' in text
    assert "nets.py:19 &middot; num-features-mismatch" in text
    assert "<mark>nn.BatchNorm2d(width + 1)</mark>" in text
    assert '<tr class="found">' in text
    assert '<a href="#finding-0">BN002</a>' in text
    assert 'id="finding-0"' in text
    # The search is above the findings and covers them; a link leads past them.
    assert text.index('<div id="all">') < text.index('id="finding-0"') < text.index('<h2 id="models">')
    assert text.index('href="#models"') < text.index('data-filter="all"') < text.index('<div id="all">')


def test_empty_lines_around_a_finding_are_not_shown(listed: Listed) -> None:
    Path("nets.py").write_text("from torch import nn\nnet = nn.BatchNorm2d(3, momentum=0.99)\n\n\n")
    text = page_of(listed)
    assert "<i>1 </i>" in text
    assert "<i>3 </i>" not in text


def test_check_writes_the_page_too(listed: Listed, capsys: pytest.CaptureFixture[str]) -> None:
    Path("nets.py").write_text(NETS.replace("nn.BatchNorm2d(width))", "nn.BatchNorm2d(width + 1))"))
    expected = page_of(listed)
    assert cli.main(["check", "--no-cache", "--html", "other.html"]) == 1
    assert "BN002" in capsys.readouterr().out
    assert Path("other.html").read_text() == expected


def test_a_page_of_nothing(listed: Listed, tmp_path: Path) -> None:
    (tmp_path / "nets.py").unlink()
    (tmp_path / "program.py").write_text("import torch\n")
    assert "No BatchNorm layer is built in these files." in page_of(listed)


HOSTILE = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.add_module("<img src=x onerror=alert(1)>", nn.BatchNorm2d(8))
        self.bn = nn.BatchNorm2d(9)  # <script>alert(1)</script>

    def forward(self, x):
        return self.bn(self.conv(x))
"""


def test_the_page_loads_and_runs_nothing_of_the_program(listed: Listed, tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(HOSTILE)
    (tmp_path / "program.py").unlink()
    (tmp_path / "<b>.py").write_text(HOSTILE)
    text = page_of(listed)
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "&lt;script&gt;" in text
    assert text.count("<script") == 1
    assert not re.search("<img|<b>.py|https?:|@import|url\\(", text)
    assert "style=" not in text
    for tag in ("style", "script"):
        content = text.split(f"<{tag}>")[1].split(f"</{tag}>")[0]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text


def test_every_field_is_documented(listed: Listed) -> None:
    page = (ROOT / "docs" / "layers.md").read_text(encoding="utf-8")
    found = document(listed("--output-format", "json"))
    documented = set(re.findall(r"`(\w+)`", page)) | set(re.findall(r'"(\w+)":', page))
    assert set(found) | set(found["models"][0]) | set(found["layers"][0]) <= documented


def test_an_inventory_survives_the_cache() -> None:
    place = Place("a.py", 1, 2, 3, 4)
    layer = ModelLayer("a.b", "BatchNorm2d", place, "planes * 4", (Sizes((None, 4, "x")), Sizes((8,), ranked=False)))
    used = ModelLayer("c", "Norm", place, None, (), (Mode.TRAINING, Mode.EVALUATION), frozen=None)
    inventory = Inventory(
        (Model(None, "Net", place, "build", (layer, used), (("a", "Sequential"),), is_complete=False),),
        (ModelLayer("", "BatchNorm1d", place, 3),),
        (TensorShape(place, (Sizes((1, None)),)), TensorShape(place, (), (place,))),
        2,
    )
    outcome = Outcome(coverage=Coverage(inventory=inventory))
    assert decode(json.loads(json.dumps(encode(outcome)))) == outcome


def test_folding_keeps_what_differs_apart() -> None:
    rows = [(f"a.{index}.bn", width) for index, width in enumerate([8, 8, 16, 16, 8])]
    tree = module_tree(rows, lambda width: width)
    assert [(path, node.count) for path, node in folded_rows(tree)] == [("a.0-1.bn", 2), ("a.2-3.bn", 2), ("a.4.bn", 1)]


def test_folding_needs_names_in_a_row() -> None:
    tree = module_tree([("1", 8), ("4", 8), ("x", 8), ("y", 8)], lambda width: width)
    assert [path for path, _ in folded_rows(tree)] == ["1", "4", "x", "y"]


def test_folding_ranges_of_ranges() -> None:
    rows = [(f"stage{stage}.{index}.bn{number}", 8) for stage in (1, 2) for index in range(3) for number in (1, 2)]
    tree = module_tree(rows, lambda width: width)
    assert [path for path, _ in folded_rows(tree)] == [
        "stage1.0-2.bn1",
        "stage1.0-2.bn2",
        "stage2.0-2.bn1",
        "stage2.0-2.bn2",
    ]


REVEALED = """\
from bn_lint import reveal
from torch import nn, randn

conv = nn.Conv2d(3, 8, 3)
x = reveal(conv(randn(4, 3, 34, 34)))
reveal(x.flatten(1))
"""


def test_reveal_shows_shapes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("program.py").write_text(REVEALED)
    shown = ["info: program.py:5:5: revealed: (4, 8, 32, 32)", "info: program.py:6:1: revealed: (4, 8192)"]
    for _ in range(2):  # the second time from the cache
        assert cli.main(["check", "program.py"]) == 0
        assert capsys.readouterr().err.splitlines() == shown
    assert cli.main(["check", "--no-cache", "--output-format", "json", "program.py"]) == 0
    printed = capsys.readouterr()
    assert not printed.err
    assert [(one["line"], one["message"]) for one in document(printed.out)["revealed"]] == [
        (5, "(4, 8, 32, 32)"),
        (6, "(4, 8192)"),
    ]


def test_reveal_does_nothing_when_it_runs() -> None:
    from bn_lint import reveal

    value = object()
    assert reveal(value) is value
