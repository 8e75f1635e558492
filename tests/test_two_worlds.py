"""What the tracer says of a program that runs, the static engine says of its text.

The specifications of the mode and batch rules run under the tracer (`trace` in the info string). Here the same code is
only read, and the comments must come true again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .project import lint
from .specification import Specification, expectations, read

STATIC = frozenset("BN101 BN103 BN104 BN105 BN112 BN201 BN202 BN203 BN301 BN302".split())
#: Where the two see the same mistake differently, and why that is right.
APART = {
    "validation-in-the-middle": "the text drops the result of the call, which may be a dry run",
    "bn203-tiny-batch-the-mistake": "the text points at the loader, which a run does not know",
    "two-values-per-channel/vectors-in-a-run": "of two values per channel, the text judges loaders alone",
    "two-values-per-channel/maps-of-one-pixel-behind-global-pooling": "the same",
    "with-gradients-and-without-in-a-run/the-whole-model-is-trained-with-frozen-parameters": (
        "the text takes the look without gradients for that at a teacher: one mistake, found in the other call"
    ),
    "bn805-mode-flapping-the-mistake": "to the text this is a training step in evaluation mode",
}


def specifications() -> list[Specification]:
    folder = Path(__file__).parent / "rules"
    tests = [test for path in sorted(folder.glob("*.md")) for test in read(path, path.read_text(encoding="utf-8"))]
    return [test for test in tests if test.trace]


@pytest.mark.parametrize("test", specifications(), ids=lambda test: f"{test.path.stem}-{test.name}")
def test_reading_agrees_with_running(test: Specification, tmp_path: Path) -> None:
    if {test.name, f"{test.path.stem.replace('_', '-')}-{test.name}"} & APART.keys():
        pytest.skip("seen differently")
    for title, file in test.files.items():
        (tmp_path / title).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / title).write_text(file.text, encoding="utf-8")
    reported, _ = lint(tmp_path, list(test.files))
    actual = {(one.path, one.line, one.code) for one in reported if one.code in STATIC}
    expected = {
        (title, one.line, one.code)
        for title, file in test.files.items()
        for one in expectations(file.lines)
        if one.code in STATIC
    }
    assert actual == expected
