"""The pytest plugin: `pytest --bn-lint-trace` watches the BatchNorm layers of the code under test.

pytest loads it in every environment that has bn-lint, so it imports nothing of bn-lint before the option is given.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bn_lint.runtime.document.document import Document
    from bn_lint.runtime.tracer import Trace

_PLUGIN = "bn-lint-trace"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bn-lint", "BatchNorm misuse")
    group.addoption("--bn-lint-trace", action="store_true", help="Report how the tests use BatchNorm layers.")
    group.addoption("--bn-lint-fail", action="store_true", help="Trace, and fail the run when there are findings.")
    group.addoption(
        "--bn-lint-select", metavar="RULES", default=None, help="Turn on only these rules, comma-separated."
    )
    group.addoption("--bn-lint-ignore", metavar="RULES", default=None, help="Turn off these rules, comma-separated.")
    group.addoption("--bn-lint-output", metavar="FILE", default=None, help="Trace, and save the trace as JSON.")


def pytest_configure(config: pytest.Config) -> None:
    # Who asks for what a trace gives asks for the trace.
    if any(config.getoption(f"--bn-lint-{option}") for option in ("trace", "fail", "output")):
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
        self._others: list[Document] = []
        self._lines: list[str] = []

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        from bn_lint.errors import BnLintError
        from bn_lint.output import render
        from bn_lint.runtime.document.document import dumps

        document = self.trace.stop()
        if hasattr(self.config, "workeroutput"):  # a worker of pytest-xdist: the controller reports
            self.config.workeroutput["bn_lint"] = dumps(document)
            return
        if self._others:
            document.ranks += self._others
            document.world_size = len(self._others)
        output = self.config.getoption("--bn-lint-output")
        try:
            if output is not None:
                self.trace.save(output)
            report = self.trace.report
        except (BnLintError, OSError) as error:
            self._lines.append(f"error: {error}")
            session.exitstatus = 4  # wrong usage, as pytest has it
            return
        self._lines += render(report, "concise").splitlines()
        if report.visible and self.config.getoption("--bn-lint-fail") and session.exitstatus == 0:
            session.exitstatus = 1

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of pytest-xdist saw."""
        from bn_lint.runtime.document.document import from_json

        text = getattr(node, "workeroutput", {}).get("bn_lint")
        if text is not None:
            self._others.append(from_json(json.loads(text)))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        called = sum(layer.called for part in self.trace.document.everywhere for layer in part.layers)
        if not self._lines and not called:
            return
        terminalreporter.section("bn-lint")
        for line in self._lines:
            terminalreporter.write_line(line)
        if not self._lines:
            from bn_lint.output.text import counted

            terminalreporter.write_line(f"Nothing found in {counted(called, 'BatchNorm layer')}.")


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
