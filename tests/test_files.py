from __future__ import annotations

import functools
import os
import re
import subprocess
from pathlib import Path
from random import Random

import pytest

from bn_lint.errors import PathError
from bn_lint.project.discovery import discover
from bn_lint.project.globs import Pattern, translated
from bn_lint.project.prefilter import deserves_judging


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(*names: str, text: str = "") -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def git(*arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


def found(*paths: str, exclude: tuple[str, ...] = (), force: bool = False) -> list[str]:
    patterns = [Pattern(text, str(Path.cwd())) for text in exclude]
    discovery = discover(paths, lambda path: any(p.matches(path) for p in patterns), force_exclude=force)
    assert discovery.unreadable == []
    return [file.display for file in discovery.files]


def test_directories_are_searched_for_python_files(here: Path) -> None:
    write("b.py", "pkg/a.py", "pkg/data.txt", "pkg/stub.pyi", ".hidden/c.py", "__pycache__/d.py", "node_modules/e.py")
    write("env/pyvenv.cfg", "env/lib/f.py")
    assert found(".") == ["b.py", "pkg/a.py"]
    assert found("pkg", "b.py") == ["pkg/a.py", "b.py"]


def test_a_hidden_directory_given_by_name_is_searched(here: Path) -> None:
    write(".ci/a.py", "env/pyvenv.cfg", "env/lib/f.py")
    assert found(".ci", "env") == [".ci/a.py", "env/lib/f.py"]


def test_given_files_are_checked_whatever_their_name(here: Path) -> None:
    write("script", ".hidden/c.py")
    assert found("script", ".hidden/c.py", "./script") == ["script", ".hidden/c.py"]


def test_a_file_is_found_once(here: Path) -> None:
    write("pkg/a.py")
    assert found("pkg/a.py", "pkg", ".", "pkg/../pkg") == ["pkg/a.py"]


def test_exclude(here: Path) -> None:
    write("a.py", "old/b.py", "old/deep/c.py", "new/old.py", "new/gen_pb2.py")
    assert found(".", exclude=("old", "*_pb2.py")) == ["a.py", "new/old.py"]
    assert found("old/b.py", exclude=("old",)) == ["old/b.py"]
    assert found("old/b.py", "old", "a.py", exclude=("old",), force=True) == ["a.py"]


def test_missing_paths(here: Path) -> None:
    with pytest.raises(PathError, match=r"^gone\.py does not exist\.$"):
        found("gone.py")


def test_directories_without_python_files(here: Path) -> None:
    write("docs/readme.txt")
    assert found("docs") == []


def test_links(here: Path) -> None:
    write("pkg/a.py")
    Path("pkg/loop").symlink_to("..")
    Path("pkg/same.py").symlink_to("a.py")
    Path("pkg/dangling.py").symlink_to("nowhere.py")
    Path("pkg/directory.py").mkdir()
    os.mkfifo("pkg/pipe.py")
    assert found(".") == ["pkg/a.py", "pkg/same.py"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_directories_are_named(here: Path) -> None:
    write("open/a.py", "closed/b.py")
    Path("closed").chmod(0)
    discovery = discover(["."], lambda path: False)
    Path("closed").chmod(0o755)
    assert [file.display for file in discovery.files] == ["open/a.py"]
    assert discovery.unreadable == [("closed", "permission denied")]


def test_a_directory_that_fails_while_it_is_read_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.py", "closed/b.py")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    discovery = discover(["."], lambda path: False)
    assert [file.display for file in discovery.files] == ["a.py"]
    assert discovery.unreadable == [("closed", "permission denied")]


def test_git_knows_what_is_ignored(here: Path) -> None:
    git("init")
    write("a.py", "build/b.py", "new/c.py", ".tools/d.py", "gone.py")
    Path(".gitignore").write_text("build/\nlocal_*.py\n")
    write("local_x.py", "env/pyvenv.cfg", "env/lib/f.py")
    git("add", "a.py", "gone.py", ".gitignore")
    Path("gone.py").unlink()
    assert found(".") == [".tools/d.py", "a.py", "new/c.py"]
    assert found("new") == ["new/c.py"]
    assert found("build") == ["build/b.py"], "an ignored directory was asked for by name"
    assert found("local_x.py") == ["local_x.py"]


def test_repositories_inside_a_repository_are_searched(here: Path) -> None:
    git("init")
    write("a.py", "inner/b.py", "inner/build/c.py")
    git("init", "inner")
    Path("inner/.gitignore").write_text("build\n")
    Path("link").symlink_to("inner")
    assert found(".") == ["a.py", "inner/b.py"]


def test_git_hooks_do_not_redirect_git(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("init")
    write("a.py")
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    assert found(".") == ["a.py"]


def test_without_git_the_directory_is_walked(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.py", ".git/config")
    assert found(".") == ["a.py"], "not a repository that git accepts"
    monkeypatch.setenv("PATH", "")
    assert found(".") == ["a.py"], "no git at all"


@pytest.mark.parametrize("damage", ["index", "owner"])
def test_it_is_said_that_git_refuses(here: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    git("init")
    write("a.py", "build/b.py", text="x = 1\n")
    Path(".gitignore").write_text("build/\n")
    git("add", ".")
    if damage == "index":
        Path(".git/index").write_bytes(b"no index")
        reason = "index file"
    elif os.geteuid() != 0:
        pytest.skip("only root may give folders away")
    else:
        os.chown(here, 1234, 1234)
        os.chown(".git", 1234, 1234)
        reason = "detected dubious ownership"
    discovery = discover(["."], lambda path: False)
    assert [file.display for file in discovery.files] == ["a.py", "build/b.py"]
    (remark,) = discovery.remarks
    assert remark.startswith("git does not list ., so files that it ignores are checked: ")
    assert reason in remark


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("tests", "tests/a.py", True),
        ("tests", "src/tests/a.py", True),
        ("tests", "src/tests.py", False),
        ("*.py", "src/a.py", True),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/deep/a.py", False),
        ("src/*.py", "other/src/a.py", False),
        ("src/**/*.py", "src/a.py", True),
        ("src/**/*.py", "src/very/deep/a.py", True),
        ("**/legacy", "a/b/legacy/c.py", True),
        ("src/old/", "src/old/a.py", True),
        ("./src/old", "src/old/a.py", True),
        ("a?.py", "ab.py", True),
        ("src/a?b.py", "src/a/b.py", False),
        ("[ab].py", "b.py", True),
        ("[!ab].py", "b.py", False),
        ("[ab.py", "[ab.py", True),
        ("[]a]b", "]b", True),
        ("[!]a]b", "]b", False),
        ("[!]a]b", "cb", True),
        ("[a-c]x", "bx", True),
        ("[a-]x", "-x", True),
        ("[a&&b]", "&", True),
        ("a+b.py", "a+b.py", True),
        ("/project/src", "src/a.py", True),
        ("/elsewhere/src", "src/a.py", False),
    ],
)
def test_patterns(pattern: str, path: str, matches: bool) -> None:
    assert Pattern(pattern, "/project").matches(f"/project/{path}") is matches


def possible(glob: str, text: str) -> bool:
    """Whether a glob means a text, tried in all ways."""

    @functools.cache
    def means(at: int, index: int) -> bool:
        if at == len(glob):
            return index == len(text)
        ends = range(index, len(text) + 1)
        if glob.startswith("**/", at) and (at == 0 or glob[at - 1] == "/"):
            return means(at + 3, index) or any(text[end - 1] == "/" and means(at + 3, end) for end in ends[1:])
        stars = len(glob[at:]) - len(glob[at:].lstrip("*"))
        if stars:
            return any(means(at + stars, end) for end in ends if stars > 1 or "/" not in text[index:end])
        fits = index < len(text) and (text[index] != "/" if glob[at] == "?" else text[index] == glob[at])
        return fits and means(at + 1, index + 1)

    return means(0, 0)


def test_patterns_mean_what_their_parts_mean() -> None:
    random, matches = Random(0), 0
    for _ in range(5_000):
        glob = "".join(random.choices(["a", "b", "*", "*", "**", "**/", "/", "?"], k=random.randrange(1, 8)))
        text = "".join(random.choices("aab/", k=random.randrange(9)))
        expected = possible(glob, text)
        assert bool(re.fullmatch(translated(glob), text)) is expected, (glob, text)
        matches += expected
    assert matches > 250


@pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "**/" * 30 + "b", "**a*" * 20 + "b", "*/**/a*" * 10 + "b"])
def test_no_pattern_takes_forever(pattern: str) -> None:
    for path in ("a" * 250, "a/" * 1000):
        assert not Pattern(pattern, "/project").matches(f"/project/{path}")


def test_patterns_see_only_the_name_of_files_outside() -> None:
    assert Pattern("a.py", "/project").matches("/elsewhere/a.py")
    assert not Pattern("elsewhere", "/project").matches("/elsewhere/a.py")


@pytest.mark.parametrize(
    ("data", "deserves"),
    [
        (b"nn.BatchNorm2d(8)", True),
        (b"F.batch_norm(x)", True),
        (b"SYNCBATCHNORM", True),
        (b"import torch\nmodel.eval()", True),
        (b"import torch\nmodel.train", True),
        (b"import torch\nif self.training:", True),
        (b"model.eval()", True),  # torch is left to what it imports
        (b"frame.eval(text)", False),
        (b"import torch\neval('x')", False),
        (b"import torch\nmodel.evaluate()", False),
        (b"x = 1", False),
        (b"", False),
        (b"\xff\xfe BatchNorm \x00", True),
    ],
)
def test_the_prefilter(data: bytes, deserves: bool) -> None:
    assert deserves_judging(data) is deserves
