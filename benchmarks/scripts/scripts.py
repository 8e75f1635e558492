"""The scripts that are run, and how."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from benchmarks import toml
from benchmarks.projects.projects import Project, load_projects

SCRIPTS = Path(__file__).with_name("scripts.toml")


@dataclass(frozen=True)
class Script:
    """A script of a repository, with what it is given.

    Attributes:
        path: Where it is in the tree of the repository.
        folder: From where it is run; it may be imported from, after the folder of the script.
        samples: How many training samples its data set has; half as many are there for tests.
        steps: After so many optimizer steps the script is ended, if it does not end before.
        folders: What it expects to be there.
        gpu: Whether it is told that there is a GPU, without which it refuses to start.
        true: The findings that are right, as `BN401 path:line`; somebody read the code.
    """

    project: Project
    path: str
    folder: str
    arguments: tuple[str, ...]
    samples: int
    steps: int
    folders: tuple[str, ...]
    gpu: bool
    true: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.project.name} {self.path}"


def load_scripts(path: Path = SCRIPTS) -> list[Script]:
    """Returns all scripts, in the order of the file."""
    projects = {project.name: project for project in load_projects()}
    return [
        Script(
            projects[entry["project"]],
            entry["path"],
            entry.get("folder", str(Path(entry["path"]).parent)),
            tuple(shlex.split(entry.get("arguments", ""))),
            entry.get("samples", 24),
            entry.get("steps", 6),
            tuple(entry.get("folders", ())),
            entry.get("gpu", False),
            tuple(entry.get("true", ())),
        )
        for entry in toml.read(path)["script"]
    ]
