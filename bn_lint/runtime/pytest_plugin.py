"""The pytest plugin: `pytest --bn-lint-trace` watches the BatchNorm layers of the code under test.

pytest loads it in every environment that has bn-lint, so it imports nothing of bn-lint before the option is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bn_lint.runtime.tracer import Trace

_PLUGIN = "bn-lint-trace"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bn-lint", "BatchNorm misuse")
    group.addoption("--bn-lint-trace", action="store_true", help="Report how the tests use BatchNorm layers.")
    group.addoption("--bn-lint-fail", action="store_true", help="Fail the run when there are findings.")
    group.addoption(
        "--bn-lint-select", metavar="RULES", default=None, help="Turn on only these rules, comma-separated."
    )
    group.addoption("--bn-lint-ignore", metavar="RULES", default=None, help="Turn off these rules, comma-separated.")
    group.addoption("--bn-lint-output", metavar="FILE", default=None, help="Save the trace as JSON.")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--bn-lint-trace"):
        config.pluginmanager.register(Tracing(config), _PLUGIN)


class Tracing:
    """Watches from the first import of a test to the end of the run."""

    def __init__(self, config: pytest.Config) -> None:
        from bn_lint.errors import BnLintError
        from bn_lint.runtime import torch_is_missing

        if torch_is_missing():
            raise pytest.UsageError("--bn-lint-trace needs PyTorch.")
        from bn_lint.runtime.tracer import Trace

        self.config = config
        self.fail = bool(config.getoption("--bn-lint-fail"))
        select, ignore = config.getoption("--bn-lint-select"), config.getoption("--bn-lint-ignore")
        self.trace: Trace = Trace(
            select=None if select is None else _split(select),
            ignore=() if ignore is None else _split(ignore),
            command=["pytest", *config.invocation_params.args],
        )
        try:
            self.trace.start()
        except BnLintError as error:
            raise pytest.UsageError(str(error)) from error
        self._texts: list[str] = []

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        from bn_lint.errors import BnLintError

        self.trace.stop()
        try:
            report = self.trace.report
        except BnLintError as error:
            self._texts.append(f"error: {error}")
            session.exitstatus = 4  # wrong usage, as pytest has it
            return
        output = self.config.getoption("--bn-lint-output")
        if output is not None and not hasattr(self.config, "workerinput"):
            self.trace.save(output)
        from bn_lint.output import render

        self._texts.append(render(report, "concise"))
        if hasattr(self.config, "workeroutput"):  # a worker of pytest-xdist: the controller reports
            self.config.workeroutput["bn_lint"] = self._texts[-1]
        found = bool(report.visible) or any(self._texts[:-1])
        if found and self.fail and session.exitstatus == 0:
            session.exitstatus = 1

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of pytest-xdist found."""
        text = getattr(node, "workeroutput", {}).get("bn_lint", "")
        self._texts.append(text)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        lines = dict.fromkeys(line for text in self._texts for line in text.splitlines())
        called = sum(1 for layer in self.trace.document.layers if layer.called)
        if not lines and not called:
            return
        terminalreporter.section("bn-lint")
        for line in lines:
            terminalreporter.write_line(line)
        if not lines:
            from bn_lint.output.text import counted

            terminalreporter.write_line(f"Nothing found in {counted(called, 'BatchNorm layer')}.")


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
