"""Trees of files, kept in the folder of the cache: after an edit, only the edited file is parsed.

A tree is found by the text that it was made from. As it is with the other entries of the cache, whoever may write to
the folder may have bn-lint report something else, and nothing more: a tree is compressed numbers and JSON behind a
checksum (`packed.py` says what can come from them), and whatever is not exactly that counts as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bn_lint.project.writing import write

if TYPE_CHECKING:
    from bn_lint.static.syntax.nodes import Module

#: Of the largest file that is parsed, a tree takes a tenth of that.
_MOST_BYTES = 256 << 20
_DAY = 86400


@dataclass(frozen=True)
class KeptTrees:
    """The trees in a folder. That it cannot be read or written is no error: it only costs time.

    Attributes:
        tool: Stands for bn-lint and Python: others make other trees.
    """

    folder: Path
    tool: str

    def tree(self, text: str) -> Module | None:
        """The tree of a text, if it was kept and is whole."""
        from bn_lint.static.syntax.packed import Damaged, unpacked

        path = self._file(text)
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
                return None  # reading a pipe or a device might never end
            checksum, _, body = path.read_bytes().partition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != checksum:
                return None
            inflate = zlib.decompressobj()
            tree = unpacked(inflate.decompress(body, _MOST_BYTES))
            if time.time() - found.st_mtime > _DAY:
                os.utime(path)
        except (OSError, Damaged, zlib.error):
            return None
        return tree

    def keep(self, text: str, tree: Module) -> None:
        """Keep the tree of a text."""
        from bn_lint.static.syntax.packed import packed

        data = packed(tree)
        if data is None:
            return
        body = zlib.compress(data, 1)
        path = self._file(text)
        with contextlib.suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            write(path, hashlib.sha256(body).hexdigest().encode() + b"\n" + body, durable=False)

    def _file(self, text: str) -> Path:
        key = hashlib.sha256(f"{self.tool}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / key[:2] / f"{key[2:]}.tree"
