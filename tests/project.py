"""Lints a small project, and runs it under PyTorch."""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib
import io
import json
import linecache
import os
import runpy
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType, ModuleType
from typing import NamedTuple, Union

from bn_lint.facts import Analysis, Evidence
from bn_lint.rule import Rule

from .specification import Reported

#: What `reveal` saw of a value: the sizes of a tensor, the text of a plain value, or None.
Shown = Union[tuple[int, ...], str, None]
#: A value that `reveal` saw while the project ran: file, line, and what it was.
Seen = tuple[str, int, Shown]


def lint(root: Path, files: Sequence[str]) -> tuple[list[Reported], list[Evidence]]:
    """Judge files of the project at `root` by all rules, `info` included; also returns what `reveal` showed."""
    from bn_lint.check.filtering import FilteredFile, filter_findings
    from bn_lint.check.judge import judge_facts
    from bn_lint.check.outcome import Outcome
    from bn_lint.check.registry import load_rules
    from bn_lint.check.report import Report
    from bn_lint.project.config import Settings
    from bn_lint.project.selectors import ALL, SelectorSet
    from bn_lint.project.source import load
    from bn_lint.static.analyze import analyze
    from bn_lint.static.interpreter.deep_stack import with_deep_stack

    sources = [load(root / name, display=name) for name in files]
    settings = Settings(selections=(SelectorSet(select=(ALL,)),))
    texts = {source.display: source.text for source in sources}

    def judged() -> tuple[Analysis, Outcome]:
        analysis, rules = analyze(sources), load_rules()
        fickle = decided_otherwise(analysis, rules)
        assert not fickle, f"rules that judge the draft of a fact and the complete fact differently: {fickle}"
        return analysis, judge_facts(analysis, rules, {}, texts=texts, paths=texts.keys())

    analysis, outcome = with_deep_stack(judged)
    report = Report()
    filter_findings([FilteredFile(each.path, each.display, settings, each) for each in sources], [outcome], report)
    reported = [
        Reported(one.place.path, one.place.line, str(one.severity), one.code, one.message) for one in report.visible
    ]
    for problem in report.failures:
        message = "\n".join([problem.message, *report.tracebacks])
        reported.append(Reported(problem.place.path, problem.place.line, "error", problem.code, message))
    return reported, list(analysis.revealed)


def decided_otherwise(analysis: Analysis, rules: Iterable[Rule]) -> list[str]:
    """The codes of rules that decide by what only complete facts have. Fixes and help may depend on that."""
    found = set()
    for fact in analysis.facts:
        own = [rule for rule in rules if type(fact) in rule.judges]
        if not own:
            continue
        drafts = {rule.code: [replace(one, help=None, fix=None) for one in rule.findings(fact)] for rule in own}
        complete = analysis.complete(fact)
        for rule in own:
            again = [replace(one, help=None, fix=None) for one in rule.findings(complete)]
            if [analysis.complete(one) for one in drafts[rule.code]] != again:
                found.add(rule.code)
    return sorted(found)


class Result(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def command_line(folder: Path, *arguments: str) -> Result:
    """Run `bn-lint` in this process, since each new one imports torch again; what it leaves behind is taken away."""
    from bn_lint.cli.main import main

    before = list(sys.argv), list(sys.path), os.getcwd(), sys.modules["__main__"]
    imported = set(sys.modules)
    out, err = io.StringIO(), io.StringIO()
    os.chdir(folder)
    importlib.invalidate_caches()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(arguments))
    finally:
        os.chdir(before[2])
        sys.argv[:], sys.path[:] = before[0], before[1]
        sys.modules["__main__"] = before[3]
        forget_modules(folder, imported)
        linecache.clearcache()
    return Result(code, out.getvalue(), err.getvalue())


def traced(root: Path, entry: str, *, all_rules: bool = True) -> tuple[list[Reported], Exception | None]:
    """Run a file of the project at `root` under the tracer, as a whole program.

    Returns:
        What all rules, or those that are on by default, report, and the error that ended the program.
    """
    import bn_lint
    from bn_lint.runtime.document.document import dumps, from_json

    trace = bn_lint.trace(stats=all_rules, select=["ALL"] if all_rules else None)
    error = None
    trace.start()
    try:
        execute(root, entry)
    except Exception as raised:
        error = raised
    finally:
        trace.stop(error, over=True)
    assert not trace.recorder.defects, trace.recorder.defects[0]
    assert not trace.report.tracebacks, trace.report.tracebacks[0]
    saved = from_json(json.loads(dumps(trace.document)))
    assert saved == trace.document, "a saved trace is not the trace"
    reported = [
        Reported(_below(root, one.place.path), one.place.line, str(one.severity), one.code, one.message)
        for one in trace.findings
    ]
    return reported, error


