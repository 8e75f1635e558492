"""`bn-lint trace`: run a program, and report what its BatchNorm layers were used for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from bn_lint.cli.commands.findings import FindingsOptions, findings_options, publish
from bn_lint.cli.stopping import is_own_process, leave_signals_alone
from bn_lint.cli.terminal import save_all
from bn_lint.errors import PathError, UsageError

if TYPE_CHECKING:
    from bn_lint.project.config import Configuration
    from bn_lint.runtime.document.document import Document
    from bn_lint.runtime.processes.process import Process
    from bn_lint.runtime.processes.ways_out import Ending


@click.command(
    short_help="Run a program, and check its BatchNorm layers.", context_settings={"allow_interspersed_args": False}
)
@click.option("-m", "module", is_flag=True, help="PROGRAM is the name of a module, as for python -m.")
@click.option(
    "--output", metavar="FILE", type=click.Path(), help="Save the trace as JSON, for bn-lint report and check --trace."
)
@click.option("--stats", is_flag=True, help="Also compare batch with running statistics (a little slower).")
@click.option("--steps", type=click.IntRange(min=1), metavar="N", help="Only watch the first N optimizer steps.")
@findings_options
@click.argument("program", type=click.Path())
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(
    program: str,
    arguments: tuple[str, ...],
    module: bool,
    output: str | None,
    stats: bool,
    steps: int | None,
    **chosen: Any,
) -> int:
    """Run PROGRAM (a script, or a module with -m) and watch its BatchNorm layers.

    The report goes to standard error, because standard output belongs to the program. Exit codes: those of the program
    when it fails or is ended by a signal, otherwise 0 nothing found, 1 findings, 2 wrong usage or an internal error.
    """
    from bn_lint.runtime import torch_is_missing

    if torch_is_missing():
        raise UsageError(
            'bn-lint trace needs PyTorch: run bn-lint in the environment of the program, or install "bn-lint[trace]".'
        )
    from bn_lint.runtime.processes.children import traced_children
    from bn_lint.runtime.processes.process import Process
    from bn_lint.runtime.processes.ways_out import WaysOut
    from bn_lint.runtime.script import join_threads, run_module, run_script
    from bn_lint.runtime.tracer import Trace

    options = FindingsOptions(**chosen)
    settings = options.configuration()
    _check_writable(output, options.html, options.output_file)
    trace = Trace(stats=stats, steps=steps, command=[program, *arguments])
    own_process = is_own_process()
    leave_signals_alone()
    with traced_children(stats=stats, steps=steps) as folder:
        process = Process(trace, folder, reports=True)
        reporting = _Reporting(process, options, settings, output)
        with WaysOut(reporting.report, forked=process.hand_over) as process.ways:
            trace.start()
            try:
                ending = (run_module if module else run_script)(program, arguments)
            except PathError:
                trace.stop()
                raise
            if own_process:
                join_threads()
            return process.ways.leave(ending)


class _Reporting:
    """Reports when the program ends."""

    def __init__(
        self, process: Process, options: FindingsOptions, configuration: Configuration, output: str | None
    ) -> None:
        self.process = process
        self.options = options
        self.configuration = configuration
        self.output = output
        self.directory = os.getcwd()

    def report(self, ending: Ending) -> int:
        """Write the report and what was asked for; returns the exit code of the process."""
        # The user's paths begin where bn-lint was started. What still runs after this is the program's.
        with _working_directory(self.directory):
            document = self.process.document(ending)
            if document is None:
                return ending.code  # another rank reports
            code = self._publish(document, ending)
            return ending.code or code

    def _publish(self, document: Document, ending: Ending) -> int:
        from bn_lint.runtime.document.document import dumps
        from bn_lint.runtime.judging.judge_trace import judge_with

        files = [] if self.output is None else [(self.output, lambda: dumps(document))]
        try:
            report = judge_with(document, self.configuration)
        except Exception:
            save_all(files)  # it took hours to make
            raise
        return publish(document, report, self.options, files, to_stdout=False, ended_early=ending.early)


@contextlib.contextmanager
def _working_directory(path: str) -> Iterator[None]:
    try:
        before = os.getcwd()
    except OSError:  # it was a temporary one, and is gone
        before = path
    os.chdir(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.chdir(before)


def _check_writable(*names: str | None) -> None:
    """Fail before the program runs for hours, not after.

    Raises:
        PathError: a file cannot be written.
    """
    from bn_lint.project.writing import check_writable

    for name in filter(None, names):
        try:
            check_writable(name)
        except OSError as error:
            raise PathError(f"{name} cannot be written: {(error.strerror or str(error)).lower()}.") from error
