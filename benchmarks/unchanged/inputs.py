"""What is linted: the fixtures, the code of the specifications, released packages."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import toml
from benchmarks.false_positives.verdicts import load_packages
from benchmarks.sources import source
from tests.specification import read

_TABLE = toml.read(Path(__file__).with_name("inputs.toml"))
#: CPU seconds that each input took once: cheap ones come first.
SECONDS: Mapping[str, float] = _TABLE["seconds"]
QUICK: Sequence[str] = _TABLE["quick"]
#: Packages that are not linted, and why.
LEFT_OUT: Mapping[str, str] = _TABLE["left_out"]


@dataclass(frozen=True)
class Input:
    """A folder to lint.

    Attributes:
        identity: Stands for the content.
        folder: Gives the folder; a package is downloaded then.
    """

    name: str
    identity: str
    folder: Callable[[], Path]


def inputs(checkout: Path, scratch: Path) -> list[Input]:
    """Returns all inputs, cheap ones first: those of a checkout, copied into `scratch`, and the packages."""
    found = [_copied("fixtures", checkout / "fixtures", scratch), _specifications(checkout, scratch)]
    for package in load_packages():
        if package.name not in LEFT_OUT:
            identity = f"{package.name}-{package.version}"
            found.append(Input(package.name, identity, lambda p=package: source(p.name, p.version)))  # type: ignore[misc]
    return sorted(found, key=lambda one: SECONDS.get(one.name, 0.0))


def _copied(name: str, origin: Path, scratch: Path) -> Input:
    target = scratch / name
    shutil.copytree(origin, target, ignore=shutil.ignore_patterns("__pycache__"))
    return _own(name, target)


def _specifications(checkout: Path, scratch: Path) -> Input:
    """Each test of a specification is a project in a folder of its own."""
    target = scratch / "specifications"
    target.mkdir()
    for document in sorted((checkout / "tests").rglob("*.md")):
        tests = read(document, document.read_text(encoding="utf-8"))
        for number, test in enumerate(tests, 1):
            for file in test.files.values():
                # Not nested as the headings are: a project must not lie within another one.
                path = target / document.stem / f"{number:03}-{test.name.replace('/', '.')}"[:120] / file.title
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(file.text, encoding="utf-8")
    return _own("specifications", target)


def _own(name: str, folder: Path) -> Input:
    return Input(name, f"{name}-{digest(folder)}", lambda: folder)


def digest(folder: Path) -> str:
    """Returns what stands for the paths and contents of all files in a folder, compiled ones left out."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            found.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]
