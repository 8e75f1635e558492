"""`bn-lint trace`, `report`, `probe`, `check --trace` and the pytest plugin, from the outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from tests.project import command_line as run

pytest.importorskip("torch")

#: Once bn-lint is installed, pytest knows its plugin.
PLUGIN = (
    ()
    if any(point.value == "bn_lint.runtime.pytest_plugin" for point in entry_points(group="pytest11"))
    else ("-p", "bn_lint.runtime.pytest_plugin")
)
#: Assertions are rewritten of all modules of a plugin's package, which takes longer than the run. That of hypothesis
#: imports all of it at the end.
PYTEST = (*PLUGIN, "-q", "--assert=plain", "-p", "no:hypothesispytest")
ROOT = Path(__file__).parent.parent.parent
MODEL = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.bn = nn.BatchNorm2d(width)
        self.fc = nn.Linear(16, 4)
        self.last = nn.BatchNorm1d(4)

    def forward(self, x):
        return self.last(self.fc(self.bn(self.conv(x)).mean((2, 3))))


def wide():
    return Net(32)


def compiled():
    net = torch.compile(Net(32))
    net.bn.compile()
    return net


class Choosing(Net):
    def forward(self, x):
        return super().forward(x if x.sum() > 0 else -x)
"""
TRAIN = """
import sys

import torch
from model import Net

net = Net(int(sys.argv[1]))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(4):
    net(torch.randn(8, 3, 8, 8)).sum().backward()
    optimizer.step()
with torch.no_grad():
    net(torch.randn(8, 3, 8, 8))
print("trained", __name__, sys.argv[1:])
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


def start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "rules")])
    keep = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=keep, capture_output=True, text=True)


def test_trace_reports_to_standard_error_and_leaves_the_program_its_output(project: Path) -> None:
    result = run(project, "trace", "train.py", "16")
    assert result.returncode == 1
    assert result.stdout == "trained __main__ ['16']\n"
    assert "error[BN101] missing-eval: `net` is evaluated in training mode" in result.stderr
    assert "train.py:13:5" in result.stderr
    assert "model.py:10  BatchNorm2d     16      5     0         8x16x6x6" in result.stderr
    assert "Traced 2 BatchNorm layers over 4 optimizer steps. Found 1 error in 1 file." in result.stderr


def test_options_of_the_program_are_its_own(project: Path) -> None:
    (project / "echo.py").write_text("import sys; print(sys.argv)")
    result = run(project, "trace", "--fail-on", "never", "echo.py", "--select", "x", "-h")
    assert (result.returncode, result.stdout) == (0, "['echo.py', '--select', 'x', '-h']\n")


def test_modules_run_too(project: Path) -> None:
    result = run(project, "trace", "--no-table", "-m", "train", "16")
    assert result.stdout == "trained __main__ ['16']\n"
    assert "BN101" in result.stderr


@pytest.mark.parametrize(("option", "code"), [("error", 1), ("never", 0), ("info", 1)], ids=["error", "never", "info"])
def test_fail_on(project: Path, option: str, code: int) -> None:
    assert run(project, "trace", "--fail-on", option, "train.py", "16").returncode == code


def test_a_failure_is_explained_and_passed_on(project: Path) -> None:
    result = run(project, "trace", "train.py", "32")
    assert result.returncode == 1
    assert f'File "{project}/train.py", line 10, in <module>' in result.stderr  # as Python writes it
    assert "bn_lint" not in result.stderr.split("RuntimeError")[0]
    assert "error[BN002] num-features-mismatch: the input has 16 channels; `bn` expects 32" in result.stderr
    assert (
        "The program failed in BatchNorm2d `bn`, built for 32 channels at model.py:10: it was called at model.py:15 in "
        "training mode on an input of (8, 16, 6, 6)." in result.stderr
    )


@pytest.mark.parametrize(("ending", "code"), [("sys.exit(3)", 3), ("sys.exit()", 0), ("sys.exit('no')", 1)])
def test_exit_codes_of_the_program_win(tmp_path: Path, ending: str, code: int) -> None:
    (tmp_path / "end.py").write_text(f"import sys\n{ending}\n")
    assert run(tmp_path, "trace", "end.py").returncode == code


def test_a_program_that_is_no_python(tmp_path: Path) -> None:
    """Its traceback is that of Python, which names nothing of bn-lint."""
    (tmp_path / "broken.py").write_text("x = (\n")
    result = run(tmp_path, "trace", "broken.py")
    assert result.returncode == 1
    assert result.stderr.splitlines()[0] == f'  File "{tmp_path}/broken.py", line 1'
    assert result.stderr.endswith("\nThe program ended before it called a BatchNorm layer.\n")


def test_usage_errors(project: Path) -> None:
    for arguments, text in [
        (["trace", "missing.py"], "missing.py cannot be read"),
        (["trace", "-m", "missing_module"], "There is no module named missing_module"),
        (["trace", "--select", "BN999", "train.py", "16"], "BN999"),
        (["trace", "--html", "no/such/folder.html", "train.py", "16"], "cannot be written"),
        (["report", "missing.json"], "missing.json cannot be read"),
        (["report", "model.py"], "no trace of bn-lint"),
        (["probe", "model", "--input", "2,3,8,8"], "names no factory"),
        (["probe", "model:nothing", "--input", "2,3,8,8"], "cannot be loaded"),
        (["probe", "model:Net", "--input", "two"], "is no shape"),
        (["probe", "model:Net", "--input", "the mask=2,3"], "is no shape"),
        (["probe", "model:Net(width)", "--input", "2,3,8,8"], "literals"),
        (["probe", "model:Net(width=", "--input", "2,3,8,8"], "literals"),
        (["check", "--trace", "model.py", "."], "no trace of bn-lint"),
    ]:
        result = run(project, *arguments)
        assert (result.returncode, text in result.stderr) == (2, True), result.stderr


def test_a_saved_trace_gives_the_same_findings_again(project: Path) -> None:
    first = run(project, "trace", "--output", "trace.json", "--html", "a.html", "train.py", "16")
    again = run(project, "report", "trace.json", "--html", "b.html")
    assert again.returncode == 1
    assert again.stdout == first.stderr
    assert (project / "a.html").read_text() == (project / "b.html").read_text()
    document = json.loads((project / "trace.json").read_text())
    assert (document["format"], document["version"], document["steps"]) == ("bn-lint trace", 1, 4)


def test_two_saved_traces_are_compared(project: Path) -> None:
    run(project, "trace", "--output", "trace.json", "train.py", "16")
    assert run(project, "report", "trace.json", "--compare", "trace.json", "--html", "page.html").returncode == 1
    assert "The findings are the same." in (project / "page.html").read_text()
    refused = run(project, "report", "trace.json", "--compare", "trace.json")
    assert (refused.returncode, "--compare needs --html" in refused.stderr) == (2, True)


def test_newer_and_damaged_traces_are_refused(project: Path) -> None:
    (project / "new.json").write_text('{"format": "bn-lint trace", "version": 99}')
    assert "version 99" in run(project, "report", "new.json").stderr
    for damaged in ('"layers": [{"name": 1}]', '"layers": 3', '"modes": [{}]', '"layers": [{"early": [[0]]}]'):
        (project / "bad.json").write_text(f'{{"format": "bn-lint trace", "version": 1, {damaged}}}')
        assert "is damaged" in run(project, "report", "bad.json").stderr


def test_json_findings(project: Path) -> None:
    run(project, "trace", "--output-format", "json", "-o", "findings.json", "train.py", "16")
    report = json.loads((project / "findings.json").read_text())
    (finding,) = report["findings"]
    assert (finding["code"], finding["source"], finding["path"], finding["line"]) == (
        "BN101",
        "runtime",
        "train.py",
        13,
    )


def test_suppression_comments_and_settings_count(project: Path) -> None:
    text = TRAIN.replace(
        "    net(torch.randn(8, 3, 8, 8))\nprint", "    net(torch.randn(8, 3, 8, 8))  # bn-lint: ignore[BN101]\nprint"
    )
    assert text != TRAIN
    (project / "train.py").write_text(text)
    assert run(project, "trace", "train.py", "16").returncode == 0
    (project / "train.py").write_text(TRAIN)
    (project / "pyproject.toml").write_text('[tool.bn-lint]\nignore = ["BN101"]\n')
    assert run(project, "trace", "train.py", "16").returncode == 0
    assert run(project, "trace", "--isolated", "train.py", "16").returncode == 1


def findings(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    result = run(folder, "check", "--output-format", "json", "--select", "ALL", *arguments)
    found: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
    return found


def test_confirmation(project: Path) -> None:
    run(project, "trace", "--output", "good.json", "train.py", "16")
    run(project, "trace", "--output", "bad.json", "train.py", "32")
    for trace, expected in (("good.json", None), ("bad.json", True)):
        (found,) = (each for each in findings(project, "model.py", "--trace", trace) if each["code"] == "BN002")
        assert found["confirmed"] is expected


def test_a_run_without_the_mistake_refutes(tmp_path: Path) -> None:
    """The finding speaks of a line that ran without it; of the other line, which did not run, nothing is known."""
    (tmp_path / "layer.py").write_text(LAYERS)
    run(tmp_path, "trace", "--output", "trace.json", "layer.py")
    verdicts = [each["confirmed"] for each in findings(tmp_path, "layer.py", "--trace", "trace.json")]
    assert verdicts == [False, None]
    result = run(tmp_path, "check", "--trace", "trace.json", "layer.py")
    assert "Found 2 warnings in 1 file.\nThe trace refutes 1 of them; about 1 it tells nothing.\n" in result.stdout


#: Something that cannot be read from the text changes the momentum while the layer is built.
LAYERS = """
import sys

