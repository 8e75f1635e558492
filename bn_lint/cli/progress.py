"""What a person sees who waits: a line on the terminal, once a run has taken a while."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from types import TracebackType

#: Seconds after which something is shown; most runs are over by then.
_PATIENCE = 1.0


class Waiting:
    """Shows how many units are judged, on standard error if that is a terminal, and takes it away at the end."""

    def __init__(self, *, quiet: bool) -> None:
        self._wanted = not quiet and sys.stderr is not None and sys.stderr.isatty()
        self._over: threading.Event | None = None
        self._thread: threading.Thread | None = None
        self._done, self._total = 0, 0

    def __call__(self, done: int, total: int) -> None:
        """Take note of how many units are judged."""
        self._done, self._total = done, total
        if self._wanted and self._thread is None:
            import threading

            self._over = threading.Event()
            self._thread = threading.Thread(target=self._show, args=(self._over,), name="bn-lint progress", daemon=True)
            self._thread.start()

    def __enter__(self) -> Waiting:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._over is not None and self._thread is not None:
            self._over.set()
            self._thread.join()

    def _show(self, over: threading.Event) -> None:
        if over.wait(_PATIENCE):
            return
        from rich.console import Console

        console = Console(stderr=True)
        with console.status(self._text(), spinner="line") as status:
            while not over.wait(0.2):
                status.update(self._text())

    def _text(self) -> str:
        # A project whose files all depend on each other is one unit.
        return "Checking ..." if self._total < 2 else f"Checking ... {self._done} of {self._total} units"
