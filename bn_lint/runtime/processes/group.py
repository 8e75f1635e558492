"""The group of processes that `torch.distributed` makes of a run: where one of them stands, and how traces meet there.

Traces go through the key-value store that the group was started with: no collective is called, so nothing hangs when a
process has failed, and no device takes part.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import torch

from bn_lint.runtime.processes.parts import Part

#: How long rank 0 waits for each of the others, in seconds: on a busy machine they do not end together.
_PATIENCE = 120.0
#: The same when it has failed itself: the others may hang until it is gone.
_GRACE = 3.0


class Group:
    """Watches where the program makes its process group and takes it down.

    Args:
        made: Is called when the group is there.
        ending: Is called before it is taken down.
    """

    def __init__(self, made: Callable[[], None], ending: Callable[[], None]) -> None:
        self.rank = 0
        self.world_size = 1
        self._made = made
        self._ending = ending
        self._saved: list[tuple[Any, str, Any, Any]] = []
        if torch.distributed.is_available():
            for module in (torch.distributed, torch.distributed.distributed_c10d):
                self._patch(module, "init_process_group", self._after_start)
                self._patch(module, "destroy_process_group", self._before_end)

    def remove(self) -> None:
        """Take the patches away."""
        for owner, name, original, mine in self._saved:
            if getattr(owner, name) is mine:
                setattr(owner, name, original)
        self._saved.clear()

    def look(self) -> bool:
        """Note this process's place in the group; tells whether there is one of several processes."""
        distributed = torch.distributed
        if not distributed.is_available() or not distributed.is_initialized():
            return False
        self.rank, self.world_size = distributed.get_rank(), distributed.get_world_size()
        return self.world_size > 1

    def send(self, part: Part | None) -> None:
        """Leave the trace of this process for rank 0; nothing where it comes another way."""
        with contextlib.suppress(Exception):  # the kind of error depends on the store
            _store().set(f"bn_lint/{self.rank}", "" if part is None else part.dumps())

    def receive(self, *, patient: bool, prompt: bool) -> Iterator[Part | str | None]:
        """The traces of the other ranks, or sentences about those that do not come; None for those that were not sent.

        Args:
            patient: Wait for ranks that still run.
            prompt: Do not wait at all.
        """
        seconds = 0.0 if prompt else _PATIENCE if patient else _GRACE
        for rank in range(1, self.world_size):
            key = f"bn_lint/{rank}"
            arrived: Part | str | None
            try:
                if seconds:
                    _store().wait([key], timedelta(seconds=seconds))
                elif not _store().check([key]):
                    raise TimeoutError
                text = _store().get(key).decode()
                arrived = Part.loads(text) if text else None
            except Exception:
                seconds = min(seconds, _GRACE)  # the rest may have had the same fate
                arrived = f"The trace of rank {rank} did not arrive."
            yield arrived

    def _patch(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        original = getattr(owner, name)
        mine = functools.wraps(original)(make(original))
        self._saved.append((owner, name, original, mine))
        setattr(owner, name, mine)

    def _after_start(self, original: Any) -> Any:
        def init_process_group(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            with contextlib.suppress(Exception):
                self.look()
                self._made()
            return result

        return init_process_group

    def _before_end(self, original: Any) -> Any:
        def destroy_process_group(group: Any = None) -> Any:
            if group is None or group is torch.distributed.GroupMember.WORLD:
                with contextlib.suppress(Exception):
                    if self.look():
                        self._ending()
            return original(group)

        return destroy_process_group


def _store() -> Any:
    return torch.distributed.distributed_c10d._get_default_store()