import torch
from torch import nn

exec("build = nn.BatchNorm1d.__init__\\nnn.BatchNorm1d.__init__ = lambda self, n, momentum: build(self, n)")
nn.BatchNorm1d(4, momentum=0.9)
exec("del nn.BatchNorm1d.__init__")  # it inherits the method
if len(sys.argv) > 1:
    nn.BatchNorm1d(4, momentum=0.9)
"""


def test_a_file_that_has_changed_since_is_not_compared(project: Path) -> None:
    """Its lines mean something else: whatever the trace tells of them would be wrong by chance."""
    run(project, "trace", "--output", "trace.json", "train.py", "32")
    (project / "model.py").write_text(f"import sys\n{MODEL}")
    result = run(project, "check", "--trace", "trace.json", ".")
    assert "The trace does not cover these lines.\n" in result.stdout
    assert "warning: model.py has changed since the run: findings that involve it are not compared." in result.stderr
    (project / "model.py").write_bytes(MODEL.replace("\n", "\r\n").encode())  # a checkout on Windows
    assert "The trace confirms 1 of them" in run(project, "check", "--trace", "trace.json", ".").stdout


def test_a_trace_is_understood_in_another_directory(project: Path) -> None:
    run(project, "trace", "--output", "trace.json", "train.py", "32")
    (project / "elsewhere").mkdir()
    result = run(project / "elsewhere", "check", "--trace", "../trace.json", "..")
    assert "The trace confirms 1 of them" in result.stdout
    shown = run(project / "elsewhere", "report", "../trace.json")
    assert "self.bn = nn.BatchNorm2d(width)" in shown.stdout  # the code is found again, and quoted
    result = run(project.parent, "check", "--trace", f"{project}/trace.json", str(project))
    assert "The trace confirms 1 of them" in result.stdout


def test_a_program_may_change_its_directory(project: Path) -> None:
    """As Hydra does: what the user named, and the paths in the report, still begin where the user was."""
    (project / "outputs").mkdir()
    (project / "train.py").write_text(f"import os\nos.chdir('outputs')\nassert os.path.isabs(__file__)\n{TRAIN}")
    result = run(project, "trace", "--output", "trace.json", "--html", "report.html", "train.py", "16")
    assert "--> train.py:16:5" in result.stderr
    assert "16 |     net(torch.randn(8, 3, 8, 8))" in result.stderr
    assert (project / "trace.json").read_text()
    assert (project / "report.html").read_text()
    assert not list((project / "outputs").iterdir())


def test_a_directory_that_is_gone_costs_nothing(project: Path) -> None:
    """A program that works in a temporary folder ends without one."""
    (project / "train.py").write_text(
        f"{TRAIN}\nimport os, tempfile, bn_lint\nwith tempfile.TemporaryDirectory() as folder:\n    os.chdir(folder)\n"
    )
    assert "--> train.py:13:5" in run(project, "trace", "train.py", "16").stderr


def test_a_last_batch_of_one_that_failed_is_confirmed(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(LEFT_OVER)
    run(tmp_path, "trace", "--output", "trace.json", "train.py")
    (found,) = (each for each in findings(tmp_path, "--trace", "trace.json") if each["code"] == "BN202")
    assert found["confirmed"] is True


LEFT_OVER = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
loader = DataLoader(TensorDataset(torch.randn(65, 4), torch.randint(3, (65,))), batch_size=16)
for x, y in loader:
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()
"""