def _below(root: Path, path: str) -> str:
    absolute = Path(path).resolve()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else path


def fix(root: Path, files: Sequence[str], *, unsafe: bool, codes: Collection[str]) -> None:
    """Fix files of the project at `root`, as `bn-lint check --fix` does with the default rules and the given ones.

    Raises:
        AssertionError: a fix did not survive.
    """
    from bn_lint.check.fix import fix as make_fixes
    from bn_lint.check.pipeline import check
    from bn_lint.check.report import Report
    from bn_lint.project.config import Configuration
    from bn_lint.project.discovery import File
    from bn_lint.project.selectors import SelectorSet

    configuration = Configuration(command_line=SelectorSet(extend=tuple(codes)), isolated=True)

    def recheck(given: Sequence[File]) -> Report:
        return check(given, configuration)

    given = [File(str(root / name), name) for name in files]
    outcome = make_fixes(recheck(given), given, recheck, unsafe=unsafe, write=True)
    assert not outcome.report.failures, [problem.message for problem in outcome.report.failures]


def execute(root: Path, entry: str) -> list[Seen]:
    """Run a file of the project at `root` as a script under PyTorch; returns what its `reveal` calls saw.

    Whatever the script raises comes out, with SystemExit as the only exception: a script may end itself.
    """
    import torch

    seen: list[Seen] = []

    def reveal(value: object) -> object:
        frame: FrameType = sys._getframe(1)
        shown: Shown = (
            tuple(value.shape) if isinstance(value, torch.Tensor) else repr(value) if _is_plain(value) else None
        )
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(root):
            seen.append((path.relative_to(root).as_posix(), frame.f_lineno, shown))
        return value

    # One thread: the programs are tiny, and threads that wait for each other are slow where others use the cores.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    random_state, dtype = torch.get_rng_state(), torch.get_default_dtype()
    with _on_path(root), warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")
        torch.default_generator.manual_seed(0)  # `torch.manual_seed` looks at the stack for each kind of accelerator
        builtins.__dict__["reveal"] = reveal
        try:
            _run(root, entry)
        except SystemExit as stop:
            if stop.code:
                raise
        finally:
            del builtins.__dict__["reveal"]
            torch.set_default_dtype(dtype)
            torch.set_rng_state(random_state)
            torch.set_num_threads(threads)
    return seen


def _run(root: Path, entry: str) -> None:
    """Run a file as `python entry` does, or as `python -m` does when it belongs to a package."""
    path = root / entry
    base = root / "src" if entry.startswith("src/") else root
    before = os.getcwd()
    os.chdir(root)  # what it saves stays there
    try:
        _run_as_main(path, base)
    finally:
        os.chdir(before)


def _run_as_main(path: Path, base: Path) -> None:
    if path.parent != base and (path.parent / "__init__.py").exists():
        runpy.run_module(".".join(path.relative_to(base).with_suffix("").parts), run_name="__main__")
    else:
        runpy.run_path(str(path), run_name="__main__")


@contextlib.contextmanager
def _on_path(root: Path) -> Iterator[None]:
    """Make the modules of a project importable, and forget them afterward."""
    before, imported = list(sys.path), set(sys.modules)
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path[:0] = [str(root), str(root / "src")]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before
        sys.dont_write_bytecode = bytecode
        forget_modules(root, imported)
        linecache.clearcache()


def forget_modules(root: Path, imported: Collection[str]) -> None:
    """Forget the modules of a project, which are among those that were not imported before it ran."""
    start = os.path.join(root, "")
    own = [name for name in sys.modules.keys() - imported if _origin(sys.modules[name]).startswith(start)]
    for name in own:
        del sys.modules[name]


def _origin(module: ModuleType) -> str:
    # A folder without `__init__.py` is a package without a file; where it lies it asks of the package around it.
    return getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")


def _is_plain(value: object) -> bool:
    return value is None or type(value) in (bool, int, str) or (type(value) is tuple and all(map(_is_plain, value)))


def contradicts(expected: str, shown: Shown) -> bool:
    """Whether a revealed shape such as `(N, 64, ?, ?)`, or a revealed value, cannot be what `reveal` really saw."""
    if isinstance(shown, str):
        try:
            return bool(ast.literal_eval(expected) != ast.literal_eval(shown))
        except (ValueError, SyntaxError):
            return False  # an expression over names, which has many values
    sizes = shown
    if sizes is None or not (expected.startswith("(") and expected.endswith(")")):
        return False
    promised = [one.strip() for one in expected[1:-1].split(",") if one.strip()]
    if "..." in promised:
        return False
    known = zip(promised, sizes, strict=False)
    return len(promised) != len(sizes) or any(one.isdecimal() and int(one) != size for one, size in known)
