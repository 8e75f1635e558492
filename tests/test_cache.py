"""Units, the cache and processes, with the real engine."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bn_lint.check import workers
from bn_lint.cli import main as cli
from bn_lint.project.filesystem import FileSystem, RecordingFileSystem, digest
from bn_lint.project.mentions import IMPORTED
from bn_lint.project.module_finder import imports
from bn_lint.project.partition import Unit, divide
from bn_lint.project.source import Source, load

ROOT = Path(__file__).parent.parent

MODEL = """
from torch import nn
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, {given}, 3)
        self.bn = nn.BatchNorm2d(width)
    def forward(self, x):
        return self.bn(self.conv(x))
"""
TRAIN = "from model import Net\nnet = Net({})\n"
BACKBONE = "from torch import nn\nbackbone = nn.Sequential(nn.Conv2d(3, {0}, 3), nn.BatchNorm2d({0}))\n"
SCRIPT = "from torch import nn\nfrom model import backbone\nnet = nn.Sequential(backbone, nn.BatchNorm2d(64))\n"
#: A model that is wrong by itself.
WRONG = "from torch import nn\nnet = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d({}))\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BN_LINT_NO_CACHE")
    return tmp_path


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The files of each unit that is really judged."""
    import bn_lint.check.judge

    seen: list[list[str]] = []
    original = bn_lint.check.judge.judge

    def judge(unit: Unit, *arguments: object, **options: object) -> object:
        seen.append([source.display for source in unit.sources])
        return original(unit, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("bn_lint.check.judge.judge", judge)
    return seen


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """Checks, and gives `path:line CODE` of what was found."""

    def run(*arguments: str) -> list[str]:
        cli.main(["check", "-q", "--output-format=json", *arguments])
        report = json.loads(capsys.readouterr().out)
        return [f"{one['path']}:{one['line']} {one['code']}" for one in report["findings"]]

    return run


Check = Callable[..., list[str]]


def write(name: str, text: str) -> Path:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def groups(*names: str, context: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The units into which files fall, each as the names of its files."""
    units = divide([load(Path(n)) for n in names], [load(Path(n)) for n in context], RecordingFileSystem())
    return [tuple(source.display for source in unit.files) for unit in units]


# -- units ------------------------------------------------------------------------------------------------------------


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
    for unit in units:
        filesystem = RecordingFileSystem()
        judge(unit, {source.display: Thresholds() for source in unit.files}, filesystem=filesystem)
        read = {path for kind, path in filesystem.asked if kind == "content"}
        assert not read & given


# -- the cache --------------------------------------------------------------------------------------------------------


def test_a_second_run_judges_nothing_and_says_the_same(check: Check, judged: list[list[str]]) -> None:
    write("wrong.py", WRONG.format(16))
    assert check() == ["wrong.py:2 BN002"]
    assert check() == ["wrong.py:2 BN002"]
    assert judged == [["wrong.py"]]


def test_an_unchanged_tree_is_not_divided_again(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of the two kinds of entries: into which units the given files fall."""
    divided: list[list[str]] = []

    def dividing(sources: list[Source], *arguments: object) -> list[Unit]:
        divided.append([source.display for source in sources])
        return divide(sources, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("bn_lint.check.incremental.divide", dividing)
    write("net.py", WRONG.format("WIDTH").replace("\n", "\nfrom sizes import WIDTH\n", 1))
    write("sizes.py", "WIDTH = 16\n")
    for _ in range(2):
        assert check("net.py") == ["net.py:3 BN002"]
    assert divided == [["net.py"]]
    write("sizes.py", "from net import layer\nWIDTH = 16\n")  # it was asked for its imports
    assert check("net.py") == ["net.py:3 BN002"]
    assert divided == [["net.py"]] * 2


@pytest.mark.slow
def test_a_warm_run_neither_parses_nor_imports_the_parser() -> None:
    write("wrong.py", WRONG.format(16))
    script = "import sys; from bn_lint.cli.main import main; print(main(sys.argv[1:]), 'libcst' in sys.modules)"
    command = [sys.executable, "-c", script, "check", "-q", "--output-format=concise", "."]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "rules")])}
    cold, warm = (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
        for _ in range(2)
    )
    assert (cold[-1], warm[-1]) == ("1 True", "1 False")
    assert cold[:-1] == warm[:-1]
    assert cold[0].startswith("wrong.py:2:41: error BN002 ")


