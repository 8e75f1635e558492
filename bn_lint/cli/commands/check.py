"""`bn-lint check`: files and directories in, a report out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bn_lint.cli.commands import completion
from bn_lint.cli.commands.publish import Style, publish
from bn_lint.cli.terminal import COLORS, complain, save, write
from bn_lint.errors import UsageError
from bn_lint.exit import ExitCode
from bn_lint.output import FOR_PROGRAMS, FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

    from bn_lint.check.baseline import Entry
    from bn_lint.check.cache import Cache
    from bn_lint.check.registry import RuleSet
    from bn_lint.check.report import Report
    from bn_lint.project.config import Configuration, Settings
    from bn_lint.project.discovery import Discovery, File

#: Of baseline entries whose findings are gone, so many are named.
_MOST_STALE = 5


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--select",
    multiple=True,
    metavar="RULES",
    shell_complete=completion.rules,
    help="Turn on only these rules: codes, names, prefixes, ALL.",
)
@click.option(
    "--extend-select",
    multiple=True,
    metavar="RULES",
    shell_complete=completion.rules,
    help="Turn on these rules as well.",
)
@click.option("--ignore", multiple=True, metavar="RULES", shell_complete=completion.rules, help="Turn off these rules.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out files and directories (glob).")
@click.option("--force-exclude", is_flag=True, help="Leave out excluded files even if they are given by name.")
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    default="full",
    show_default=True,
    envvar="BN_LINT_OUTPUT_FORMAT",
    help="How to write the findings (also BN_LINT_OUTPUT_FORMAT).",
)
@click.option("-o", "--output-file", metavar="FILE", type=click.Path(), help="Write the report to a file.")
@click.option("--fix", is_flag=True, help="Make the fixes that keep what the program computes.")
@click.option("--unsafe-fixes", is_flag=True, help="Also make, or count, fixes that may change what it computes.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option("--statistics", is_flag=True, help="Count the findings of each rule instead of listing them.")
@click.option("--show-coverage", is_flag=True, help="Show how many layers were judged, and why others were not.")
@click.option(
    "--trace", "trace_file", metavar="FILE", help="Mark findings that a trace (bn-lint trace) confirms or refutes."
)
@click.option("--show-files", is_flag=True, help="List the files that would be checked, and stop.")
@click.option("--show-settings", is_flag=True, help="Show the settings that the files are checked with, and stop.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even when there are findings.")
@click.option("--config", multiple=True, metavar="PATH|KEY=VALUE", help="Use this file, or set one setting (TOML).")
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
@click.option("--add-ignore", is_flag=True, help="Write a comment at each finding that silences it.")
@click.option("--reason", metavar="TEXT", help="What --add-ignore writes behind each comment.")
@click.option("--baseline", metavar="FILE", type=click.Path(), help="Report only what is not in this file.")
@click.option("--update-baseline", is_flag=True, help="Write what is found into the baseline.")
@click.option("--stdin-filename", metavar="FILE", help="The name of what is read from standard input (PATHS is -).")
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="How many processes to use (default: as many as help).")
@click.option(
    "--no-cache", is_flag=True, envvar="BN_LINT_NO_CACHE", help="Judge everything anew (also BN_LINT_NO_CACHE)."
)
@click.option(
    "--cache-dir",
    metavar="DIRECTORY",
    type=click.Path(),
    envvar="BN_LINT_CACHE_DIR",
    help="Where to keep results (also BN_LINT_CACHE_DIR).",
)
@click.option("--color", type=click.Choice(COLORS), default="auto", help="Whether to use colour.")
@click.option("-q", "--quiet", is_flag=True, help="Write findings only.")
@click.option("-v", "--verbose", is_flag=True, help="Also write what could not be judged completely.")
@click.option("--debug", is_flag=True, help="Show the traceback of internal errors.")
def command(paths: tuple[str, ...], **options: Any) -> int:
    """Check files and directories (default: the current one). Use - for standard input.

    Exit codes: 0 nothing found (or all of it fixed), 1 findings, 2 wrong usage, unreadable input or an internal error.
    """
    from bn_lint.check.pipeline import check
    from bn_lint.cli.progress import Waiting

    _refuse_contradictions(options)
    configuration = _configuration(options)
    here = configuration.settings_for(Path.cwd() / "pyproject.toml")
    discovery = _discover(paths, configuration, here, options)
    if options["show_files"]:
        write("".join(f"{file.display}\n" for file in discovery.files))
        return ExitCode.CLEAN
    if options["show_settings"]:
        from bn_lint.cli.commands.settings import shown

        write(shown(discovery.files, configuration))
        return ExitCode.CLEAN
    trace = None
    if options["trace_file"] is not None:
        from bn_lint.runtime.document.document import load

        trace = load(options["trace_file"])

    def judge(files: Sequence[File]) -> Report:
        cached = not options["no_cache"] and all(file.data is None for file in files)
        with Waiting(quiet=options["quiet"]) as progress:
            report = check(
                files,
                configuration,
                unreadable=discovery.unreadable,
                cache=partial(_cache, here, options) if cached else None,
                jobs=options["jobs"],
                progress=progress,
                coverage=options["show_coverage"],
            )
        report.unsafe_fixes = options["unsafe_fixes"]
        if trace is not None:
            from bn_lint.runtime.judging.confirm import confirm_report

            confirm_report(report, trace)
        return report

    report = judge(discovery.files)
    if not _hold_against_baseline(report, discovery.files, configuration, here, options):
        return report.exit_code
    if options["add_ignore"]:
        return _add_ignores(report, discovery.files, options)
    style = Style(**{name: options[name] for name in Style.__dataclass_fields__})
    if options["fix"] or options["diff"]:
        from bn_lint.cli.commands.fixing import fix_and_publish

        def rejudge(files: Sequence[File]) -> Report:
            report = judge(files)
            _hold_against_baseline(report, discovery.files, configuration, here, options)
            return report

        code = fix_and_publish(report, discovery.files, rejudge, style, diff=options["diff"])
    else:
        publish(report, style)
        code = report.exit_code
    return ExitCode.CLEAN if options["exit_zero"] and code is ExitCode.FINDINGS else code


def _refuse_contradictions(options: dict[str, Any]) -> None:
    if options["statistics"] and options["output_format"] in FOR_PROGRAMS:
        form = options["output_format"].upper()
        raise UsageError(f"--statistics has no {form} form: count the findings of the report instead.")
    if options["add_ignore"] and options["update_baseline"]:
        raise UsageError("--add-ignore and --update-baseline are two ways to do the same: use one of them.")
    if (options["fix"] or options["diff"]) and (options["add_ignore"] or options["update_baseline"]):
        raise UsageError("--fix and --diff change what is found: use them before --add-ignore and --update-baseline.")
    if options["reason"] is not None and not options["add_ignore"]:
        raise UsageError("--reason is what --add-ignore writes; there is nothing to write it to.")
    if options["reason"] is not None and any(mark in options["reason"] for mark in "\r\n#"):
        raise UsageError("--reason must be one line without #.")


def _configuration(options: dict[str, Any]) -> Configuration:
    from bn_lint.project.config import Configuration, split_selectors
    from bn_lint.project.selectors import SelectorSet

    select = split_selectors(options["select"])
    return Configuration(
        command_line=SelectorSet(
            select if options["select"] else None,
            split_selectors(options["extend_select"]),
            split_selectors(options["ignore"]),
        ),
        exclude=[pattern.strip() for text in options["exclude"] for pattern in text.split(",") if pattern.strip()],
        config=options["config"],
        isolated=options["isolated"],
    )


def _discover(
    paths: tuple[str, ...], configuration: Configuration, here: Settings, options: dict[str, Any]
) -> Discovery:
    from bn_lint.project.discovery import Discovery, discover

    def excluded(path: Path) -> bool:
        return configuration.settings_for(path).excludes(path)

    force = options["force_exclude"] or here.force_exclude
    if "-" in paths or options["stdin_filename"] is not None:
        if paths != ("-",):
            raise UsageError("Standard input is read when - is the only path; --stdin-filename then names it.")
        file = _standard_input(options["stdin_filename"])
        return Discovery([] if force and excluded(file.path) else [file])
    discovery = discover(paths or (".",), excluded, force_exclude=force)
    if not discovery.files and not discovery.unreadable and not options["quiet"]:
        complain(f"No Python files found in {', '.join(paths or ('.',))}.", "warning")
    return discovery


def _standard_input(name: str | None) -> File:
    from bn_lint.project.discovery import File
    from bn_lint.project.source import absolute, display_path

    data = sys.stdin.buffer.read()
    path = absolute(name or "<stdin>")
    return File(path, display_path(path) if name else "<stdin>", explicit=True, data=data)


def _cache(here: Settings, options: dict[str, Any], rules: RuleSet) -> Cache:
    from bn_lint.check.cache import FOLDER, Cache, project_root
    from bn_lint.project.source import absolute

    root = project_root(Path.cwd())
    folder = absolute(options["cache_dir"]) if options["cache_dir"] else here.cache_dir or root / FOLDER
    return Cache(folder, root, rules)


def _add_ignores(report: Report, files: list[File], options: dict[str, Any]) -> int:
    from bn_lint.check.add_ignore import add_ignores
    from bn_lint.output.text import counted

    if any(file.data is not None for file in files):
        raise UsageError("--add-ignore changes files: it cannot be used with standard input.")
    added = add_ignores(report.visible, {file.display: file.path for file in files}, options["reason"] or "")
    _publish_rest(report, options)
    if not options["quiet"]:
        write(f"Added {counted(added.comments, 'comment')} to {counted(added.files, 'file')}.\n")
    return report.exit_code


def _publish_rest(report: Report, options: dict[str, Any]) -> None:
    """Write what can be neither silenced nor put into a baseline, such as syntax errors."""
    from bn_lint.project.tool_codes import TOOL_CODES

    report.findings = [finding for finding in report.findings if finding.code in TOOL_CODES]
    publish(report, Style(quiet=True, color=options["color"], debug=options["debug"]))


def _hold_against_baseline(
    report: Report, files: list[File], configuration: Configuration, here: Settings, options: dict[str, Any]
) -> bool:
    """Take known findings out of the report; False when they were written into the baseline instead."""
    from bn_lint.project.source import absolute

    file = absolute(options["baseline"]) if options["baseline"] else here.baseline
    if file is None:
        if options["update_baseline"]:
            raise UsageError("--update-baseline needs to know the file: --baseline FILE, or baseline in the settings.")
        return True
    from bn_lint.check.baseline import Baseline
    from bn_lint.output.text import counted
    from bn_lint.project.source import display_path

    if options["update_baseline"]:
        old = Baseline.read(file) if os.path.exists(file) else Baseline(file)
        new = old.renewed(report, _judged(files, configuration))
        save(new.text(), str(file))
        _publish_rest(report, options)
        if not options["quiet"]:
            write(f"Wrote {counted(new.entries.total(), 'finding')} to {display_path(file)}.\n")
        return False
    baseline = Baseline.read(file)
    left = baseline.apply(report)
    # What a single file needs to be judged may be missing: only a run over directories tells that a finding is gone.
    searched = [each for each in files if not each.explicit]
    stale = baseline.stale(left, _judged(searched, configuration)) if searched else []
    shown = [f"{display_path(file)}: {each.code} is gone from {each.path}: {each.text}" for each in stale[:_MOST_STALE]]
    if stale:
        report.remarks += shown
        entries = "entry" if len(stale) == 1 else "entries"
        report.remarks.append(f"{display_path(file)} has {len(stale)} {entries} too many; --update-baseline renews it.")
    return True


def _judged(files: list[File], configuration: Configuration) -> Callable[[Path, Entry], bool]:
    """Whether a rule was on in one of these files; one that does not exist any more will not find anything either."""
    from bn_lint.check.registry import RuleSet

    known = {file.path for file in files}

    def judged(path: Path, entry: Entry) -> bool:
        settings = configuration.settings_for(path)
        rules = [rule for rule in RuleSet(settings.plugins).rules if rule.code == entry.code] if path in known else []
        on = [rule for rule in rules if settings.severity_in(path, rule, rule.severity.value) is not None]
        return path in known and bool(on or not rules)

    return judged
