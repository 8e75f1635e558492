"""`bn-lint trace`: run a program, and report what its BatchNorm layers were used for."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from bn_lint.cli.commands.findings import FindingsOptions, findings_options, publish
from bn_lint.cli.stopping import leave_signals_alone
from bn_lint.cli.terminal import save
from bn_lint.errors import PathError, UsageError
from bn_lint.exit import ExitCode

if TYPE_CHECKING:
    from bn_lint.runtime.tracer import Trace


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("-m", "module", is_flag=True, help="PROGRAM is the name of a module, as for python -m.")
@click.option("--output", metavar="FILE", help="Save the trace as JSON, for bn-lint report and check --trace.")
@click.option("--stats", is_flag=True, help="Also compare batch with running statistics (a little slower).")
@click.option("--steps", type=click.IntRange(min=1), metavar="N", help="Only watch the first N optimizer steps.")
@findings_options
@click.argument("program")
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
    when it fails, otherwise 0 nothing found, 1 findings, 2 wrong usage or an internal error.
    """
    from bn_lint.runtime import torch_is_missing

    if torch_is_missing():
        raise UsageError("bn-lint trace needs PyTorch: install it, or run bn-lint in the environment of the program.")
    from bn_lint.runtime.judging.judge_trace import judge_with
    from bn_lint.runtime.recording.merge import Merger
    from bn_lint.runtime.tracer import Trace

    options = FindingsOptions(**chosen)
    settings = options.configuration()
    _check_writable(output, options.html, options.output_file)
    trace = Trace(stats=stats, steps=steps, command=[program, *arguments])
    merger = Merger(trace)
    directory = os.getcwd()
    ended, error = _run(trace, program, arguments, module)
    os.chdir(directory)  # the user's paths begin there, wherever the program went
    document = merger.merged(error)
    if document is None:
        return ended  # another rank reports
    report = judge_with(document, settings)
    if output is not None:
        from bn_lint.runtime.document.document import dumps

        save(dumps(document), output)
    early = error is not None and not (isinstance(error, SystemExit) and ended == 0)
    code = publish(document, report, options, to_stdout=False, ended_early=early)
    return ended or code


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


def _run(trace: Trace, program: str, arguments: tuple[str, ...], module: bool) -> tuple[int, BaseException | None]:
    """Run the program; returns its exit code and the error that ended it."""
    from bn_lint.runtime.script import run_module, run_script, show_traceback

    leave_signals_alone()
    trace.start()
    try:
        (run_module if module else run_script)(program, arguments)
    except SystemExit as stop:
        return _exit_code(stop), stop
    except PathError:
        trace.stop()
        raise
    except KeyboardInterrupt as error:
        show_traceback(error)
        return ExitCode.INTERRUPTED, error
    except Exception as error:
        sys.stdout.flush()
        show_traceback(error)
        return 1, error
    finally:
        sys.stdout.flush()
    return 0, None


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None or isinstance(stop.code, int):
        return stop.code or 0
    click.echo(str(stop.code), err=True)
    return 1
