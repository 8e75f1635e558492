"""Nothing is lost: at any time, a file that bn-lint writes has all of its old content or all of the new one."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bn_lint.check.cache import Cache
from bn_lint.cli import main as cli
from bn_lint.project import writing
from bn_lint.project.writing import ChangedError, check_writable, write

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the tests stop processes as only POSIX can")

OLD, NEW = b"old\n" * 1000, b"new\n" * 3000
MODEL = "from torch import nn\nnet = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, momentum=0.99))\n"
SCRIPTS = Path(sysconfig.get_path("scripts"))


class Interrupted:
    """`os`, in which something happens instead of the call with a number, counted from 0."""

    def __init__(self, number: int, happen: Callable[[], None], calls: list[str]) -> None:
        self._number = number
        self._happen = happen
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if not callable(real) or name in ("fspath", "strerror", "getpid"):
            return real

        def call(*arguments: Any, **options: Any) -> Any:
            self._calls.append(name)
            if len(self._calls) == self._number + 1:
                self._happen()
            return real(*arguments, **options)

        return call


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(writing, "_tidied", set())
    return tmp_path


def interrupted(monkeypatch: pytest.MonkeyPatch, number: int, happen: Callable[[], None]) -> list[str]:
    calls: list[str] = []
    monkeypatch.setattr(writing, "os", Interrupted(number, happen, calls))
    return calls


def number_of_calls(monkeypatch: pytest.MonkeyPatch, path: Path, expected: bytes | None) -> int:
    calls = interrupted(monkeypatch, -1, lambda: None)
    write(path, NEW, expected=expected)
    assert {"open", "write", "fsync", "replace", "unlink", "listdir"} <= set(calls)
    monkeypatch.setattr(writing, "_tidied", set())
    return len(calls)


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("expected", [OLD, None], ids=["a change", "a new file"])
def test_a_kill_at_every_system_call(folder: Path, monkeypatch: pytest.MonkeyPatch, expected: bytes | None) -> None:
    path = folder / "file"
    path.write_bytes(OLD) if expected else None
    for number in range(number_of_calls(monkeypatch, path, expected)):
        path.write_bytes(OLD) if expected else path.unlink()
        writing._tidied.clear()
        child = os.fork()
        if child == 0:
            interrupted(monkeypatch, number, killed)
            write(path, NEW, expected=expected)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        found = path.read_bytes() if path.exists() else None
        assert found in (expected, NEW)
        monkeypatch.setattr(writing, "os", os)
        writing._tidied.clear()
        write(path, NEW)  # which deletes what was left
        assert os.listdir(folder) == ["file"]
        assert path.read_bytes() == NEW


@pytest.mark.parametrize("expected", [OLD, None], ids=["a change", "a new file"])
def test_an_error_of_every_system_call(folder: Path, monkeypatch: pytest.MonkeyPatch, expected: bytes | None) -> None:
    path = folder / "file"
    path.write_bytes(OLD) if expected else None
    survived = []
    for number in range(number_of_calls(monkeypatch, path, expected)):
        path.write_bytes(OLD) if expected else path.unlink()
        calls = interrupted(monkeypatch, number, full)
        writing._tidied.clear()
        try:
            write(path, NEW, expected=expected)
        except OSError:
            assert (path.read_bytes() if path.exists() else None) == expected
            path.write_bytes(NEW)
        else:
            survived.append(calls[number])
            assert path.read_bytes() == NEW
        monkeypatch.setattr(writing, "os", os)
        assert [name for name in os.listdir(folder) if name != "file"] == []
    # Not being able to tidy up, or to keep the owner, is no reason not to write. The last is that of the finished file.
    assert set(survived) <= {"listdir", "chown", "unlink"}


def test_what_another_process_is_writing_is_not_deleted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:

        def wait() -> None:
            os.write(ready[1], b"!")
            os.read(go[0], 1)

        monkeypatch.setattr(os, "fsync", lambda file: wait())
        write(folder / "theirs", NEW)
        os._exit(0)
    os.read(ready[0], 1)
    write(folder / "ours", NEW)
    os.write(go[1], b"!")
    assert os.waitpid(child, 0)[1] == 0
    assert sorted(os.listdir(folder)) == ["ours", "theirs"]
    assert (folder / "theirs").read_bytes() == NEW
    for end in (*ready, *go):
        os.close(end)


def test_a_file_that_changed_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "file"
    path.write_bytes(b"changed")
    with pytest.raises(ChangedError):
        write(path, NEW, expected=OLD)
    path.write_bytes(OLD)
    monkeypatch.setattr(os, "fsync", lambda file: path.write_bytes(b"changed at the last moment"))
    with pytest.raises(ChangedError):
        write(path, NEW, expected=OLD)
    assert path.read_bytes() == b"changed at the last moment"
    path.write_bytes(NEW)
    write(path, NEW, expected=OLD)  # a link and its target were both given
    assert os.listdir(folder) == ["file"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o4755], ids=oct)
def test_permissions_are_kept(folder: Path, mode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "file"
    path.write_bytes(OLD)
    path.chmod(mode)
    during: list[int] = []

    def watched(file: int, data: bytes, real: Callable[[int, bytes], int] = os.write) -> int:
        during.append(os.fstat(file).st_mode)
        return real(file, data)

    monkeypatch.setattr(os, "write", watched)
    write(path, NEW)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert [stat.S_IMODE(one) for one in during] == [0o600]  # nobody else reads it in the meantime


def test_a_new_file_has_the_permissions_of_any_new_file(folder: Path) -> None:
    before = os.umask(0o027)
    try:
        write(folder / "file", NEW)
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_is_kept(folder: Path) -> None:
    path = folder / "file"
    path.write_bytes(OLD)
    os.chown(path, 1234, 2345)
    write(path, NEW)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


def test_links(folder: Path) -> None:
    """A symbolic link stays one, also if its target does not exist yet; a hard link keeps the old content."""
    (folder / "inside").mkdir()
    (folder / "inside" / "target").write_bytes(OLD)
    (folder / "link").symlink_to("inside/target")
    (folder / "hard").hardlink_to("inside/target")
    (folder / "dangling").symlink_to("inside/new")
    write(folder / "link", NEW)
    write(folder / "dangling", NEW)
    assert os.readlink(folder / "link") == "inside/target"
    assert (folder / "inside" / "target").read_bytes() == (folder / "inside" / "new").read_bytes() == NEW
    assert (folder / "hard").read_bytes() == OLD
    (folder / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links"):
        write(folder / "loop", NEW)


def test_streams_are_written_to(folder: Path) -> None:
    """Standard output may be a file that the shell opened: it is not replaced."""
    script = "from bn_lint.project.writing import write\nprint('before', flush=True)\nwrite('/dev/stdout', b'report')"
    with open("out", "a") as out:
        subprocess.run([sys.executable, "-c", script], stdout=out, check=True)
        assert os.fstat(out.fileno()).st_ino == os.stat("out").st_ino
    write("/dev/null", NEW)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_whether_a_file_can_be_written(folder: Path) -> None:
    (folder / "there").write_bytes(OLD)
    check_writable(folder / "there")
    check_writable(folder / "new")
    check_writable("/dev/null")
    for wrong in (folder / "no" / "such", folder):
        with pytest.raises(OSError, match=r"No such file|Is a directory"):
            check_writable(wrong)
    assert os.listdir(folder) == ["there"]
    assert (folder / "there").read_bytes() == OLD


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (["--add-ignore"], "model.py"),
        (["--fix", "--unsafe-fixes"], "model.py"),
        (["--update-baseline", "--baseline=known.json"], "known.json"),
        (["--output-file=report.txt"], "report.txt"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_full_disk(folder: Path, arguments: Sequence[str], file: str) -> None:
    """No file may grow beyond a limit, which every one of these would."""
    text = f"{MODEL}net.eval\n" * 40
    files = {"model.py": text, "known.json": '{"version": 1, "files": {}}', "report.txt": "old"}
    for name, content in files.items():
        (folder / name).write_text(content)
    limit = 1000 if file == "known.json" else 1000 if file == "report.txt" else len(text) - 500
    done = subprocess.run(
        [SCRIPTS / "bn-lint", "check", "--no-cache", "-j1", *arguments, "model.py"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"{file} cannot be " in done.stderr
    assert "file too large" in done.stderr
    assert {path.name: path.read_text() for path in folder.iterdir()} == files


def test_the_cache_leaves_nothing_behind_on_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda file, data: full())
    Cache(folder / "cache", folder).store("ab" + "0" * 62, {}, {})
    assert [name for _, _, names in os.walk(folder) for name in names] == []


def test_comments_are_not_written_into_a_file_that_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bn_lint.check import add_ignore

    (folder / "a.py").write_text(MODEL)
    (folder / "b.py").write_text(MODEL)

    def late(*arguments: Any, real: Any = add_ignore.IgnoreComments) -> Any:
        (folder / "a.py").write_text("# edited meanwhile\n")
        return real(*arguments)

    monkeypatch.setattr(add_ignore, "IgnoreComments", late)
    assert cli.main(["check", "--add-ignore", "."]) == 2
    assert (folder / "a.py").read_text() == "# edited meanwhile\n"
    assert "ignore[BN401]" in (folder / "b.py").read_text()


def test_a_baseline_that_changed_meanwhile(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bn_lint.check.baseline import Baseline

    (folder / "a.py").write_text(MODEL)
    (folder / "known.json").write_text('{"version": 1, "files": {}}')

    def late(self: Baseline, real: Callable[[Baseline], str] = Baseline.text) -> str:
        (folder / "known.json").write_text("of another run")
        return real(self)

    monkeypatch.setattr(Baseline, "text", late)
    assert cli.main(["check", "--update-baseline", "--baseline=known.json", "a.py"]) == 2
    assert "known.json changed while it was renewed" in capsys.readouterr().err
    assert (folder / "known.json").read_text() == "of another run"
