"""`bn-lint server`: the language server, on standard input and output."""

from __future__ import annotations

import click

from bn_lint.cli.stopping import leave, stopped
from bn_lint.cli.terminal import complain
from bn_lint.errors import BnLintError, UsageError
from bn_lint.exit import ExitCode


@click.command("server", short_help="Serve an editor (Language Server Protocol).")
def command() -> int:
    """Serve an editor: the Language Server Protocol over standard input and output."""
    try:
        from bn_lint.editor.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise UsageError('The language server needs pygls: pip install "bn-lint[lsp]".') from error
    code = ExitCode.CLEAN
    try:
        serve()
    except BnLintError as error:
        complain(error.message, "error")
        code = ExitCode.FAILURE
    leave(stopped() or code)  # a text may still be judged for an editor that is gone
