"""Fixing: what is written, what is not, and what the command says about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from bn_lint.check.fix import Change, put_in_place
from bn_lint.cli import main as cli
from bn_lint.facts import BatchNormBuilt, Place
from bn_lint.project.edits import Edits, Span, Text, replaced
from bn_lint.rule import Applicability, Edit, Fix, Rule, Severity, Violation, rule

Run = Callable[..., tuple[int, str, str]]

SAFE = """\
from torch import nn


class Encoder(nn.Sequential):
    def train(self, mode=True):
        super().train(mode)


encoder = Encoder(nn.BatchNorm1d(8)).eval()
"""
UNSAFE = """\
from torch import nn

net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, 8))  # twice
net.eval
"""
FIXED = UNSAFE.replace("(8, 8)", "(8)").replace("eval", "eval()")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "BN_LINT_OUTPUT_FORMAT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(["check", *arguments])
        captured = capsysbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return call


def write(name: str, text: str | bytes) -> Path:
    path = Path(name)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def names() -> set[str]:
    return {path.name for path in Path().iterdir()}


class TestWords:
    def test_safe_fixes_are_offered_and_unsafe_ones_mentioned(self, run: Run) -> None:
        write("model.py", SAFE + UNSAFE)
        code, out, _ = run("--output-format=concise")
        assert code == 1
        assert [line.split(" ")[3] == "[*]" for line in out.splitlines()[:-2]] == [True, False, False]
        assert out.splitlines()[-2:] == [
            "Found 2 errors and 1 warning in 1 file.",
            "[*] 1 fixable with the --fix option (2 hidden fixes can be enabled with the --unsafe-fixes option).",
        ]

    def test_unsafe_fixes_alone(self, run: Run) -> None:
        write("model.py", UNSAFE)
        assert run()[1].endswith("No fixes available (2 hidden fixes can be enabled with the --unsafe-fixes option).\n")
        out = run("--unsafe-fixes")[1]
        assert "error[BN403] [*] positional-eps:" in out
        assert out.endswith("[*] 2 fixable with the --fix option.\n")

    def test_what_was_fixed_and_what_remains(self, run: Run) -> None:
        write("model.py", SAFE + UNSAFE)
        code, out, _ = run("--fix")
        assert code == 1
        assert "BN107" not in out
        assert out.endswith(
            "Found 2 errors and 1 warning (1 fixed, 2 remaining).\n"
            "No fixes available (2 hidden fixes can be enabled with the --unsafe-fixes option).\n"
        )
        assert run("--fix", "--unsafe-fixes") == (0, "Found 2 errors (2 fixed, 0 remaining).\n", "")
        assert run("--fix", "--unsafe-fixes") == (0, "All checks passed!\n", "")

    def test_quiet_and_json_have_no_summary(self, run: Run) -> None:
        write("model.py", UNSAFE)
        assert run("--fix", "--unsafe-fixes", "-q") == (0, "", "")
        write("model.py", UNSAFE)
        assert json.loads(run("--fix", "--unsafe-fixes", "--output-format=json")[1])["findings"] == []


class TestFiles:
    @pytest.mark.parametrize("newline", ["\n", "\r\n"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
    def test_encoding_and_newlines_stay(self, run: Run, newline: str, encoding: str) -> None:
        declared = "# -*- coding: latin-1 -*-\n" if encoding == "latin-1" else ""
        text = f"{declared}{SAFE}# Ägypten{' ☃' if not declared else ''}"
        fixed = text.replace("(mode)\n", "(mode)\n        return self\n")
        path = write("model.py", text.replace("\n", newline).encode(encoding))
        assert run("--fix")[0] == 0
        assert path.read_bytes() == fixed.replace("\n", newline).encode(encoding)

    def test_mixed_newlines_stay(self, run: Run) -> None:
        path = write("model.py", UNSAFE.replace("\n", "\r\n", 2) + "\x0cx = '\u2028'\n")
        run("--fix", "--unsafe-fixes")
        assert path.read_bytes().decode() == FIXED.replace("\n", "\r\n", 2) + "\x0cx = '\u2028'\n"

    def test_mode_and_links_stay(self, run: Run) -> None:
        path = write("model.py", UNSAFE)
        path.chmod(0o755)
        link = Path("link.py")
        link.symlink_to(path)
        assert run("--fix", "--unsafe-fixes", "link.py")[0] == 0
        assert link.is_symlink()
        assert path.read_text() == FIXED
        assert path.stat().st_mode & 0o777 == 0o755
        assert names() == {"model.py", "link.py"}

    def test_syntax_errors_are_left_alone(self, run: Run) -> None:
        broken = UNSAFE + "def f(:\n"
        path = write("broken.py", broken)
        other = write("model.py", UNSAFE)
        code, out, _ = run("--fix", "--unsafe-fixes")
        assert code == 1
        assert "syntax-error" in out
        assert out.endswith("Found 5 errors (2 fixed, 3 remaining).\n")
        assert path.read_text() == broken
        assert other.read_text() == FIXED

    def test_silenced_findings_are_left_alone(self, run: Run) -> None:
        text = UNSAFE.replace("# twice", "# bn-lint: ignore[BN403]")
        path = write("model.py", text)
        assert run("--fix", "--unsafe-fixes")[0] == 0
        assert path.read_text() == text.replace("net.eval\n", "net.eval()\n")

    def test_only_the_given_files_are_fixed(self, run: Run) -> None:
        Path("net.py").write_text(UNSAFE)
        write("train.py", "from net import net\nfrom torch import nn\nx = nn.Sequential(nn.BatchNorm2d(3))\nx.eval\n")
        assert run("--fix", "--unsafe-fixes", "train.py")[0] == 0
        assert Path("net.py").read_text() == UNSAFE

    def test_a_file_that_changed_meanwhile_is_not_overwritten(self, here: Path) -> None:
        from bn_lint.errors import PathError
        from bn_lint.project.source import load

        path = write("model.py", UNSAFE)
        before = load(path)
        path.write_text("# mine\n")
        with pytest.raises(PathError, match=r"^model\.py changed while it was checked; it was not fixed\.$"):
            put_in_place(Change(before, before.edited([Span(0, 0, "#")])))
        assert path.read_text() == "# mine\n"

    def test_a_link_and_its_target_are_one_file(self, run: Run) -> None:
        path = write("model.py", UNSAFE)
        Path("link.py").symlink_to("model.py")
        assert run("--fix", "--unsafe-fixes", "model.py", "link.py")[::2] == (0, "")
        assert Path("link.py").is_symlink()
        once = path.read_text()
        assert once != UNSAFE
        assert run("--fix", "--unsafe-fixes", "model.py", "link.py")[0] == 0
        assert path.read_text() == once

    def test_a_file_that_cannot_be_written(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        write("good.py", UNSAFE)
        path = write("model.py", UNSAFE)
        rename = os.replace

        def refuse(source: str, target: Path) -> None:
            if Path(target).name == "model.py":
                raise PermissionError(13, "Permission denied")
            rename(source, target)

        monkeypatch.setattr(os, "replace", refuse)
        code, out, err = run("--fix", "--unsafe-fixes")
        assert code == 2
        assert "model.py cannot be written: permission denied; it was not fixed." in err
        assert out.endswith("Found 4 errors (2 fixed, 2 remaining).\n[*] 2 fixable with the --fix option.\n")
        assert path.read_text() == UNSAFE
        assert names() == {"good.py", "model.py"}


class TestDiff:
    def test_it_writes_nothing_and_can_be_applied(self, run: Run) -> None:
        path = write("model.py", SAFE + UNSAFE.rstrip())
        code, out, err = run("--diff", "--unsafe-fixes")
        assert code == 1
        assert err == "Would fix 2 errors and 1 warning.\n"
        assert path.read_text() == SAFE + UNSAFE.rstrip()
        subprocess.run(["patch", "-p0", "-s"], input=out, text=True, check=True)
        assert run("--diff", "--unsafe-fixes") == (0, "", "Nothing would be fixed.\n")
        assert "\\ No newline at end of file\n" in out

    def test_unsafe_fixes_are_mentioned(self, run: Run) -> None:
        write("model.py", UNSAFE)
        assert run("--diff") == (0, "", "Nothing would be fixed (2 fixes available with --unsafe-fixes).\n")
        write("model.py", SAFE)
        assert run("--diff", "-q")[2] == ""

    def test_it_is_colored_on_request(self, run: Run) -> None:
        write("model.py", SAFE)
        assert "\x1b[32m\x1b[1m+        return self\x1b[0m\n" in run("--diff", "--color=always")[1]


class TestStandardInput:
    @pytest.fixture
    def feed(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
        def call(text: str, *arguments: str) -> tuple[int, str, str]:
            monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(text.encode())))
            return run("-", *arguments)

        return call

    def test_the_fixed_text_is_passed_on(self, feed: Run) -> None:
        code, out, err = feed(SAFE + UNSAFE, "--fix", "--stdin-filename", "model.py", "--output-format=concise")
        assert code == 1
        assert out == SAFE.replace("(mode)\n", "(mode)\n        return self\n") + UNSAFE
        assert err.startswith("model.py:13:41: error BN403 ")
        assert "(1 fixed, 2 remaining)" in err
        assert names() == set()

    @pytest.mark.parametrize("text", ["x = 1\n", "def f(:\n", "", UNSAFE])
    def test_what_cannot_be_fixed_is_passed_on_as_it_is(self, feed: Run, text: str) -> None:
        assert feed(text, "--fix")[1] == text

    def test_diff(self, feed: Run) -> None:
        assert feed(SAFE, "--diff")[1].startswith("--- <stdin>\n+++ <stdin>\n")


def use(monkeypatch: pytest.MonkeyPatch, edits: Callable[[BatchNormBuilt], Iterator[Edit]]) -> None:
    """Judge by one rule that reports every BatchNorm layer that is not called `fine`, with the given fix."""

    @rule("BN999", "made-up", severity=Severity.ERROR, since="0.1.0")
    def made_up(fact: BatchNormBuilt) -> Iterator[Violation]:
        yield Violation("made up", fact.place, fix=Fix(Applicability.SAFE, tuple(edits(fact))))

    rules: tuple[Rule, ...] = (made_up,)
    monkeypatch.setattr("bn_lint.check.registry.load_rules", lambda packages=(): rules)


LAYERS = "from torch import nn\na, b = nn.BatchNorm2d(8), nn.BatchNorm2d(8)\n"


class TestChecks:
    def test_a_fix_that_leaves_no_python_is_not_made(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, lambda fact: iter([Edit(fact.place, "(" if fact.place.column > 10 else "None")]))
        path = write("model.py", LAYERS)
        code, out, err = run("--fix", "--output-format=concise")
        assert code == 2
        assert "BN903 model.py:2:27: internal error in BN999 (made-up): its fix leaves a file that is not" in err
        assert out.endswith("Found 2 errors (1 fixed, 1 remaining).\n")
        assert path.read_text() == LAYERS.replace("nn.BatchNorm2d(8),", "None,")

    def test_a_fix_that_does_not_help_is_not_made(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def edits(fact: BatchNormBuilt) -> Iterator[Edit]:
            yield Edit(fact.place, "nn.BatchNorm3d(8)" if fact.place.column < 10 else "None")

        use(monkeypatch, edits)
        path = write("model.py", LAYERS)
        code, _, err = run("--fix")
        assert code == 2
        assert "internal error in BN999 (made-up): its fix does not remove the finding, and was not applied" in err
        assert path.read_text() == LAYERS.replace(" nn.BatchNorm2d(8)\n", " None\n")

    def test_fixes_that_touch_each_other_are_made_in_turn(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def edits(fact: BatchNormBuilt) -> Iterator[Edit]:
            yield Edit(fact.place, "None")
            yield Edit(Place(fact.place.path, 1, 1, 1, 1), f"# {fact.place.column}\n")

        use(monkeypatch, edits)
        path = write("model.py", LAYERS)
        assert run("--fix")[0] == 0
        assert path.read_text() == "# 14\n# 8\nfrom torch import nn\na, b = None, None\n"

    def test_fixes_that_undo_each_other_are_taken_back(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def edits(fact: BatchNormBuilt) -> Iterator[Edit]:
            yield Edit(Place(fact.place.path, 2, 1, 2, 1), "c = ")

        use(monkeypatch, edits)
        path = write("model.py", "from torch import nn\nnn.BatchNorm2d(8)\n")
        code, out, err = run("--fix")
        assert code == 2
        assert "model.py" in err
        assert path.read_text() == "from torch import nn\nnn.BatchNorm2d(8)\n"
        assert "Found 1 error in 1 file." in out

    def test_a_fix_outside_the_given_files_is_not_offered(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, lambda fact: iter([Edit(Place("other.py", 1, 1, 1, 1), "x\n")]))
        write("other.py", "")
        write("model.py", LAYERS)
        assert "fixable" not in run("model.py")[1]

    def test_a_fix_that_would_lose_a_comment_is_not_offered(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, lambda fact: iter([Edit(fact.place, "None")]))
        write("model.py", "from torch import nn\na = nn.BatchNorm2d(  # why\n    8)\n")
        assert "fixable" not in run()[1]
        write("model.py", "from torch import nn\na = nn.BatchNorm2d(8, dtype='# no comment')\n")
        assert "[*] 1 fixable" in run()[1]


class TestEdits:
    def test_places_become_indices_and_back(self) -> None:
        text = Text("ab\r\ncd\n\rx")
        assert [text.offset(*at) for at in [(1, 1), (2, 2), (3, 1), (4, 2), (9, 1)]] == [0, 5, 7, 9, 9]
        assert [text.position(index) for index in (0, 5, 7, 8)] == [(1, 1), (2, 2), (3, 1), (4, 1)]

    def test_a_line_end_in_an_edit_is_that_of_the_text(self) -> None:
        edit = Edit(Place("a.py", 1, 2, 1, 2), "\n")
        assert [Text(text).span(edit).content for text in ("ab", "ab\r\nc", "ab\rc")] == ["\n", "\r\n", "\r"]

    @pytest.mark.parametrize(
        ("first", "second", "touch"),
        [
            ((0, 2), (2, 4), False),
            ((0, 3), (2, 4), True),
            ((2, 2), (2, 2), True),
            ((2, 2), (2, 4), True),
            ((0, 2), (2, 2), False),
            ((0, 4), (1, 2), True),
        ],
    )
    def test_touching(self, first: tuple[int, int], second: tuple[int, int], touch: bool) -> None:
        one, other = Span(*first, "a"), Span(*second, "b")
        assert one.touches(other) is other.touches(one) is touch

    def test_replacing(self) -> None:
        assert replaced("0123456", [Span(4, 5, ""), Span(1, 1, "a"), Span(2, 4, "b")]) == "0a1b56"

    @pytest.mark.parametrize(
        ("offset", "expected"),
        [(0, (0, 0)), (2, (2, 5)), (3, (6, 6)), (5, (7, 7)), (6, (7, 7)), (8, (8, 8)), (9, (9, 9))],
    )
    def test_moving(self, offset: int, expected: tuple[int, int]) -> None:
        assert Edits([Span(4, 7, ""), Span(2, 2, "abc")]).moved(offset) == expected
