"""Runs a script without the tracer and with it, and compares what it computes."""

from __future__ import annotations

import atexit
import json
import os
import re
import runpy
import shutil
import signal
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.scripts.scripts import Script
from benchmarks.scripts.surroundings import begin
from bn_lint.cli.main import main

#: Seconds for one run.
LIMIT = 900
#: Times, rates and dates in what a script prints are not the same in any two runs.
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Outcome:
    """What one run did: its exit code, what it printed without numbers, and what it computed."""

    code: int
    printed: str
    computed: Mapping[str, Any]
    errors: str


@dataclass(frozen=True)
class Result:
    """What one script did with the tracer and without."""

    script: Script
    plain: Outcome
    traced: Mapping[str, Outcome]
    findings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    layers: int = 0  # BatchNorm layers that were called, as the traces have it

    @property
    def unjudged(self) -> list[str]:
        """Findings of any way that nobody has called true."""
        found = dict.fromkeys(finding for findings in self.findings.values() for finding in findings)
        return [finding for finding in found if not finding.startswith(tuple(f"{each}:" for each in self.script.true))]

    def same(self, what: str) -> bool:
        """Whether all runs computed the same."""
        return all(one.computed.get(what) == self.plain.computed.get(what) for one in self.traced.values())

    @property
    def broken(self) -> str:
        """What went wrong; empty when nothing did."""
        if not self.plain.computed.get("steps"):
            return f"no step is made: {self.plain.errors.strip().splitlines()[-1:] or self.plain.code}"
        if self.plain.code:
            return f"exit code {self.plain.code}: {self.plain.errors.strip().splitlines()[-1:]}"
        different = [what for what in self.plain.computed if not self.same(what)]
        for way, one in self.traced.items():
            if one.printed != self.plain.printed:
                different.append(f"what is printed ({way})")
            if one.code != self.plain.code:
                different.append(f"exit code ({way}): {one.code}, not {self.plain.code}")
        if different:
            return f"different: {', '.join(different)}"
        return "; ".join(self.notes) or ("" if self.layers else "no BatchNorm layer is called")


def measured(script: Script, clones: Path | None, folder: Path, *, stats: bool = False) -> Result:
    """Runs one script in each way, each time in a new copy of its repository at the same place."""
    plain = _run(script, clones, folder, ())
    traced, findings, notes, layers = {}, {}, [], 0
    for way, options in (("tracer", ()), ("tracer with --stats", ("--stats",))) if stats else (("tracer", ()),):
        saved = ["--output-format", "json", "-o", folder / "findings.json", "--output", folder / "trace.json"]
        command = ("trace", "--isolated", "--no-table", *map(str, saved), "--fail-on", "never", *options)
        traced[way] = _run(script, clones, folder, command)
        report, trace = _json(folder / "findings.json"), _json(folder / "trace.json")
        findings[way] = tuple(_finding(one, folder / "work") for one in report.get("findings", ()))
        layers = sum(bool(layer["calls"]) for layer in trace.get("layers", ()))
        notes += trace.get("notes", ["there is no trace"])
    return Result(script, plain, traced, findings, tuple(dict.fromkeys(notes)), layers)


def _run(script: Script, clones: Path | None, folder: Path, tracer: Sequence[str]) -> Outcome:
    work, record = folder / "work", folder / "record.json"
    shutil.rmtree(work, ignore_errors=True)
    for path in (record, folder / "findings.json", folder / "trace.json"):
        path.unlink(missing_ok=True)
    shutil.copytree(script.project.tree(clones), work)
    for file in work.rglob("*.py"):
        text = file.read_bytes()
        if b"async=" in text:  # a keyword since Python 3.7
            file.write_bytes(text.replace(b"async=", b"non_blocking="))
    for name in script.folders:
        (work / name).mkdir(parents=True, exist_ok=True)
    program = os.path.relpath(work / script.path, work / script.folder)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        _become(script, folder, [*tracer, program, *script.arguments], traced=bool(tracer))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    output, errors = (_text(folder / name) for name in ("out", "err"))
    return Outcome(code, _NUMBER.sub("0", output), _json(record), errors)


def _become(script: Script, folder: Path, command: list[str], *, traced: bool) -> NoReturn:
    """Run a command in this process, a new one, to its end."""
    code = 1
    atexit._clear()  # what the benchmark leaves behind is not for this process to clean up
    try:
        os.setpgid(0, 0)
        signal.alarm(LIMIT)
        os.chdir(folder / "work" / script.folder)
        if script.folder != str(Path(script.path).parent):
            sys.path[1:1] = [os.getcwd()]
        os.environ.update(CUDA_VISIBLE_DEVICES="", MPLBACKEND="Agg", NO_COLOR="1")
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for descriptor, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
        warnings.simplefilter("ignore")
        begin(str(folder / "record.json"), script.samples, script.steps, gpu=script.gpu)
        if traced:
            code = int(main(command) or 0)
        else:
            sys.argv = command
            sys.path[0:1] = [os.path.dirname(os.path.abspath(command[0]))]
            runpy.run_path(command[0], run_name="__main__")
            code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _finding(one: Mapping[str, Any], work: Path) -> str:
    path = os.path.relpath(os.path.join(work, one["path"]), work) if not os.path.isabs(one["path"]) else one["path"]
    return f"{one['code']} {path.removeprefix(f'{work}/')}:{one['line']}: {one['message']}"


def _json(path: Path) -> dict[str, Any]:
    try:
        table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return table


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