def test_a_change_in_the_model_changes_what_is_found_in_the_script(check: Check, judged: list[list[str]]) -> None:
    write("model.py", BACKBONE.format(64))
    write("train.py", SCRIPT)
    write("apart.py", WRONG.format(16))
    assert check() == ["apart.py:2 BN002"]
    write("model.py", BACKBONE.format(32))
    assert check() == ["apart.py:2 BN002", "train.py:3 BN002"]
    write("model.py", BACKBONE.format(64))
    assert check() == ["apart.py:2 BN002"]
    assert judged == [["apart.py"], ["model.py", "train.py"], ["model.py", "train.py"]]


def test_a_change_in_the_script_changes_what_is_found_in_the_model(check: Check, judged: list[list[str]]) -> None:
    write("model.py", MODEL.format(given=64))
    write("train.py", TRAIN.format(64))
    assert check() == []
    write("train.py", TRAIN.format(32))
    assert check() == ["model.py:7 BN002"]
    # The script is no source of BatchNorm itself.
    assert judged == [["model.py"], ["model.py"]]


def test_what_was_not_given_is_remembered_too(check: Check, judged: list[list[str]]) -> None:
    write("sizes.py", "WIDTH = 8\n")
    write("net.py", WRONG.format("WIDTH").replace("\n", "\nfrom sizes import WIDTH\n", 1))
    assert check("net.py") == []
    write("sizes.py", "WIDTH = 16\n")
    assert check("net.py") == ["net.py:3 BN002"]
    assert check("net.py") == ["net.py:3 BN002"]
    assert len(judged) == 2


def test_files_that_were_looked_for_in_vain_are_remembered_too(check: Check, judged: list[list[str]]) -> None:
    write("net.py", WRONG.format("WIDTH").replace("\n", "\nfrom sizes import WIDTH\n", 1))
    assert check("net.py") == []
    write("sizes.py", "WIDTH = 16\n")
    assert check("net.py") == ["net.py:3 BN002"]
    assert len(judged) == 2


def test_settings_that_decide_about_findings_decide_about_entries(check: Check, judged: list[list[str]]) -> None:
    write("wrong.py", WRONG.format(16))
    assert check() == ["wrong.py:2 BN002"]
    assert check("--ignore=BN002") == []
    assert len(judged) == 1
    assert check("--config=min-batch-size=4") == ["wrong.py:2 BN002"]
    assert len(judged) == 2


def test_coverage_is_worked_out_when_it_is_wanted(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    write("net.py", WRONG.format("WIDTH"))
    check()
    for _ in range(2):
        cli.main(["check", "-q", "--show-coverage"])
        assert capsys.readouterr().out.startswith("Coverage: 1 of 1 BatchNorm layer judged (100%).\n")


def entries() -> list[Path]:
    return sorted(Path(".bn_lint_cache/bn-lint").glob("??/*.json"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"BN002", b"BN003"),
        lambda data: pickle.dumps({"units": []}),
        lambda data: b"{}",
        lambda data: digest(b"[]").encode() + b"\n[]",
        lambda data: digest(b"{}").encode() + b"\n{}",
        lambda data: digest(b"[" * 100_000).encode() + b"\n" + b"[" * 100_000,
        lambda data: digest(b'{"surroundings":{"rm":{"a":1}}}').encode() + b'\n{"surroundings":{"rm":{"a":1}}}',
        lambda data: digest(b'{"surroundings":{},"units":3}').encode() + b'\n{"surroundings":{},"units":3}',
    ],
)
def test_damaged_entries_count_as_absent(
    damage: Callable[[bytes], bytes], check: Check, judged: list[list[str]]
) -> None:
    write("wrong.py", WRONG.format(16))
    check()
    assert len(entries()) == 4  # the unit, the run, which was the last one, and the text
    for entry in entries():
        entry.write_bytes(damage(entry.read_bytes()))
    assert check() == ["wrong.py:2 BN002"]
    assert len(judged) == 2
    assert check() == ["wrong.py:2 BN002"]
    assert len(judged) == 2


def test_a_cache_that_cannot_be_written_costs_only_time(check: Check) -> None:
    write("wrong.py", WRONG.format(16))
    write(".bn_lint_cache", "a file")
    assert check() == ["wrong.py:2 BN002"]
    assert Path(".bn_lint_cache").read_text(encoding="utf-8") == "a file"


