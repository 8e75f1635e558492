"""`bn-lint check`: files and directories in, a report out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from bn_lint.cli.commands.check_options import CheckOptions, check_options
from bn_lint.cli.commands.publish import publish
from bn_lint.cli.stopping import is_own_process
from bn_lint.cli.terminal import complain, save, wants_color, write
from bn_lint.errors import UsageError
from bn_lint.exit import ExitCode
from bn_lint.project.paths import absolute, display_path

if TYPE_CHECKING:
    from bn_lint.check.cache import Cache
    from bn_lint.check.registry import RuleSet
    from bn_lint.check.report import Report
    from bn_lint.project.discovery import Discovery, File
    from bn_lint.runtime.document.document import Document


@click.command("check", short_help="Check files and directories.")
@click.argument("paths", nargs=-1, type=click.Path())
@check_options
def command(paths: tuple[str, ...], **chosen: Any) -> int:
    """Check files and directories (default: the current one). Use - for standard input.

    Exit codes: 0 no findings (or all fixed), 1 findings, 2 wrong usage, unreadable input or an internal error.
    """
    options = CheckOptions(**chosen)
    options.refuse_contradictions()
    if options.watch:
        from bn_lint.cli.commands.watching import watch

        if "-" in paths:
            raise UsageError("--watch looks at files, and standard input is none.")
        quiet = CheckOptions(**{**chosen, "quiet": True})
        watch(lambda: Check(options, paths).run(), lambda: [file.path for file in Check(quiet, paths).files])
    check = Check(options, paths)
    if options.show_files:
        from bn_lint.output.text import printable

        write("".join(f"{printable(file.display)}\n" for file in check.files if not file.is_context))
        return ExitCode.CLEAN
    if options.show_settings:
        from bn_lint.cli.commands.settings import shown

        write(shown([file for file in check.files if not file.is_context], check.configuration))
        return ExitCode.CLEAN
    if options.explain is not None:
        check.explain(options.explain)
        return ExitCode.CLEAN
    code = check.run()
    return ExitCode.CLEAN if options.exit_zero and code is ExitCode.FINDINGS else code


class Check:
    """One run: which files, by which settings, and what becomes of what is found."""

    def __init__(self, options: CheckOptions, paths: Sequence[str]) -> None:
        """Read the settings and find the files.

        Raises:
            UsageError, ConfigError, PathError: an option, a configuration file or a path is wrong.
        """
        self.options = options
        self.configuration = options.configuration(options.excluded)
        self.here = self.configuration.settings_for(os.path.abspath("pyproject.toml"))
        found = self._discover(paths)
        self.files, self.unreadable = found.files, found.unreadable

    def run(self) -> ExitCode:
        """Judge the files, and write what was found or make of it what the options say."""
        options = self.options
        baseline = absolute(options.baseline) if options.baseline else self.here.baseline
        if baseline is None and options.update_baseline:
            raise UsageError("--update-baseline needs to know the file: --baseline FILE, or baseline in the settings.")
        judge = self.judge_with(None if options.trace is None else _loaded(options.trace))

        def judge_new(files: Sequence[File]) -> Report:
            report = judge(files)
            if baseline is not None:
                from bn_lint.cli.commands.silencing import hold_against_baseline

                hold_against_baseline(baseline, report, files, self.configuration)
            return report

        if baseline is not None and options.update_baseline:
            from bn_lint.cli.commands.silencing import write_baseline

            return write_baseline(baseline, judge(self.files), self.files, self.configuration, options)
        report = judge_new(self.files)
        if options.add_ignore:
            from bn_lint.cli.commands.silencing import add_comments

            return add_comments(report, self.files, options)
        if options.fix or options.diff:
            from bn_lint.cli.commands.fixing import fix_and_publish

            return fix_and_publish(report, self.files, judge_new, options.style, diff=options.diff)
        publish(report, options.style)
        if options.html is not None:
            from bn_lint.output.cells import in_cells
            from bn_lint.output.layers import render

            save(render(in_cells(report), "html"), options.html)
        return report.exit_code

    def explain(self, wanted: str) -> None:
        """Write what became of a line.

        Raises:
            UsageError: there is no such line, or nothing to say about it.
        """
        from bn_lint.check.explain_line import explain_line
        from bn_lint.output.cells import explanation_in_cells
        from bn_lint.output.explanation import render, render_json

        options = self.options
        explanation = explanation_in_cells(explain_line(wanted, self.files, self.configuration))
        color = options.output_file is None and wants_color(options.color, sys.stdout)
        text = render_json(explanation) if options.output_format == "json" else render(explanation, color=color)
        if options.output_file is None:
            write(text, color=color)
        else:
            save(text, options.output_file)

    def judge_with(self, trace: Document | None = None) -> Callable[[Sequence[File]], Report]:
        """What judges files, and holds the findings against a trace."""
        from bn_lint.check.pipeline import check
        from bn_lint.cli.progress import Waiting

        options = self.options

        def judge(files: Sequence[File]) -> Report:
            cached = not options.no_cache and all(file.data is None for file in files)
            with Waiting(quiet=options.quiet) as progress:
                report = check(
                    files,
                    self.configuration,
                    unreadable=self.unreadable,
                    cache=self._cache if cached else None,
                    jobs=options.jobs,
                    progress=progress,
                    coverage=options.show_coverage or options.html is not None,
                    copies=is_own_process(),
                )
            report.unsafe_fixes = options.unsafe_fixes
            report.fail_on = options.fail_on
            if trace is not None:
                from bn_lint.runtime.judging.confirm import confirm_report

                confirm_report(report, trace)
            return report

        return judge

    def _cache(self, rules: RuleSet) -> Cache:
        from bn_lint.check.cache import FOLDER, Cache, project_root

        root, chosen = project_root(absolute(".")), self.options.cache_dir
        return Cache(absolute(chosen) if chosen else self.here.cache_dir or root / FOLDER, root, rules)

    def _discover(self, paths: Sequence[str]) -> Discovery:
        from bn_lint.project.discovery import Discovery, discover

        def excluded(path: str) -> bool:
            return self.configuration.settings_for(path).excludes(path)

        options = self.options
        force = options.force_exclude or self.here.force_exclude
        if "-" in paths or options.stdin_filename is not None:
            if tuple(paths) != ("-",):
                raise UsageError("Standard input is read when - is the only path; --stdin-filename then names it.")
            file = _standard_input(options.stdin_filename)
            found = Discovery()
            found.files = [] if force and excluded(file.name) else self._with_projects([file], excluded)
            return found
        discovery = discover(paths or (".",), excluded, force_exclude=force)
        for remark in discovery.remarks if not options.quiet else ():
            complain(remark, "warning")
        if not discovery.files and not discovery.unreadable and not options.quiet:
            here = os.getcwd()
            names = [f'"{path}"' if path.endswith(".") else path for path in paths if os.path.abspath(path) != here]
            complain(f"No Python files found in {', '.join(names) or 'the current directory'}.", "warning")
        discovery.files = self._with_projects(discovery.files, excluded)
        return discovery

    def _with_projects(self, files: list[File], excluded: Callable[[str], bool]) -> list[File]:
        """The files, and those of their projects where some are given by name."""
        if self.options.no_project or not any(file.explicit for file in files):
            return files
        from bn_lint.project.whole import with_projects

        return with_projects(files, excluded)


def _standard_input(name: str | None) -> File:
    from bn_lint.project.discovery import File

    data = sys.stdin.buffer.read()
    path = os.path.abspath(name or "<stdin>")
    return File(path, display_path(path) if name else "<stdin>", explicit=True, data=data)


def _loaded(trace: str) -> Document:
    from bn_lint.runtime.document.document import load

    return load(trace)
