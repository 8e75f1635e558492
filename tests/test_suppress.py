from __future__ import annotations

from pathlib import Path

import pytest

from bn_lint.check.registry import load_rules
from bn_lint.check.suppress import directives_in, mistakes_in, names_rules, suppress
from bn_lint.project.source import Source
from bn_lint.rule import Severity

from .builders import finding, place


def source(text: str) -> Source:
    return Source(Path("/model.py"), "model.py", text)


def silenced(text: str, line: int = 1, code: str = "BN401", name: str = "keras-momentum") -> bool:
    (result,) = suppress([finding(code, name, at=place(line=line))], list(directives_in(source(text))))
    return result.suppressed


@pytest.mark.parametrize(
    "comment",
    [
        "# bn-lint: ignore[BN401]",
        "# bn-lint: ignore[keras-momentum]",
        "# bn-lint: ignore[BN101, BN401] because it was measured",
        "# bn-lint:ignore[bn401]",
        "# bn-lint: ignore[BN4]",
        "# type: ignore  # bn-lint: ignore[BN401]",
        "# noqa",
        "# NOQA",
        "# noqa: BN401",
        "# noqa:E501,BN401",
        "# noqa: keras-momentum",
        "# why not  # noqa: BN401",
    ],
)
def test_a_comment_silences_its_line(comment: str) -> None:
    assert silenced(f"layer()  {comment}\n")


@pytest.mark.parametrize(
    "comment",
    [
        "# bn-lint: ignore",
        "# bn-lint: ignore[]",
        "# bn-lint: ignore[BN101]",
        "# bn-lint: ignore[keras]",
        "# bn-lint: disable[BN401]",
        "# noqa: E501",
        "# noqa-BN401",
        "# a noqa",
        "# bn-lint ignore[BN401]",
    ],
)
def test_a_comment_about_something_else_does_not(comment: str) -> None:
    assert not silenced(f"layer()  {comment}\n")


def test_any_line_of_the_statement_counts() -> None:
    text = "layer(\n    8,  # bn-lint: ignore[BN401]\n    momentum=0.99,\n)\n"
    assert [silenced(text, line) for line in (1, 2, 3, 4)] == [True] * 4
    text = "layer(\n    8,\n    # bn-lint: ignore[BN401]\n    momentum=0.99,\n)\nlayer()\n"
    assert silenced(text, 1)
    assert not silenced(text, 6)
    assert silenced("layer(\n    8,\n)  # noqa: BN401\n", 1)
    assert silenced("layer(8, \\\n  9)  # noqa: BN401\n", 1)


def test_the_line_above_counts() -> None:
    assert silenced("# bn-lint: ignore[BN401]\nlayer(\n    8)\n", 3)
    assert silenced("# bn-lint: ignore[BN401]\n# because it was measured\nlayer()\n", 3)
    assert silenced("if x:\n    # bn-lint: ignore[BN401]\n    layer()\n", 3)


def test_the_line_above_does_not_reach_further() -> None:
    assert not silenced("# bn-lint: ignore[BN401]\n\nlayer()\n", 3)
    assert not silenced("# bn-lint: ignore[BN401]\nother()\nlayer()\n", 3)
    assert not silenced("other()  # bn-lint: ignore[BN401]\nlayer()\n", 2)
    assert not silenced("# noqa: BN401\nlayer()\n", 2)


def test_a_header_does_not_cover_its_body() -> None:
    assert not silenced("def f():  # bn-lint: ignore[BN401]\n    layer()\n", 2)


def test_the_whole_file() -> None:
    text = "import x\n\nlayer()\n# bn-lint: file-ignore[BN401]\n"
    assert silenced(text, 3)
    assert not silenced(text, 3, "BN101", "missing-eval")


def test_text_that_looks_like_a_comment_is_none() -> None:
    assert not silenced('layer("# bn-lint: ignore[BN401]")\n')
    assert not silenced('"""\n# noqa\n"""; layer()\n', 1)


@pytest.mark.parametrize("broken", ["x = (\n", "x = '''\n", "  x\n y\n", "x = $\n", "x = 1 if\n\x00\n"])
def test_files_that_are_not_python(broken: str) -> None:
    good = "layer(\n    8,  # bn-lint: ignore[BN401]\n)\n"
    assert silenced(good + broken, 1)
    assert silenced(broken + "# bn-lint: ignore[BN401]\nlayer()\n", broken.count("\n") + 2)
    assert silenced(broken + "layer()  # bn-lint: ignore[BN401]\n", broken.count("\n") + 1)


def test_carriage_returns_and_form_feeds_count_lines_as_python_does() -> None:
    assert silenced("a = '\u2028'\x0c\rlayer()  # noqa\r", 2)


def test_silenced_findings_stay_in_the_list() -> None:
    two = [finding(at=place(line=1)), finding(at=place(line=2))]
    result = suppress(two, list(directives_in(source("a()  # noqa\nb()\n"))))
    assert [each.suppressed for each in result] == [True, False]


def test_a_syntax_error_cannot_be_silenced() -> None:
    error = finding("BN902", "syntax-error", at=place(line=1), severity=Severity.ERROR)
    assert suppress([error], list(directives_in(source("x = (  # noqa\n")))) == [error]


def test_useless_comments_are_remarked_on() -> None:
    text = "# bn-lint: ignore\n# bn-lint: disable[BN401]\n# bn-lint: ignore[keras-momentun]\n# bn-lint: ignore[BN401]\n"
    assert list(mistakes_in(source(text), load_rules)) == [
        (1, '"bn-lint: ignore" needs codes or names in brackets, such as [BN401].'),
        (2, '"bn-lint: disable" is no known comment; write "bn-lint: ignore[CODE]".'),
        (3, '"bn-lint: ignore": unknown rule "keras-momentun"; did you mean "keras-momentum"?'),
    ]
    assert list(mistakes_in(source("x = 1  # noqa: E501\n"), load_rules)) == []


@pytest.mark.parametrize(
    ("text", "packages", "expected"),
    [
        ("x = 1  # noqa\n", (), False),
        ("x = 1  # noqa: E501, F401 wider than it should be\n", (), False),
        ("x = 1  # noqa: B950\n", (), False),
        ("x = 1  # noqa: B\n", (), True),
        ("x = 1  # noqa: BN401\n", (), True),
        ("x = 1  # NoQA: E501, bn4\n", (), True),
        ("x = 1  # noqa: keras-momentum\n", (), True),
        ("x = 1  # noqa: ALL\n", (), True),
        ("x = 1  # noqa: E501\n", ("acme_rules",), True),
        ("x = 1  # bn-lint: ignore\n", (), True),
    ],
)
def test_only_comments_that_may_name_rules_matter(text: str, packages: tuple[str, ...], expected: bool) -> None:
    assert names_rules(source(text), packages) is expected
