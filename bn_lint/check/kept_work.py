"""Work that an edit leaves as it is, kept in the folder of the cache.

These are the trees of files, found by the texts that they were made from, what the entry points of an analysis have
shown, found by the paths of its files, and the modules that they have found. As it is with the other entries of the
cache, whoever may write to the folder may have bn-lint report something else, and nothing more: all are compressed
numbers and JSON behind a checksum (`static/syntax/packed.py`, `static/turns/encoding.py` and `static/turns/heap.py` say
what can come from them), and whatever is not exactly that counts as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bn_lint.project.writing import write

if TYPE_CHECKING:
    from bn_lint.static.syntax.nodes import Module

#: Of the largest file that is parsed, a tree takes a tenth of that.
_MOST_BYTES = 256 << 20
_DAY = 86400
_NAME = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class KeptWork:
    """What is kept in a folder. That it cannot be read or written is no error: it only costs time.

    Attributes:
        tool: Stands for bn-lint and Python: others make other trees.
    """

    folder: Path
    tool: str

    def tree(self, text: str) -> Module | None:
        """The tree of a text, if it was kept and is whole."""
        return self.named(self.name(text))

    def has_tree(self, text: str) -> bool:
        """Whether there seems to be a tree of a text: it is not read."""
        return self._file(self.name(text), "tree").is_file()

    def named(self, name: str) -> Module | None:
        """The tree that is kept under a name, if it is there and is whole."""
        from bn_lint.static.syntax.packed import Damaged, unpacked

        body = self._read(self._file(name, "tree")) if _NAME.fullmatch(name) else None
        try:
            return None if body is None else unpacked(body)
        except Damaged:
            return None

    def keep(self, text: str, tree: Module) -> None:
        """Keep the tree of a text."""
        from bn_lint.static.syntax.packed import packed

        data = packed(tree)
        if data is not None:
            self._write(self._file(self.name(text), "tree"), data)

    def turns(self, paths: Sequence[str]) -> str | None:
        """What entry points have shown in an analysis of these files, if it was kept and is whole."""
        return self._text(self.name("\n".join(paths)), "turns")

    def keep_turns(self, paths: Sequence[str], text: str) -> None:
        """Keep what entry points have shown, in place of what was there."""
        self._write(self._file(self.name("\n".join(paths)), "turns"), text.encode())

    def image(self, name: str) -> str | None:
        """The image of modules that is kept under a name, if it is there and is whole."""
        return self._text(name, "image") if _NAME.fullmatch(name) else None

    def keep_image(self, text: str) -> str:
        """Keep an image of modules; returns the name that it is kept under."""
        name = self.name(text)
        self._write(self._file(name, "image"), text.encode())
        return name

    def _text(self, name: str, kind: str) -> str | None:
        body = self._read(self._file(name, kind))
        try:
            return None if body is None else body.decode()
        except UnicodeDecodeError:
            return None

    def _read(self, path: Path) -> bytes | None:
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
                return None  # reading a pipe or a device might never end
            checksum, _, body = path.read_bytes().partition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != checksum:
                return None
            data = zlib.decompressobj().decompress(body, _MOST_BYTES)
            if time.time() - found.st_mtime > _DAY:
                os.utime(path)
        except (OSError, zlib.error):
            return None
        return data

    def _write(self, path: Path, data: bytes) -> None:
        body = zlib.compress(data, 1)
        with contextlib.suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            write(path, hashlib.sha256(body).hexdigest().encode() + b"\n" + body, durable=False)

    def name(self, text: str) -> str:
        """What the tree of a text is kept under."""
        return hashlib.sha256(f"{self.tool}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()

    def _file(self, name: str, kind: str) -> Path:
        return self.folder / name[:2] / f"{name[2:]}.{kind}"