@pytest.mark.filterwarnings("default::DeprecationWarning")  # Dynamo's own, when it is imported
@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["model:Net", "--input", "4,3,16,16"], 0, "A batch of one would fail"),
        (["model:Net", "--input", "4,3,16,16", "--eval"], 0, "All checks passed!"),
        (["model:Net", "--input", "4,3,16,16", "--samples", "9"], 1, "the last batch has 1, and fails"),
        (["model:Net", "--input", "4,3,16,16", "--samples", "10"], 0, "the last batch has 2, and fits"),
        (["model:wide", "--input", "4,3,16,16"], 1, "error[BN002]"),
        (["model.py:wide", "--input", "4,3,16,16"], 1, "error[BN002]"),
        (["model:compiled", "--input", "4,3,16,16"], 1, "error[BN002]"),
        (["model:Choosing", "--input", "4,3,16,16"], 2, "depends on the values of tensors"),
        (["model:Net(32)", "--input", "4,3,16,16"], 1, "error[BN002]"),
        (["model:Net(width=16)", "--input", "x=4,3,16,16", "--eval"], 0, "All checks passed!"),
        (["model:Net", "--input", "mask=4,3,16,16"], 2, "unexpected keyword argument 'mask'"),
        (["model:Net", "--input", "4,5,16,16"], 2, "The model cannot be run"),
    ],
)
def test_probe(project: Path, arguments: list[str], code: int, text: str) -> None:
    result = run(project, "probe", *arguments)
    assert (result.returncode, text in result.stdout + result.stderr) == (code, True), result.stderr


