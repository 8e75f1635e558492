"""The specification runner itself: a wrong promise must fail, and fail with the place and the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn_lint.facts import Evidence, Place

from . import project
from .specification import Reported, SpecificationError, expectations, read, revelations

FENCE = "```"


def document(info: str, code: str) -> str:
    return f"# Title\n\n## A test\n{FENCE}{info}\n{code}\n{FENCE}\n"


@pytest.fixture
def torch() -> None:
    """pytester forgets what its run imported, and torch cannot be imported twice: it must be there before."""
    pytest.importorskip("torch")


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runner:
    return Runner(pytester, monkeypatch)


class Runner:
    """Runs one document through the collector, with a linter that reports what the test wants."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester, self.monkeypatch = pytester, monkeypatch

    def __call__(
        self, text: str, *reported: Reported, revealed: tuple[Evidence, ...] = (), options: tuple[str, ...] = ()
    ) -> pytest.RunResult:
        self.monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        self.monkeypatch.setattr(project, "lint", lambda root, files: (list(reported), list(revealed)))
        path = self.pytester.path / "suite.md"
        path.write_text(text, encoding="utf-8")
        return self.pytester.runpytest_inprocess("-p", "tests.conftest", "-p", "no:cacheprovider", *options, str(path))


def found(line: int, code: str = "BN401", severity: str = "warning", message: str = "momentum 0.99") -> Reported:
    return Reported("test.py", line, severity, code, message)


PROMISE = document("python run", 'x = 1\ny = 2  # warning: [BN401] "0.99"')


def test_kept_promise_passes(run: Runner) -> None:
    run(PROMISE, found(2), options=("-k", "not torch")).assert_outcomes(passed=1, deselected=1)


@pytest.mark.parametrize(
    ("reported", "message"),
    [
        ((), 'suite.md:6: expected warning [[]BN401[]] "0.99", nothing was reported'),
        ((found(1),), "suite.md:5: unexpected warning [[]BN401[]] momentum 0.99"),
        ((found(2, code="BN402"),), "suite.md:6: expected *, got warning [[]BN402[]] momentum 0.99"),
        ((found(2, severity="error"),), "suite.md:6: expected *, got error [[]BN401[]] momentum 0.99"),
        ((found(2, message="other"),), "suite.md:6: expected *, got warning [[]BN401[]] other"),
        ((found(2), found(2)), "suite.md:6: unexpected warning [[]BN401[]] momentum 0.99"),
    ],
)
def test_broken_promise_fails(run: Runner, reported: tuple[Reported, ...], message: str) -> None:
    result = run(PROMISE, *reported, options=("-k", "not torch"))
    result.assert_outcomes(failed=1, deselected=1)
    result.stdout.fnmatch_lines([message])


def test_finding_in_a_file_of_another_test_fails(run: Runner) -> None:
    result = run(
        document("python run", "x = 1"), Reported("other.py", 1, "error", "BN002", "no"), options=("-k", "not torch")
    )
    result.stdout.fnmatch_lines(["other.py:1: unexpected error [[]BN002[]] no"])
    result.assert_outcomes(failed=1, deselected=1)


def test_wrong_revelation_fails(run: Runner) -> None:
    shown = Evidence("(N, 32)", Place("test.py", 1, 1, 1, 2))
    result = run(document('python unrun="x"', "reveal(x)  # revealed: (N, 64)"), revealed=(shown,))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["suite.md:5: expected to reveal (N, 64), got (N, 32)"])


@pytest.mark.slow
@pytest.mark.usefixtures("torch")
def test_execution_is_an_oracle(run: Runner) -> None:
    only = ("-k", "torch")
    run(document('python raises="no"', "raise ValueError('oh no')"), options=only).assert_outcomes(
        passed=1, deselected=1
    )
    for info, code in [
        ("python run", "raise ValueError('oh no')"),
        ('python raises="yes"', "raise ValueError('oh no')"),
        ('python raises="yes"', "x = 1"),
        ("python run", "import torch\nreveal(torch.zeros(2, 3))  # revealed: (N, 4)"),
        ("python run", "import torch\nreveal(torch.zeros(2, 3))  # revealed: (N, 3, 1)"),
        ("python run", "raise SystemExit('no')"),
    ]:
        run(document(info, code), options=only).assert_outcomes(failed=1, deselected=1)


@pytest.mark.slow
@pytest.mark.usefixtures("torch")
def test_files_of_a_project_import_each_other_and_are_forgotten(run: Runner) -> None:
    text = """# Title
## Project
```python run title="net/blocks.py"
width = 3
```
```python title="net/__init__.py"
```
```python title="net/model.py"
from .blocks import width
assert width == 3
```
## Again
```python raises="No module named 'net'"
import net.blocks
```
"""
    run(text, options=("-k", "torch")).assert_outcomes(passed=2, deselected=2)


def test_headings_nest_into_names_and_fences_join() -> None:
    text = f"# T\n## A b\n### C!\n{FENCE}python run\nx = 1\n{FENCE}\nprose\n{FENCE}py\ny = x\n{FENCE}\n"
    (test,) = read(Path("s.md"), text)
    assert test.name == "a-b/c"
    assert test.files["test.py"].text == "x = 1\ny = x\n"
    assert test.files["test.py"].origins == [5, 9]


@pytest.mark.parametrize(
    ("info", "code", "message"),
    [
        ("python", "nn.BatchNorm2d(3)(x)  # error: [BN002]", "must carry raises="),
        ("python run", "nn.BatchNorm2d(3)(x)  # error: [BN003]", "must carry raises="),
        ("python", "x = 1", "must carry `run`"),
        ("python unrun=", "x = 1", "unknown word"),
        ("python runs", "x = 1", "unknown word"),
        ('python run raises="x"', "x = 1", "give one of"),
        ('python run title="../x.py"', "x = 1", "leaves the project"),
    ],
)
def test_ill_formed_tests_are_refused(info: str, code: str, message: str) -> None:
    with pytest.raises(SpecificationError, match=message):
        read(Path("s.md"), document(info, code))


def test_open_fence_and_repeated_heading_are_refused() -> None:
    with pytest.raises(SpecificationError, match=r"s\.md:2: this fence is never closed"):
        read(Path("s.md"), f"# T\n{FENCE}python run\nx = 1\n")
    with pytest.raises(SpecificationError, match=r"s\.md:3: a second test is named a"):
        read(Path("s.md"), "# T\n## A\n## A\n")


def test_collection_errors_name_the_place(run: Runner) -> None:
    result = run(document("python", "x = 1"))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*suite.md:4: a-test expects no finding, so it must carry*"])


def test_a_comment_on_its_own_line_speaks_of_the_next() -> None:
    first, second = expectations(["# error: [BN002]", '# info: [BN406] "bias"', "x = 1"])
    assert (first.line, first.code, second.line, second.text) == (3, "BN002", 3, "bias")
    with pytest.raises(SpecificationError, match="no line of code follows"):
        expectations(["# error: [BN002]"])


@pytest.mark.parametrize(
    "comment", ["# error: BN002", "# warn: [BN401]", "# warning [BN401]", "# error: [BN002]  # info: x"]
)
def test_misspelled_expectations_are_refused(comment: str) -> None:
    with pytest.raises(SpecificationError, match="cannot read"):
        expectations([f"x = 1  {comment}"])


def test_revelations() -> None:
    assert revelations(["reveal(x)  # revealed: (N, 64, ?)"]) == {1: ["(N, 64, ?)"]}
    assert revelations(["x", "reveal(x)  # revealed: (1)  # revealed: (2)"]) == {2: ["(1)", "(2)"]}
