"""Where in the source a frame is, and whose code it is."""

from __future__ import annotations

import itertools
import os
import sysconfig
from collections.abc import Callable
from functools import cache
from types import CodeType, FrameType
from typing import NamedTuple

from bn_lint.facts import Place
from bn_lint.project.paths import absolute, display_path
from bn_lint.project.source import Sources

_OWN = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 2)) + os.sep
_LIBRARIES = tuple(
    {os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("purelib", "platlib")}
    | {sysconfig.get_path(name) + os.sep for name in ("purelib", "platlib")}
)
_STANDARD = tuple({os.path.realpath(sysconfig.get_path("stdlib")) + os.sep, sysconfig.get_path("stdlib") + os.sep})

#: Frames outside these belong to the command that runs the program.
_BORDERS = frozenset(_OWN + os.path.join("runtime", name) for name in ("script.py", "probe.py"))

#: Whose code it is. Machinery is what no finding may point at: torch, the standard library, bn-lint itself.
USER, LIBRARY, MACHINERY = 0, 1, 2


class Site(NamedTuple):
    """A stretch of a source file. Columns count bytes of UTF-8 from 0, as Python does; -1 when not known."""

    path: str
    line: int
    column: int = -1
    end_line: int = -1
    end_column: int = -1


class Trail(NamedTuple):
    """How a BatchNorm layer was reached.

    Attributes:
        call: What applies the layer: the innermost line of the user's code, or of a library when there is no other.
        model: What calls the whole model; the same as `call` for a layer that is called by itself.
    """

    call: Site | None
    model: Site | None


@cache
def torch_folder() -> str:
    """Where torch is installed, with a separator at the end; its frames are passed over."""
    import importlib.util

    spec = importlib.util.find_spec("torch")
    return os.path.dirname(spec.origin) + os.sep if spec is not None and spec.origin else "<no torch>"


@cache
def owner_of(path: str) -> int:
    """Whose code a file is: USER, LIBRARY (installed packages) or MACHINERY."""
    if path.startswith("<"):
        # A cell or a line that somebody typed is theirs; `<frozen runpy>` and generated code are not.
        return USER if path.startswith(("<stdin>", "<ipython", "<console>")) else MACHINERY
    path = os.path.abspath(path)
    if path.startswith((_OWN, torch_folder())):
        return MACHINERY
    if path.startswith(_LIBRARIES) or f"{os.sep}site-packages{os.sep}" in path:
        return LIBRARY
    return MACHINERY if path.startswith(_STANDARD) else USER


def is_border(path: str) -> bool:
    """Whether the program ends here: what is further out is not its code."""
    return path in _BORDERS


_sites: dict[tuple[int, int], tuple[CodeType, Site]] = {}
#: A program that makes code objects for ever must not make this grow with them.
_MOST_SITES = 4096
_LONGEST_PATH = 12


def site_of(frame: FrameType, instruction: int | None = None) -> Site:
    """The expression that a frame is evaluating, or did with an instruction; only its line before Python 3.11."""
    code, index = frame.f_code, frame.f_lasti if instruction is None else instruction
    known = _sites.get((id(code), index))
    if known is not None and known[0] is code:
        return known[1]
    site = Site(code.co_filename, frame.f_lineno)
    positions: Callable[[], object] | None = getattr(code, "co_positions", None)
    if positions is not None:
        line, end_line, column, end_column = next(itertools.islice(positions(), index // 2, None))  # type: ignore[call-overload]
        if None not in (line, end_line, column, end_column):
            site = Site(code.co_filename, line, column, end_line, end_column)
    if len(_sites) >= _MOST_SITES:
        _sites.clear()
    _sites[id(code), index] = (code, site)
    return site


def here(frame: FrameType | None) -> Site | None:
    """The innermost line of the user's code at or above a frame, or else of a library."""
    library: FrameType | None = None
    while frame is not None and not is_border(frame.f_code.co_filename):
        owner = owner_of(frame.f_code.co_filename)
        if owner == USER:
            return site_of(frame)
        if owner == LIBRARY and library is None:
            library = frame
        frame = frame.f_back
    return None if library is None else site_of(library)


def path_to(frame: FrameType | None) -> tuple[Site, ...]:
    """The user's lines at and above a frame, innermost first."""
    found: list[Site] = []
    while frame is not None and len(found) < _LONGEST_PATH and not is_border(frame.f_code.co_filename):
        if owner_of(frame.f_code.co_filename) == USER:
            found.append(site_of(frame))
        frame = frame.f_back
    return tuple(found)


def place_of(site: Site, sources: Sources) -> Place:
    """The place of a site in the words of reports: relative path, columns in code points from 1."""
    display = site.path if site.path.startswith("<") else display_path(absolute(site.path))
    first = sources.line(display, site.line)
    if site.line < 1 or (site.end_line < site.line and site.column >= 0):  # code that a program made up
        return Place(display, 1, 1, 1, 1)
    if site.column < 0:
        text = first or ""
        start = len(text) - len(text.lstrip())
        return Place(display, site.line, start + 1, site.line, len(text.rstrip()) + 1)
    last = first if site.end_line == site.line else sources.line(display, site.end_line)
    return Place(
        display,
        site.line,
        _code_points(first, site.column) + 1,
        site.end_line,
        _code_points(last, site.end_column) + 1,
    )


def _code_points(text: str | None, offset: int) -> int:
    if text is None or text.isascii():
        return offset
    return len(text.encode("utf-8")[:offset].decode("utf-8", errors="replace"))
