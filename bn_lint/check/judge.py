"""Unit -> facts -> findings: the part of a check that only files with BatchNorm need."""

from __future__ import annotations

import ast
import gc
import traceback
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from bn_lint.check.outcome import Outcome
from bn_lint.check.registry import BUILT_IN_RULES, RuleSet
from bn_lint.debugging import STRICT, switches
from bn_lint.facts import Analysis, Cancelled, Completion, Coverage, Fact, Outdated, Place, Problem
from bn_lint.project.filesystem import RecordingFileSystem
from bn_lint.project.partition import Unit
from bn_lint.project.source import Source
from bn_lint.project.tool_codes import ANALYSIS_INCOMPLETE, SYNTAX_ERROR
from bn_lint.rule import Applicability, Finding, Fix, Rule, Severity, Thresholds

if TYPE_CHECKING:
    from bn_lint.static.turns.kept import KeptTurns

_READ_LENIENTLY = "the rest of this file was checked all the same; it gets no fixes until Python accepts it"
_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def judge(
    unit: Unit,
    thresholds: Mapping[str, Thresholds],
    *,
    rules: RuleSet = BUILT_IN_RULES,
    filesystem: RecordingFileSystem | None = None,
    coverage: bool = True,
    shown: Path | None = None,
    keep: Callable[[object], None] = lambda state: None,
    kept: KeptTurns | None = None,
    processes: int = 1,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Outcome:
    """Analyze one unit and judge its facts by all rules, whether they are on or not.

    Args:
        thresholds: The numbers that the user set for a file, by its displayed path.
        filesystem: Where other files are looked for.
        coverage: Work out which layers there are and which were not judged. That takes time where there are many.
        shown: With the coverage, the file of which tensors and modules are listed, too.
        keep: Given the state of the engine, by whoever wants to say when it is freed: that takes time.
        kept: Where trees of files are kept, and what entry points have shown; the latter without the coverage alone.
        processes: How many may run entry points at a time, if the coverage is not wanted.
        is_wanted: Asked now and then, by whoever may not want the outcome any more.

    Raises:
        Cancelled: it is not wanted.
    """
    from bn_lint.static.analyze import analyze
    from bn_lint.static.interpreter.deep_stack import with_deep_stack

    context, ask = [source.path for source in unit.context], filesystem or RecordingFileSystem()

    def watch(run: object) -> None:
        if not is_wanted():
            raise Cancelled

    def run(*, repeats: bool) -> Outcome:
        def facts_of(sources: Sequence[Source]) -> Analysis:
            is_whole = len(sources) == len(unit.sources) and not coverage
            return analyze(
                sources,
                context,
                ask,
                keep,
                inventory=coverage,
                shown=shown,
                trees=kept,
                turns=kept if is_whole else None,
                repeats=repeats,
                processes=processes if is_whole and repeats else 1,
                reported=lambda fact: _is_reported(fact, rules.rules, thresholds),
                watch=watch,
            )

        return with_deep_stack(lambda: _judge(unit, rules.rules, thresholds, facts_of, coverage=coverage))

    # Working out places makes many small objects; collecting garbage would walk through all syntax trees meanwhile.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return run(repeats=True)
    except Outdated:
        return run(repeats=False)
    finally:
        if collecting:
            gc.enable()


def _judge(
    unit: Unit,
    rules: Sequence[Rule],
    thresholds: Mapping[str, Thresholds],
    facts_of: Callable[[Sequence[Source]], Analysis],
    *,
    coverage: bool,
) -> Outcome:
    outcome = Outcome()
    # The engine also meets mistakes in files that were not given.
    own = {source.display for source in unit.files}
    for analysis in _analyze(unit.sources, facts_of):
        part = judge_facts(analysis, rules, thresholds, texts=texts_of(unit), paths=own)
        outcome.tracebacks += part.tracebacks
        outcome.problems += part.problems
        outcome.findings += part.findings
        outcome.revealed += dict.fromkeys(each for each in analysis.revealed if each.place.path in own)
        if coverage:
            undecided = [analysis.complete(each) for each in analysis.coverage.undecided]
            steps = [analysis.complete(each) for each in analysis.coverage.steps]
            inventory = analysis.complete(analysis.coverage.inventory)
            calls = [analysis.complete(each) for each in analysis.coverage.calls]
            outcome.coverage.add(Coverage(analysis.coverage.judged, undecided, steps, inventory, calls))
        _keep(analysis, outcome)
    outcome.findings = _distinct(outcome.findings)
    return outcome


def _keep(analysis: Analysis, outcome: Outcome) -> None:
    """Keep what the next analysis can use; that this fails costs only time."""
    try:
        analysis.keep()
    except MemoryError:
        raise
    except Exception:
        if STRICT in switches():
            raise
        outcome.tracebacks.append(traceback.format_exc())


def texts_of(unit: Unit) -> dict[str, str]:
    """The judged texts of a unit, by their displayed paths."""
    return {source.display: source.text for source in unit.sources}


def judge_facts(
    analysis: Analysis,
    rules: Sequence[Rule],
    thresholds: Mapping[str, Thresholds],
    *,
    source: str = "static",
    texts: Mapping[str, str] | None = None,
    paths: Collection[str] | None = None,
) -> Outcome:
    """Judge facts by all rules, wherever they come from.

    Args:
        source: What the findings are to say of where the facts come from: `static` or `runtime`.
        texts: Those that syntax errors may stand in.
        paths: The files whose findings are wanted; None wants all.
    """
    outcome = Outcome(tracebacks=list(analysis.tracebacks))
    outcome.findings = _distinct(_findings(analysis, rules, thresholds, outcome, texts or {}, paths, source))
    return outcome


def _analyze(sources: Sequence[Source], facts_of: Callable[[Sequence[Source]], Analysis]) -> list[Analysis]:
    """Derive the facts; where the engine itself breaks, file by file, so that one file costs only itself."""
    try:
        return [facts_of(sources)]
    except (MemoryError, Outdated, Cancelled):
        raise
    except Exception as error:  # the engine is large, and no defect of it may cost the report
        if STRICT in switches():
            raise
        if len(sources) == 1:
            problem = defect("the analysis", error, sources[0].display)
            return [Analysis(problems=[problem], tracebacks=[traceback.format_exc()])]
    return [part for source in sources for part in _analyze([source], facts_of)]


def _findings(
    analysis: Analysis,
    rules: Sequence[Rule],
    thresholds: Mapping[str, Thresholds],
    outcome: Outcome,
    texts: Mapping[str, str],
    own: Collection[str] | None,
    origin: str,
) -> Iterator[Finding]:
    """What the rules find in the facts, in the files `own` alone if they are given.

    A rule is asked about the fact as it was derived. Where it reports something, the fact is completed, and the rule is
    asked once more.
    """
    for problem in analysis.problems:
        if problem.code == SYNTAX_ERROR.code:
            refused = _in_words_of_python(problem, texts.get(problem.place.path, ""))
            if refused is None:
                outcome.problems.append(_not_understood(problem))
            elif own is None or problem.place.path in own:
                message, place = refused
                left_out, done = problem.left_out or (), None if problem.left_out is None else _READ_LENIENTLY
                yield Finding(problem.code, SYNTAX_ERROR.name, Severity.ERROR, message, place, left_out, done)
        else:
            outcome.problems.append(analysis.complete(problem))
    judges: dict[type, list[Rule]] = {}
    for rule in rules:
        for kind in rule.judges:
            judges.setdefault(kind, []).append(rule)
    broken: set[tuple[str, str]] = set()
    for fact in analysis.facts:
        numbers = thresholds.get(fact.place.path, Thresholds())

        def judged(rule: Rule, fact: Fact, numbers: Thresholds = numbers) -> list[Finding]:
            found = _judge_fact(rule, fact, numbers, broken, outcome, origin, analysis.complete)
            return [_fixable(one, analysis.refused) for one in found if own is None or one.place.path in own]

        reporting = [rule for rule in judges.get(type(fact), ()) if judged(rule, fact)]
        complete = _completed(fact, analysis, outcome) if reporting else None
        if complete is not None:
            for rule in reporting:
                yield from judged(rule, complete)


def _fixable(finding: Finding, refused: Collection[str]) -> Finding:
    """The finding, without a fix of a file that is not valid Python: whether the result is could not be told."""
    if finding.fix is not None and any(edit.place.path in refused for edit in finding.fix.edits):
        return replace(finding, fix=None)
    return finding


def _is_reported(fact: Fact, rules: Iterable[Rule], thresholds: Mapping[str, Thresholds]) -> bool:
    """Whether a rule reports a fact, as it was derived."""
    numbers = thresholds.get(fact.place.path, Thresholds())
    try:
        return any(list(rule.findings(fact, "static", numbers)) for rule in rules if type(fact) in rule.judges)
    except Exception:
        return True  # where the fact is judged, a defect of a rule is reported


def _completed(fact: Fact, analysis: Analysis, outcome: Outcome) -> Fact | None:
    """A fact that is reported, with its positions and what its fix needs; None where a defect keeps it from that."""
    try:
        return analysis.complete(fact)
    except (MemoryError, Outdated):
        raise
    except Exception as error:
        if STRICT in switches():
            raise
        outcome.tracebacks.append(traceback.format_exc())
        outcome.problems.append(defect("the places of a finding", error, fact.place.path))
        return None


def _in_words_of_python(problem: Problem, text: str) -> tuple[str, Place] | None:
    """The message and place of a syntax error as the running Python reports it, which people know.

    None if it does not refuse the text: it may be newer than the parser, which has gaps besides, and some depths are
    too much for both.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        line, column = error.lineno or 1, max(error.offset or 1, 1)
        end = error.end_offset if error.end_lineno == line and error.end_offset else 0
        return error.msg, Place(problem.place.path, line, column, line, max(end, column + 1))
    except ValueError:  # it cannot tell
        return problem.message, problem.place
    except (RecursionError, MemoryError):
        return None
    return None


def _not_understood(problem: Problem) -> Problem:
    """The problem for code that Python does not refuse and the parser does: no mistake of the user's."""
    rest = "the file is not checked" if problem.left_out is None else "the rest of the file was checked"
    message = f"Python may accept this, but the parser of bn-lint does not ({problem.message}); {rest}"
    return Problem(ANALYSIS_INCOMPLETE.code, message, problem.place)


def _judge_fact(
    rule: Rule,
    fact: Fact,
    thresholds: Thresholds,
    broken: set[tuple[str, str]],
    outcome: Outcome,
    origin: str,
    complete: Completion,
) -> list[Finding]:
    try:
        return list(rule.findings(fact, origin, thresholds))
    except MemoryError:
        raise
    except Exception as error:  # a defect of one rule must not cost the findings of the others
        if STRICT in switches():
            raise
        path = fact.place.path
        if (rule.code, path) not in broken:
            broken.add((rule.code, path))
            outcome.tracebacks.append(traceback.format_exc())
            outcome.problems.append(defect(f"{rule.code} ({rule.name})", error, path, complete(fact.place)))
        return []


def defect(where: str, error: Exception, path: str, place: Place | None = None) -> Problem:
    """The problem that reports a defect of bn-lint itself."""
    message = f"internal error in {where}: {type(error).__name__}: {error}".rstrip(": ")
    return Problem(ANALYSIS_INCOMPLETE.code, message, place or Place(path, 1, 1, 1, 1), internal=True)


def _distinct(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for each rule and place, the most severe: a class that is used ten times is wrong once.

    Its fix must be one for all of them.
    """
    chosen: dict[tuple[str, Place], Finding] = {}
    for finding in findings:
        key = finding.code, finding.place
        known = chosen.setdefault(key, finding)
        worse = finding if _RANK[finding.severity] < _RANK[known.severity] else known
        chosen[key] = worse if known.fix == finding.fix else replace(worse, fix=_joint_fix(known.fix, finding.fix))
    return list(chosen.values())


def _joint_fix(first: Fix | None, second: Fix | None) -> Fix | None:
    """One fix for two findings; None when they contradict each other, or when only one of them has a fix."""
    if first is None or second is None:
        return None
    edits = tuple(dict.fromkeys((*first.edits, *second.edits)))
    spans = sorted((e.place.line, e.place.column, e.place.end_line, e.place.end_column) for e in edits)
    if any(one[:2] == other[:2] or one[2:] > other[:2] for one, other in pairwise(spans)):
        return None
    safe = first.is_safe and second.is_safe
    return Fix(Applicability.SAFE if safe else Applicability.UNSAFE, edits)
