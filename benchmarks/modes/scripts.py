"""The scripts that are mutated, and what somebody who read them says about each mutant."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks import toml
from benchmarks.modes.operators import MUTATIONS
from benchmarks.mutation.mutants import Mutant
from benchmarks.sources import source

_FOLDER = Path(__file__).parent
SCRIPTS = _FOLDER / "scripts.toml"
VERDICTS = _FOLDER / "verdicts.toml"
EFFECTS = ("real", "none", "excluded")


@dataclass(frozen=True)
class Script:
    """A script in a release on PyPI.

    Attributes:
        path: Relative to the release's top folder.
        about: What it trains or evaluates, and where its model has BatchNorm by default.
        sdist: It is in the source distribution only.
        beside: Files that are linted with it, since they call it.
    """

    package: str
    version: str
    path: str
    about: str
    sdist: bool = False
    beside: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.package}/{self.path}"

    @property
    def paths(self) -> tuple[str, ...]:
        """What is linted."""
        return (self.path, *self.beside)

    def folder(self) -> Path:
        """The release's top folder; downloads it the first time."""
        return source(self.package, self.version, sdist=self.sdist).resolve()


@dataclass(frozen=True)
class Verdict:
    """What a mutation does, by somebody who read the script.

    Attributes:
        effect: `real` when the program does something else than it should, by default or with the options that its help
            names; `none` when it does the same as before; `excluded` when that is a matter of opinion.
        at: For a real one, the lines at which a finding is located: calls of the model, mode calls, the loader.
    """

    script: str
    line: int
    operators: tuple[str, ...]
    effect: str
    why: str
    at: tuple[int, ...] = ()


#: The script, the line and the operator.
Key = tuple[str, int, str]


def load_scripts(path: Path = SCRIPTS) -> list[Script]:
    """Returns the scripts, in the order of the file.

    Raises:
        TypeError: an entry lacks a field, or has one that does not belong there.
        ValueError: a script is named twice.
    """
    entries = [Script(**{**entry, "beside": tuple(entry.get("beside", ()))}) for entry in toml.read(path)["script"]]
    names = [script.name for script in entries]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{path.name} names {', '.join(sorted(twice))} twice.")
    return entries


def load_verdicts(path: Path = VERDICTS) -> dict[Key, Verdict]:
    """Returns what is known about each mutant.

    Raises:
        TypeError: an entry lacks a field, or has one that does not belong there.
        ValueError: two entries are about the same mutant, or one says nothing about its effect, place or reason.
    """
    known: dict[Key, Verdict] = {}
    for entry in toml.read(path).get("mutant", []):
        lists = {name: tuple(entry.get(name, ())) for name in ("operators", "at")}
        verdict = Verdict(**{**entry, **lists})
        where = f"{verdict.script}:{verdict.line}"
        if verdict.effect not in EFFECTS or not verdict.why.strip() or not verdict.operators:
            raise ValueError(f"{path.name} does not say what a mutant of {where} does, or why.")
        if bool(verdict.at) != (verdict.effect == "real"):
            raise ValueError(f"{path.name} must give places for real mutants, and for no others: {where}.")
        if unknown := set(verdict.operators) - set(MUTATIONS):
            raise ValueError(f"{path.name} names unknown operators of {where}: {', '.join(sorted(unknown))}.")
        for operator in verdict.operators:
            if known.setdefault((verdict.script, verdict.line, operator), verdict) is not verdict:
                raise ValueError(f"{path.name} has two verdicts about {operator} of {where}.")
    return known


def key(script: Script, mutant: Mutant) -> Key:
    """Returns what a mutant and its verdict have in common."""
    return script.name, mutant.line, mutant.operator


def stanza(script: Script, mutant: Mutant) -> str:
    """Returns an entry for the verdict file, to be filled in by whoever reads the script."""
    return "\n".join(
        (
            "[[mutant]]",
            f"script = {json.dumps(script.name)}",
            f"line = {mutant.line}  # {mutant.before!r} becomes {mutant.after!r}",
            f"operators = [{json.dumps(mutant.operator)}]",
            "effect = ",
            "at = []",
            'why = ""',
            "",
        )
    )