def test_the_plugin_reports_and_may_fail(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_model="""
        import pytest, torch
        from torch import nn


        def test_evaluation():
            net = nn.Sequential(nn.BatchNorm1d(4))
            net.load_state_dict({**net.state_dict(), "0.weight": torch.rand(4)})
            with torch.no_grad():
                net(torch.randn(8, 4))


        def test_an_error_that_is_expected():
            with pytest.raises(RuntimeError):
                nn.BatchNorm1d(4)(torch.randn(8, 3))
        """
    )

    def test(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_inprocess(*PYTEST, *arguments)

    assert "bn-lint" not in test().stdout.str()
    reported = test("--bn-lint-trace", "--bn-lint-output", "trace.json")
    assert reported.ret == 0
    reported.stdout.fnmatch_lines(["test_model.py:9:9: warning BN101*"])
    reported.stdout.no_fnmatch_line("*BN002*")
    assert json.loads((pytester.path / "trace.json").read_text())["layers"]
    assert test("--bn-lint-fail").ret == 1  # this asks for the trace, too
    clean = test("--bn-lint-trace", "--bn-lint-fail", "--bn-lint-ignore", "BN101")
    assert clean.ret == 0
    clean.stdout.fnmatch_lines(["Nothing found in 1 BatchNorm layer."])
    assert test("--bn-lint-trace", "--bn-lint-select", "BN999").ret == 4


def test_workers_of_xdist_are_one_run(pytester: pytest.Pytester) -> None:
    """The controller judges, saves and counts what all workers saw."""
    pytest.importorskip("xdist")
    pytester.makepyfile(
        test_model="""
        import pytest, torch
        from torch import nn


        @pytest.mark.parametrize("width", [4, 8])
        def test_evaluation(width):
            net = nn.Sequential(nn.BatchNorm1d(width))
            net.load_state_dict({**net.state_dict(), "0.weight": torch.rand(width)})
            with torch.no_grad():
                net(torch.randn(8, width))
        """
    )

    workers = ("-n", "2", "--dist", "each")
    found = pytester.runpytest_inprocess(*PYTEST, *workers, "--bn-lint-fail", "--bn-lint-output", "trace.json")
    assert found.ret == 1
    (line,) = (line for line in found.outlines if "BN101" in line)
    assert line.startswith("test_model.py:10:9: warning BN101 ")
    ranks = json.loads((pytester.path / "trace.json").read_text())["ranks"]
    assert [bool(rank["layers"]) for rank in ranks] == [True, True]


def test_the_plugin_costs_nothing_when_it_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n\n\ndef test_nothing():\n    assert not {'torch', 'bn_lint.rule'} & set(sys.modules)\n"
    )
    assert start(tmp_path, "-m", "pytest", *PYTEST).returncode == 0


def test_report_and_check_do_not_import_torch(project: Path) -> None:
    run(project, "trace", "--output", "trace.json", "train.py", "16")
    script = """
import sys
from bn_lint.cli.main import main
assert main(["report", "trace.json", "--html", "r.html"]) == 1
assert main(["check", "--trace", "trace.json", "model.py"]) == 1
assert "torch" not in sys.modules
"""
    assert start(project, "-c", script).returncode == 0