def test_where_the_cache_is(check: Check, judged: list[list[str]]) -> None:
    write("bn-lint.toml", 'cache-dir = "kept/here"\n')
    write("src/wrong.py", WRONG.format(16))
    check()
    assert Path("kept/here/bn-lint/.gitignore").read_text(encoding="utf-8").endswith("\n*\n")
    os.chdir("src")
    assert check() == ["wrong.py:2 BN002"]
    assert len(judged) == 1
    check("--cache-dir=elsewhere")
    assert Path("elsewhere/bn-lint/CACHEDIR.TAG").exists()
    assert len(judged) == 2


def test_a_run_that_was_killed_at_the_start_is_made_up_for(check: Check) -> None:
    write("wrong.py", WRONG.format(16))
    write(".bn_lint_cache/bn-lint/.bn-lint-1-2.tmp", "")
    write(".bn_lint_cache/bn-lint/.gitignore", "*\n")
    assert check() == ["wrong.py:2 BN002"]
    assert Path(".bn_lint_cache/bn-lint/CACHEDIR.TAG").exists()


def age(*paths: str) -> None:
    for path in paths:
        os.utime(path, (time.time() - 60 * 86400,) * 2)


def test_only_entries_of_the_cache_are_deleted(check: Check) -> None:
    """A folder that is named for the cache may hold data that looks like entries."""
    write("wrong.py", WRONG.format(16))
    data = ["data/en/train.json", f"data/ab/{'0' * 62}.json", "data/bn-lint/en/train.json", "data/.gitignore"]
    check("--cache-dir=data")
    for path in data:
        write(path, "{}")
    old = f"data/bn-lint/ab/{'0' * 62}.json"
    linked = f"data/bn-lint/ab/{'1' * 62}.json"
    write(old, "")
    os.symlink(os.path.abspath("data/en/train.json"), linked)
    age(*data, old)
    write("wrong.py", WRONG.format(17))
    check("--cache-dir=data")
    assert [path for path in [*data, linked] if not os.path.lexists(path)] == []
    assert not os.path.exists(old)


def test_nothing_is_deleted_from_a_folder_without_the_mark(check: Check) -> None:
    kept = f"data/bn-lint/ab/{'0' * 62}.json"
    write(kept, "{}")
    write("data/bn-lint/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# Made by something else.\n")
    age(kept)
    write("wrong.py", WRONG.format(16))
    check("--cache-dir=data")
    assert os.path.exists(kept)


def test_a_cache_outside_is_for_the_user_to_name(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    """A repository that names one could have files put anywhere."""
    write("project/wrong.py", WRONG.format(16))
    write("project/bn-lint.toml", 'cache-dir = "../outside"\n')
    os.mkdir("project/.git")
    os.chdir("project")
    assert cli.main(["check"]) == 2
    assert 'bn-lint.toml: "cache-dir" must be a folder of the project' in capsys.readouterr().err
    os.symlink("..", "link")
    write("bn-lint.toml", 'cache-dir = "link/outside"\n')
    assert cli.main(["check"]) == 2
    assert not os.path.exists("../outside")
    os.remove("bn-lint.toml")
    check("--cache-dir=../outside")
    assert os.path.exists("../outside/bn-lint/CACHEDIR.TAG")


def test_without_a_cache_nothing_is_written(
    check: Check, judged: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("wrong.py", WRONG.format(16))
    check("--no-cache")
    monkeypatch.setenv("BN_LINT_NO_CACHE", "1")
    check()
    assert len(judged) == 2
    assert sorted(os.listdir()) == ["wrong.py"]


def test_nothing_is_written_where_there_is_no_batchnorm(check: Check) -> None:
    write("plain.py", "x = 1\n")
    check()
    assert os.listdir() == ["plain.py"]


def test_a_project_may_move(check: Check, judged: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    write("one/pyproject.toml", "")
    write("one/wrong.py", WRONG.format(16))
    monkeypatch.chdir("one")
    check()
    monkeypatch.chdir("..")
    os.rename("one", "two")
    monkeypatch.chdir("two")
    assert check() == ["wrong.py:2 BN002"]
    assert len(judged) == 1


@pytest.mark.usefixtures("defects_are_caught")
def test_a_defect_is_judged_again(check: Check, monkeypatch: pytest.MonkeyPatch, judged: list[list[str]]) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError

    write("wrong.py", WRONG.format(16))
    with monkeypatch.context() as patch:
        patch.setattr("bn_lint.static.analyze.analyze", fail)
        assert check() == []
    assert check() == ["wrong.py:2 BN002"]


@pytest.mark.slow
def test_runs_at_the_same_time_do_not_disturb_each_other() -> None:
    for number in range(6):
        write(f"net_{number}.py", WRONG.format(number + 9))
    command = [sys.executable, "-m", "bn_lint", "check", "-q", "--output-format=concise", "."]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "rules")])}
    runs = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    outputs = {run.communicate()[0] for run in runs}
    assert len(outputs) == 1
    assert outputs.pop().count("BN002") == 6
    assert not list(Path(".bn_lint_cache/bn-lint").glob("??/*.json.*"))


