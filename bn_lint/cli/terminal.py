"""Standard output and standard error, as the commands use them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from typing import IO, Any

import click

from bn_lint.errors import PathError

#: The choices of `--color`.
COLORS = ("auto", "always", "never")


def complain(message: str, severity: str) -> None:
    """Write one message to standard error."""
    from bn_lint.output.text import Painter, printable

    color = wants_color("auto", sys.stderr)
    show(f"{Painter(color=color)(severity, severity)}: {printable(message)}\n", color=color)


def printable_lines(text: str) -> str:
    """Several lines, without what a terminal might obey."""
    from bn_lint.output.text import printable

    return "\n".join(map(printable, text.split("\n")))


def wants_color(choice: str, stream: IO[Any] | None) -> bool:
    """Decide about color: the option, then NO_COLOR, then FORCE_COLOR, then whether standard output is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    with contextlib.suppress(ValueError, AttributeError):  # a stream that was closed, or is none
        return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
    return False


def _close_pipe() -> None:
    # Python would complain again when it flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write(text: str | bytes, *, color: bool = False) -> None:
    """Write to standard output, bytes as they are; a reader that went away is no error.

    Raises:
        PathError: the output cannot be written, because a disk is full.
    """
    if sys.stdout is None:  # started without one, as by `>&-`
        return
    try:
        click.echo(text, nl=False, color=color)
    except BrokenPipeError:
        _close_pipe()
    except OSError as error:
        _close_pipe()
        raise PathError(f"Standard output cannot be written: {(error.strerror or str(error)).lower()}.") from error


def save(text: str, name: str) -> None:
    """Write a file, as `--output-file` does.

    Raises:
        PathError: it cannot be written.
    """
    from bn_lint.project.writing import write as write_file

    try:
        write_file(name, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise PathError(f"{name} cannot be written: {(error.strerror or str(error)).lower()}.") from error


def save_all(files: Iterable[tuple[str, Callable[[], str]]]) -> bool:
    """Write files, complain about those that cannot be written, and tell whether all were."""
    complete = True
    for name, content in files:
        try:
            save(content(), name)
        except PathError as error:
            complain(error.message, "error")
            complete = False
    return complete


def show(text: str, *, color: bool = False) -> None:
    """Write to standard error, also where the program of this process has closed or replaced it."""
    try:
        click.echo(text, nl=False, err=True, color=color)
    except (OSError, ValueError, RuntimeError, AttributeError):
        with contextlib.suppress(OSError):
            os.write(2, text.encode("utf-8", "backslashreplace"))
