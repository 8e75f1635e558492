"""Pinned PyPI releases, unpacked outside the tree: the code that the benchmarks read."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

CACHE_VARIABLE = "BN_LINT_BENCHMARK_CACHE"


def cache() -> Path:
    """Returns the folder that holds what the benchmarks download (it may not exist yet)."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).absolute()
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "bn-lint-benchmarks"


def source(name: str, version: str, *, sdist: bool = False) -> Path:
    """Returns the folder of an unpacked release: that of a wheel's contents, or of an sdist's top folder.

    Downloads it the first time; an sdist, which often has examples, only if asked for or if there is no wheel.
    Raises subprocess.CalledProcessError where pip finds no such release.
    """
    target = cache() / "sources" / f"{name}-{version}{'-sdist' * sdist}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        archive = _download(name, version, Path(folder) / "archive", sdist=sdist)
        unpacked = _unpack(archive, Path(folder) / "unpacked")
        try:
            unpacked.rename(target)
        except OSError:
            if not target.is_dir():  # otherwise another run was faster
                raise
    return target


def _download(name: str, version: str, folder: Path, *, sdist: bool) -> Path:
    """An sdist is fetched by pip only where it is asked for or no wheel fits; a release without either raises."""
    folder.mkdir()
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
    wheel = [*pip, "--only-binary=:all:", "--dest", str(folder), f"{name}=={version}"]
    if sdist or subprocess.run(wheel, check=False, capture_output=True).returncode != 0:
        # pip asks an sdist for its metadata; the setuptools at hand is as good for that as one it would download.
        command = [*pip, "--no-binary=:all:", "--no-build-isolation", "--dest", str(folder), f"{name}=={version}"]
        subprocess.run(command, check=True)
    return next(path for path in sorted(folder.iterdir()) if path.name.endswith((".whl", ".zip", ".tar.gz", ".tgz")))


def _unpack(archive: Path, folder: Path) -> Path:
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
    else:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
    if archive.suffix == ".whl":
        for compiled in (path for path in folder.rglob("*") if path.suffix in {".so", ".dll", ".pyd", ".dylib"}):
            compiled.unlink()
        return folder
    tops = [path for path in folder.iterdir() if path.is_dir()]
    return tops[0] if len(tops) == 1 else folder