def test_a_pipe_is_not_read() -> None:
    os.mkfifo("pipe")
    assert FileSystem().answer(("content", "pipe")) is None


# -- processes --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_processes_report_what_one_reports(check: Check) -> None:
    for number in range(5):
        write(f"net_{number}.py", WRONG.format(number + 7))
    write("broken.py", "from torch.nn import BatchNorm2d\nx = (\n")
    alone = check("--no-cache", "-j1")
    assert check("--no-cache", "-j3") == alone
    assert len(alone) == 5


@pytest.mark.slow
def test_a_process_that_dies_costs_its_unit_alone(
    check: Check, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write("plugin/deadly/__init__.py", DEADLY)
    monkeypatch.syspath_prepend(os.path.abspath("plugin"))
    monkeypatch.setenv("BN_LINT_ALLOW_PLUGINS", "deadly")
    write("bn-lint.toml", 'plugins = ["deadly"]\nexclude = ["plugin"]\n')
    for number in range(3):
        write(f"net_{number}.py", WRONG.format(9))
    write("net_deadly.py", WRONG.format(9).replace("3, 8", "3, 666"))
    try:
        code = cli.main(["check", "--no-cache", "-j2", "--output-format=concise"])
    finally:
        sys.modules.pop("deadly", None)
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out.count("BN002") == 3
    assert (
        "BN903 net_deadly.py:1:1: internal error in the analysis: BnLintError: the process that judged it"
        in captured.err
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems limit less")
@pytest.mark.parametrize(
    ("crime", "told"),
    [
        ("while True: pass", "that takes more than 1 seconds of computing time"),
        ("bytearray(4 << 30)", "that takes more than 2048 MB of memory"),
    ],
)
def test_a_unit_that_takes_too_much_costs_itself_alone(
    crime: str, told: str, monkeypatch: pytest.MonkeyPatch, check: Check, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BN_LINT_ENGINE")
    monkeypatch.setenv("BN_LINT_ALLOW_PLUGINS", "greedy")
    monkeypatch.setattr(workers, "_SECONDS", 1)
    monkeypatch.setattr(workers, "_MEMORY", 2 << 30)
    write("plugin/greedy/__init__.py", DEADLY.replace("os._exit(7)", crime))
    monkeypatch.syspath_prepend(os.path.abspath("plugin"))
    write("bn-lint.toml", 'plugins = ["greedy"]\nexclude = ["plugin"]\n')
    write("net.py", WRONG.format(9))
    write("net_deadly.py", WRONG.format(9).replace("3, 8", "3, 666"))
    try:
        for _ in range(2):  # nothing of it is kept
            code = cli.main(["check", "-j1", "--output-format=concise"])
            captured = capsys.readouterr()
            assert code == 2
            assert captured.out.count("BN002") == 1
            assert f"BN903 net_deadly.py:1:1: internal error in the analysis: BnLintError: {told}" in captured.err
    finally:
        sys.modules.pop("greedy", None)


DEADLY = '''
import os
from collections.abc import Iterator
from bn_lint.facts import BatchNormCall
from bn_lint.rule import Severity, Violation, rule

@rule("XX001", "ends-everything", severity=Severity.ERROR, since="1")
def ends_everything(call: BatchNormCall) -> Iterator[Violation]:
    """Ends the process."""
    if "deadly" in call.place.path:
        os._exit(7)
    yield from ()
'''


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
