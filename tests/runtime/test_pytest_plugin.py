"""The pytest plugin: what it reports, when it fails, and what it costs where nobody asks for it."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from .commands import start

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
