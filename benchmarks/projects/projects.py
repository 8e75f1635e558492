"""The repositories that are linted, and their trees."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks import toml
from benchmarks.sources import cache

PROJECTS = Path(__file__).with_name("projects.toml")
#: What a linter of programs may read; data sets and weights stay behind.
SUFFIXES = (".py", ".ipynb", ".pyi", ".yaml", ".yml", ".json", ".cfg", ".toml", ".ini", ".txt", ".sh", ".md")
_LARGEST = 4_000_000
#: The draw that has halves, and the scripts that mutants and fixes are about.
FIRST = "first"


@dataclass(frozen=True)
class Project:
    """A public repository, `owner/name`, at one commit.

    Attributes:
        draw: With which others it was chosen. All repositories of a later draw are unseen when they are linted first.
    """

    name: str
    commit: str
    draw: str = FIRST

    @property
    def half(self) -> str:
        """`seen` if its code may be read when bn-lint is mended; nobody chooses which half a repository belongs to."""
        seen = self.draw == FIRST and hashlib.sha256(self.name.lower().encode()).digest()[0] % 2 == 0
        return "seen" if seen else "unseen"

    @property
    def group(self) -> str:
        """What a report counts together."""
        return f"{self.half} half" if self.draw == FIRST else f"{self.draw} draw"

    def tree(self, clones: Path | None) -> Path:
        """Returns the folder of the text files of its commit; checks them out of a clone the first time.

        Raises:
            FileNotFoundError: there is no clone of it in the folder `clones`.
        """
        target = cache() / "projects" / f"{self.name.replace('/', '+')}-{self.commit[:10]}"
        if not target.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent) as folder:
                _checkout(_clone(self.name, clones), self.commit, Path(folder))
                shutil.copytree(folder, target)
        return target


def load_projects(path: Path = PROJECTS) -> list[Project]:
    """Returns the repositories of each draw, by name."""
    return [
        Project(name, commit, draw)
        for draw, commits in toml.read(path).items()
        for name, commit in sorted(commits.items(), key=lambda item: item[0].lower())
    ]


def _clone(name: str, clones: Path | None) -> Path:
    """The git directory of a repository: `owner+name`, or a folder in it."""
    top = (clones or Path()) / name.replace("/", "+")
    for folder in (top, top / ".git", top / "repo", top / "repo" / ".git"):
        if clones is not None and (folder / "objects").is_dir():
            return folder
    raise FileNotFoundError(f"{clones or 'the cache'} has no clone of {name}; see benchmarks/README.md.")


def _checkout(clone: Path, commit: str, target: Path) -> None:
    """Writes the files one by one, for a clone may lack its largest objects."""
    listing = _git(clone, "ls-tree", "-r", "-z", "-l", "--full-tree", commit).decode(errors="replace")
    for entry in filter(None, listing.split("\0")):
        fields, _, path = entry.partition("\t")
        mode, kind, name, size = fields.split()
        regular = kind == "blob" and mode != "120000" and size.isdigit()
        if regular and path.endswith(SUFFIXES) and int(size) <= _LARGEST and ".." not in Path(path).parts:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(_git(clone, "cat-file", "blob", name))


def _git(clone: Path, *arguments: str) -> bytes:
    command = ("git", "--git-dir", str(clone), *arguments)
    return subprocess.run(command, check=True, capture_output=True).stdout
