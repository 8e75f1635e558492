"""Trees of files in the cache: after an edit, only the edited file is parsed."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import libcst
import pytest

from bn_lint.check import cache, kept_work
from bn_lint.check.kept_work import KeptWork
from bn_lint.project.filesystem import digest
from bn_lint.static.syntax import from_ast, shared_trees
from bn_lint.static.syntax.lower import read
from bn_lint.static.syntax.nodes import Module
from bn_lint.static.syntax.shared_trees import forget_trees
from tests.test_nodes import dump

from .projects import WRONG, Check, write

LAYERS = "from torch import nn\ndef norm(width):\n    return nn.BatchNorm2d(width)\n"
NET = "from torch import nn\nfrom layers import norm\nnet = nn.Sequential(nn.Conv2d(3, 8, 3), norm({}))\n"
TEXT = "x = 1\n"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are really parsed."""
    forget_trees()
    seen: list[str] = []
    original = libcst.parse_module

    def parse_module(text: str) -> libcst.Module:
        seen.append(text)
        return original(text)

    monkeypatch.setattr(libcst, "parse_module", parse_module)

    def read_from_ast(text: str) -> Module | None:
        seen.append(text)
        return from_ast.read_from_ast(text)

    monkeypatch.setattr(shared_trees, "read_from_ast", read_from_ast)
    return seen


def trees() -> list[Path]:
    return sorted(Path(".bn_lint_cache/bn-lint").glob("??/*.tree"))


def project(width: int) -> str:
    write("layers.py", LAYERS)
    text = NET.format(width)
    write("net.py", text)
    return text


def test_only_the_edited_file_is_parsed(check: Check, parsed: list[str]) -> None:
    first = project(8)
    assert check() == []
    assert sorted(parsed) == sorted([LAYERS, first])
    parsed.clear()
    second = project(9)
    assert check() == ["layers.py:3 BN002"]
    assert set(parsed) == {LAYERS, second}  # the place of what is found is worked out from the text
    assert len(trees()) == 3


def test_context_is_not_parsed_again(check: Check, parsed: list[str]) -> None:
    write("sizes.py", "WIDTH = 8\n")
    text = WRONG.replace("\n", "\nfrom sizes import WIDTH\n", 1)
    write("net.py", text.format("WIDTH"))
    assert check("net.py") == []
    forget_trees()
    parsed.clear()
    edited = text.format("WIDTH + 0")
    write("net.py", edited)
    assert check("net.py") == []
    assert parsed == [edited]


def test_what_is_not_python_is_parsed_each_time(check: Check, parsed: list[str]) -> None:
    project(8)
    write("layers.py", LAYERS + "def broken(:\n")
    found = check()
    assert found == ["layers.py:4 BN902"]
    project(8)
    write("layers.py", LAYERS + "def broken(:\n")
    write("net.py", NET.format(4 + 4) + "other = 1\n")
    assert check() == found
    assert len(trees()) == 2


def test_without_a_cache_no_tree_is_kept_or_read(check: Check, parsed: list[str]) -> None:
    first = project(8)
    assert check("--no-cache") == []
    assert not Path(".bn_lint_cache").exists()
    check()
    for path in trees():
        path.write_bytes(b"")
    forget_trees()
    parsed.clear()
    assert check("--no-cache") == []
    assert sorted(parsed) == sorted([LAYERS, first])
    assert {path.read_bytes() for path in trees()} == {b""}


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda data: b"",
    lambda data: data[: len(data) // 2],
    lambda data: data[:-1],
    lambda data: data[:80] + bytes([data[80] ^ 1]) + data[81:],
    lambda data: digest(b"").encode() + b"\n",
    lambda data: digest(b"no tree").encode() + b"\nno tree",
    lambda data: _sealed(zlib.compress(b"[]\n")),
    lambda data: _sealed(zlib.compress(b"[" * 100_000)),
    lambda data: _sealed(zlib.compress(b"\x80\x04cos\nsystem\n(S'touch touched'\ntR.\n")),
]


