"""The entry point: finds the command that was asked for, and turns errors into exit codes."""

from __future__ import annotations

import gc
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence

import click

from bn_lint import __version__
from bn_lint.cli.stopping import is_own_process, leave, stop_on_signals, stopped
from bn_lint.cli.terminal import complain, printable_lines, show
from bn_lint.errors import BnLintError
from bn_lint.exit import ExitCode

#: Each is a module of this name in `bn_lint.cli.commands`, whose `command` is imported when it is run or listed.
COMMANDS = ("check", "layers", "probe", "report", "rule", "server", "trace")
#: Those that last, or run a program: garbage is collected, which `__main__.py` has put off.
_LASTING = ("probe", "server", "trace")

_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in _LASTING and is_own_process():
            gc.enable()
        found = importlib.import_module(f"bn_lint.cli.commands.{cmd_name.replace('-', '_')}").command
        assert isinstance(found, click.Command)
        found.name = cmd_name
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from bn_lint.project.selectors import did_you_mean

            meant = f"; did you mean `bn-lint check {name}`?" if os.path.exists(name) else did_you_mean(name, COMMANDS)
            ctx.fail(f'There is no command "{name}"{meant or "."}')
        return super().resolve_command(ctx, args)


@click.group("bn-lint", cls=_Commands, context_settings=_HELP)
@click.version_option(__version__, "-V", "--version", message="bn-lint %(version)s")
def command() -> None:
    """Find BatchNorm misuse in PyTorch code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `bn-lint` and return its exit code: the one place where errors become exit codes.

    Without arguments, those of the process are taken, which is expected to end afterward. A negative code is the
    number of the signal that ended the program that was traced.
    """
    if arguments is None:
        stop_on_signals()
        code = main(sys.argv[1:])
        if stopped() is not None:
            leave(code)
        if code == -signal.SIGINT:  # Ctrl-C ended a traced program, and that was told: now Python may end as usual
            sys.excepthook = lambda *_: None
            raise KeyboardInterrupt
        # Python would take all syntax trees apart before it exits, which takes as long as a third of the analysis. The
        # objects of a program that was traced are its own: they may have something to do at the end.
        if "torch" not in sys.modules:
            gc.freeze()
        return code
    arguments = list(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A name that the terminal cannot show must not cost the report.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = command.main(arguments, prog_name="bn-lint", standalone_mode=False)
    except click.ClickException as error:
        usage = io.StringIO()
        error.show(usage)
        show(printable_lines(usage.getvalue()))
        code = ExitCode.FAILURE
    except BnLintError as error:
        complain(error.message, "error")
        code = ExitCode.FAILURE
    except (click.Abort, KeyboardInterrupt):
        code = stopped() or ExitCode.INTERRUPTED
        complain(f"{code.name.capitalize()}.", "error")
    except Exception as error:
        again = _debugs(arguments[0]) and "--debug" not in arguments
        if not again:
            import traceback

            show(printable_lines(traceback.format_exc()))
        hint = " Run again with --debug for the traceback." if again else ""
        complain(f"Internal error in bn-lint: {type(error).__name__}: {error}. Please report it.{hint}", "error")
        code = ExitCode.FAILURE
    return int(code or ExitCode.CLEAN)


def _debugs(name: str) -> bool:
    """Whether the command has the option --debug; the others tell all of an internal error at once."""
    found = command.get_command(click.Context(command), name)
    return found is not None and any("--debug" in parameter.opts for parameter in found.params)
