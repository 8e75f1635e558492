"""The units into which files fall by what they import: each is judged by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn_lint.cli import main as cli
from bn_lint.project.filesystem import RecordingFileSystem
from bn_lint.project.mentions import IMPORTED
from bn_lint.project.module_finder import imports
from bn_lint.project.partition import MAX_BESIDE, divide
from bn_lint.project.source import load

from .projects import write

ROOT = Path(__file__).parent.parent.parent


def groups(*names: str, context: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The units into which files fall, each as the names of its files."""
    units = divide([load(Path(n)) for n in names], [load(Path(n)) for n in context], RecordingFileSystem())
    return [tuple(source.display for source in unit.files) for unit in units]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import a", [("a", 0)]),
        ("import a.b as c, d", [("a.b", 0), ("d", 0), ("a", 0)]),
        ("from . import a", [("", 1)]),
        ("from ..a.b import c", [("a.b", 2)]),
        ("from . . a import (b,\n c)", [("a", 2)]),
        ("from a \\\n  import b", [("a", 0)]),
        ("import a, \\\n  b", [("a", 0), ("b", 0)]),
        ("if x: import a; from b import c", [("a", 0), ("b", 0)]),
        ("def f():\n\timport a\n\tfrom .b import c\r\n", [("a", 0), ("b", 1)]),
        ("important = 1\nx.import_module('a')\n# no import here\n", []),
    ],
)
def test_imports_are_seen(text: str, found: list[tuple[str, int]]) -> None:
    assert sorted(imports(text)) == sorted(found)


def test_files_without_a_connection_are_apart() -> None:
    write("a.py", "import b")
    write("b.py", "")
    write("c.py", "")
    assert groups("a.py", "b.py", "c.py") == [("a.py", "b.py"), ("c.py",)]
    assert groups("c.py", "b.py", "a.py") == [("c.py",), ("b.py", "a.py")]


def test_files_that_were_not_given_connect_and_what_both_only_use_does_not() -> None:
    write("pkg/__init__.py", "from .net import Net")
    write("pkg/net.py", "")
    write("train.py", "from pkg import Net\nimport log")
    write("other.py", "import log")
    write("log.py", "")
    assert groups("train.py", "pkg/net.py", "other.py") == [("train.py", "pkg/net.py"), ("other.py",)]
    assert groups("train.py", "pkg/net.py", "other.py", context=("log.py",)) == [
        ("train.py", "pkg/net.py", "log.py"),
        ("other.py", "log.py"),
    ]


def test_what_is_reached_through_a_package_by_its_name_connects() -> None:
    write("nets/__init__.py", "")
    write("nets/deep/resnet.py", "")
    write("nets/deep/vgg.py", "")
    write("train.py", "import nets\nnets.deep.resnet.Net()")
    assert groups("train.py", "nets/deep/resnet.py", "nets/deep/vgg.py") == [
        ("train.py", "nets/deep/resnet.py"),
        ("nets/deep/vgg.py",),
    ]


def test_an_import_of_any_name_connects_with_the_modules_beside_it() -> None:
    files = ("train.py", "nets/deep.py", "wide.py")
    write("nets/deep.py", "")
    write("wide.py", "")
    for call in ("import_module(args.net)", "__import__(name)", "importlib.import_module( self.path )"):
        write("train.py", f"net = {call}\n")
        assert groups(*files) == [files], call
    for call in ("import_module('nets')", "other.import_module(name)", "__import__()"):
        write("train.py", f"net = {call}\n")
        assert ("wide.py",) in groups(*files), call
    write("train.py", "net = import_module(args.net)\n")
    for number in range(MAX_BESIDE):  # too many to be meant
        write(f"experiment{number}.py", "")
    assert len(groups(*files)) == 3


def test_an_import_of_any_name_connects_with_modules_where_the_file_looks_for_them() -> None:
    files = ("tools/train.py", "nets/deep/net.py")
    write("nets/__init__.py", "")
    write("nets/deep/__init__.py", "")
    write("nets/deep/net.py", "")
    write("tools/train.py", "import sys\nsys.path.append('..')\nnet = __import__(name)\n")
    assert groups(*files) == [files]
    write("tools/train.py", "net = __import__(name)\n")
    assert len(groups(*files)) == 2
    write("tools/train.py", "import sys\nsys.path.append('..')\nnet = __import__(name)\n")
    for number in range(MAX_BESIDE):  # too many to be meant
        write(f"nets/deep/experiment{number}.py", "")
    assert len(groups(*files)) == 2


def test_a_computed_import_connects_with_all_modules_of_the_package() -> None:
    write("nets/deep.py", "")
    write("nets/wide.py", "")
    write("other.py", "")
    for call in ('f"nets.{name}"', '"nets." + name', "'nets.%s' % name", '"nets.{}".format(name)'):
        write("train.py", f"from importlib import import_module\nnet = import_module({call})\n")
        assert groups("train.py", "nets/deep.py", "nets/wide.py", "other.py") == [
            ("train.py", "nets/deep.py", "nets/wide.py"),
            ("other.py",),
        ]
    write("train.py", "net = import_module(f'nets{name}')\nother.import_module('nets.' + name)\n")
    assert len(groups("train.py", "nets/deep.py", "nets/wide.py")) == 3


