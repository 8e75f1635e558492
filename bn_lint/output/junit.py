"""JUnit XML, which most systems for continuous integration show as test results."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from xml.etree import ElementTree as ET

from bn_lint.check.fingerprint import text_of
from bn_lint.check.report import Report
from bn_lint.output.text import file_of, location, printable
from bn_lint.rule import Finding


def render(report: Report) -> str:
    """One XML document, with an end of line."""
    visible = report.visible
    suites = ET.Element("testsuites", name="bn-lint", tests="", failures=str(len(visible)), errors="")
    named = zip(_names(report), visible, strict=True)
    for path, findings in groupby(named, key=lambda each: each[1].place.path):
        cases = [_case(name, finding) for name, finding in findings]
        suite = ET.SubElement(
            suites, "testsuite", name=_text(path), tests=str(len(cases)), failures=str(len(cases)), errors="0"
        )
        suite.extend(cases)
    if report.failures:
        number = str(len(report.failures))
        suite = ET.SubElement(suites, "testsuite", name="bn-lint", tests=number, failures="0", errors=number)
        suite.extend(_errors(report))
    elif not visible:
        # A report without a single test case counts as broken in most systems.
        suite = ET.SubElement(suites, "testsuite", name="bn-lint", tests="1", failures="0", errors="0")
        ET.SubElement(suite, "testcase", name="no findings", classname="bn-lint")
    suites.set("tests", str(sum(1 for _ in suites.iter("testcase"))))
    suites.set("errors", str(len(report.failures)))
    ET.indent(suites)
    text = ET.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _names(report: Report) -> Iterator[str]:
    """A name for each finding that it keeps when lines move: its rule, its code, and which of several it is."""
    seen: Counter[tuple[str, str]] = Counter()
    for finding in report.visible:
        name = f"{finding.code} {finding.name}: {text_of(finding, report.sources)}"
        seen[finding.place.path, name] += 1
        number = seen[finding.place.path, name]
        yield name if number == 1 else f"{name} ({number})"


def _case(name: str, finding: Finding) -> ET.Element:
    place = finding.place
    case = ET.Element(
        "testcase",
        name=_text(name),
        classname=_text(place.path),
        file=_text(place.path),
        line=str(place.line),
    )
    failure = ET.SubElement(case, "failure", type=finding.severity.value, message=_text(finding.message))
    lines = [f"{location(place)}: {finding.message}"]
    lines += [f"{file_of(evidence.place)}:{evidence.place.line}: {evidence.message}" for evidence in finding.evidence]
    lines += [] if finding.help is None else [f"help: {finding.help}"]
    failure.text = "\n".join(map(_text, lines))
    return case


def _errors(report: Report) -> Iterator[ET.Element]:
    for problem in report.failures:
        path = _text(problem.place.path)
        case = ET.Element("testcase", name=problem.code, classname=path, file=path)
        ET.SubElement(case, "error", type=problem.code, message=_text(problem.message))
        yield case


def _text(text: str) -> str:
    """A text without what XML cannot hold."""
    return _NO_XML.sub("?", printable(text))


_NO_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