def _sealed(body: bytes) -> bytes:
    return digest(body).encode() + b"\n" + body


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_trees_count_as_absent(damage: Callable[[bytes], bytes], check: Check, parsed: list[str]) -> None:
    project(9)
    assert check() == ["layers.py:3 BN002"]
    for path in trees():
        path.write_bytes(damage(path.read_bytes()))
    forget_trees()
    parsed.clear()
    second = project(10)
    assert check() == ["layers.py:3 BN002"]
    assert set(parsed) == {LAYERS, second}
    kept = KeptWork(trees()[0].parent.parent, "another version")
    assert kept.tree(LAYERS) is None
    assert not Path("touched").exists()


def test_a_tree_is_that_of_its_text_and_version(here: Path) -> None:
    one, other = KeptWork(here, "one"), KeptWork(here, "other")
    one.keep(TEXT, read(TEXT))
    found = one.tree(TEXT)
    assert found is not None
    assert dump(found) == dump(read(TEXT))
    assert one.tree("x = 2\n") is None
    assert other.tree(TEXT) is None


def test_what_inflates_without_end_is_no_tree(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptWork(here, "one")
    kept.keep(TEXT, read(TEXT))
    assert kept.tree(TEXT) is not None
    monkeypatch.setattr(kept_work, "_MOST_BYTES", 300)
    (path,) = here.glob("??/*.tree")
    path.write_bytes(_sealed(zlib.compress(b" " * 100_000)))
    assert path.stat().st_size < 300
    assert kept.tree(TEXT) is None
    monkeypatch.setattr(kept_work, "_MOST_BYTES", 10)
    assert kept.tree(TEXT) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_what_is_no_file_is_not_read(here: Path) -> None:
    kept = KeptWork(here, "one")
    kept.keep(TEXT, read(TEXT))
    (path,) = here.glob("??/*.tree")
    path.unlink()
    os.mkfifo(path)
    assert kept.tree(TEXT) is None


def test_a_folder_that_cannot_be_written_costs_only_time(here: Path) -> None:
    kept = KeptWork(here / "missing", "one")
    kept.keep(TEXT, read(TEXT))
    assert kept.tree(TEXT) is None
    write("file", "")
    kept = KeptWork(here / "file", "one")
    kept.keep(TEXT, read(TEXT))
    assert kept.tree(TEXT) is None


def test_a_tree_that_is_used_is_not_old(here: Path) -> None:
    kept = KeptWork(here, "one")
    kept.keep(TEXT, read(TEXT))
    (path,) = here.glob("??/*.tree")
    os.utime(path, (time.time() - 20 * 86400,) * 2)
    assert kept.tree(TEXT) is not None
    assert time.time() - path.stat().st_mtime < 86400


def test_old_trees_are_removed(check: Check) -> None:
    project(8)
    check()
    old = trees()[0]
    os.utime(old, (time.time() - 60 * 86400,) * 2)
    write("other.py", WRONG.format(16))
    check("other.py")
    assert old in trees()  # nobody looks for them all the time
    os.utime(".bn_lint_cache/bn-lint/CACHEDIR.TAG", (time.time() - 7200,) * 2)
    write("other.py", WRONG.format(32))
    check("other.py")
    assert old not in trees()


def test_what_was_not_used_for_longest_is_removed_when_there_is_too_much(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(".bn_lint_cache/bn-lint")
    project(8)
    check()
    old = [write(f"{folder}/ab/{number}{'0' * 61}.tree", "0" * 50_000) for number in range(6)]
    for number, path in enumerate(old):
        os.utime(path, (time.time() - 10_000 + number,) * 2)
    size = sum(path.stat().st_size for path in folder.glob("??/*"))

    def left_after_run(width: int, most: int) -> list[Path]:
        monkeypatch.setattr(cache, "_MOST", most)
        os.utime(folder / "CACHEDIR.TAG", (time.time() - 7200,) * 2)
        project(width)
        check()
        return [path for path in old if path.exists()]

    assert left_after_run(9, size) == old
    assert left_after_run(10, size) == old[-2:]  # half of the size is left