def test_a_file_that_loads_others_by_path_connects_with_the_folders_it_names() -> None:
    write("train/tasks/run.py", "")
    write("train/backbones/deep.py", "")
    write("train/backbones/wide.py", "")
    write("train/other/plain.py", "")
    files = ("train/tasks/run.py", "train/backbones/deep.py", "train/backbones/wide.py", "train/other/plain.py")
    for call in (
        'imp.load_source("net", ROOT + "/backbones/" + name)',
        'importlib.util.spec_from_file_location("net", f"{root}/backbones/{name}.py")',
        'SourceFileLoader("net", os.path.join(root, "backbones/" + name))',
    ):
        write("train/tasks/run.py", f"net = {call}\n")
        assert groups(*files) == [files[:3], files[3:]], call
    write("train/tasks/run.py", 'text = open("backbones/" + name)\n')
    assert len(groups(*files)) == 4
    # Files that are not given only happen to lie in a folder of that name.
    write("train/backbones/deep.py", "from other import plain\n")
    write("train/tasks/run.py", 'net = imp.load_source("net", "backbones/" + name)\n')
    assert groups("train/tasks/run.py", "train/other/plain.py") == [("train/tasks/run.py",), ("train/other/plain.py",)]


@pytest.mark.parametrize(("top", "mark"), [("repository", "README.md"), ("pytorch-nets", None)])
def test_a_project_that_is_a_package_itself_is_searched_from_its_top(top: str, mark: str | None) -> None:
    write(f"{top}/__init__.py", "")
    if mark is not None:
        write(f"{top}/{mark}", "")
    write(f"{top}/nets/__init__.py", "from nets.deep import Net")
    write(f"{top}/nets/deep.py", "")
    write(f"{top}/nets/other/__init__.py", "import deep")
    assert groups(f"{top}/nets/__init__.py", f"{top}/nets/deep.py") == [
        (f"{top}/nets/__init__.py", f"{top}/nets/deep.py")
    ]
    assert len(groups(f"{top}/nets/other/__init__.py", f"{top}/nets/deep.py")) == 2


@pytest.mark.slow
def test_no_unit_reads_what_another_one_judges() -> None:
    """Seen on the fixtures, which are many small programs."""
    from bn_lint.check.judge import judge
    from bn_lint.project.prefilter import deserves_judging
    from bn_lint.rule import Thresholds

    sources = [load(path) for path in sorted((ROOT / "fixtures").rglob("*.py"))]
    sources = [source for source in sources if deserves_judging(source.text.encode())]
    units = divide(sources, [], RecordingFileSystem())
    assert len(units) > 40
    given = {str(source.path) for source in sources}
    for unit in units[::2]:
        filesystem = RecordingFileSystem()
        judge(unit, {source.display: Thresholds() for source in unit.files}, filesystem=filesystem)
        read = {path for kind, path in filesystem.asked if kind == "content"}
        assert not read & given


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "import a\\\n" * 100_000,
        "import a;" * 100_000,
        "from" + " " * 500_000 + "x import",
        "from ." + " " * 500_000 + "x",
        "from" + " ." * 250_000 + "x",
        "from a import (\n" * 100_000,
        "\n" * 500_000,
    ],
    ids=lambda text: text[:9],
)
def test_long_texts_are_read_once(text: str) -> None:
    """Patterns that go back take hours for these."""
    assert len(list(imports(text))) <= 1
    IMPORTED.findall(text)


def test_imported_names() -> None:
    text = "from a import (b,  # (not c)\n  d)\nfrom x import y\n"
    text += "  from .z import q as w\nfrom m import(n)\nfrom s import *"
    assert IMPORTED.findall(text) == ["(b,  # (not c)\n  d)", "y", "q as w", "(n)", "*"]


def test_the_order_of_the_files_makes_no_difference(capsys: pytest.CaptureFixture[str]) -> None:
    """Two scripts build a layer: which of them the evidence names does not depend on which is given first."""
    write(
        "net.py",
        """from torch import nn
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(width)
    def forward(self, x):
        return self.bn(self.conv(x))
""",
    )
    write("one.py", "from net import Net  # for BatchNorm\nnet = Net(16)\n")
    write("two.py", "from net import Net  # for BatchNorm\nnet = Net(16)\n")
    reports = set()
    for names in (["net.py", "one.py", "two.py"], ["two.py", "net.py", "one.py"]):
        cli.main(["check", "-q", "--no-cache", "--output-format=json", *names])
        reports.add(capsys.readouterr().out)
    (report,) = reports
    assert "one.py" in report
