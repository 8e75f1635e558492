"""Taking bn-lint into use where it finds much: comments, a baseline, and what becomes of both."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bn_lint.check.add_ignore import IgnoreComments
from bn_lint.check.suppress import directives_in, suppress
from bn_lint.cli import main as cli
from bn_lint.project.source import Source

from .builders import finding, place

MOMENTUM = "layer = nn.BatchNorm2d(8, momentum=0.99)\n"
MODEL = "from torch import nn\n" + MOMENTUM

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(["check", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def write(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")


def read(name: str) -> str:
    return Path(name).read_bytes().decode()


# -- comments ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "line", "after"),
    [
        ("a()\n", 1, "a()  # bn-lint: ignore[BN401]\n"),
        ("a()", 1, "a()  # bn-lint: ignore[BN401]"),
        ("a()  \r\nb()\r\n", 1, "a()  # bn-lint: ignore[BN401]\r\nb()\r\n"),
        ("a()  # why\n", 1, "a()  # why  # bn-lint: ignore[BN401]\n"),
        ("a()  # bn-lint: ignore[BN402] why\n", 1, "a()  # bn-lint: ignore[BN402, BN401] why\n"),
        ("# bn-lint: ignore[BN402]\na()\n", 2, "# bn-lint: ignore[BN402, BN401]\na()\n"),
        ("if x:\n    a(\n        1,\n    )\n", 3, "if x:\n    # bn-lint: ignore[BN401]\n    a(\n        1,\n    )\n"),
        ('a("""\n""")\n', 2, '# bn-lint: ignore[BN401]\na("""\n""")\n'),
        ("a = \\\n    1\n", 2, "# bn-lint: ignore[BN401]\na = \\\n    1\n"),
        ("a()  # noqa: E501\n", 1, "a()  # noqa: E501  # bn-lint: ignore[BN401]\n"),
    ],
)
def test_comments_are_written_where_they_count(before: str, line: int, after: str) -> None:
    found = [finding(at=place(line=line))]
    source = Source(Path("/model.py"), "model.py", before)
    (edit,) = IgnoreComments(source).edits(found)
    assert source.edited([edit]).text == after
    moved = [finding(at=place(line=line + after.count("\n") - before.count("\n")))]
    assert suppress(moved, list(directives_in(source.edited([edit]))))[0].suppressed


def test_several_findings_of_a_statement_share_a_comment() -> None:
    found = [finding("BN402", "zero-momentum", at=place(line=2)), finding(at=place(line=1)), finding(at=place(line=4))]
    source = Source(Path("/m.py"), "m.py", "a(\n  1)\n\nb()\n")
    edits = IgnoreComments(source, "until we retrain").edits(found)
    assert len(edits) == 2
    assert source.edited(edits).text == (
        "# bn-lint: ignore[BN401, BN402] until we retrain\na(\n  1)\n\nb()  # bn-lint: ignore[BN401] until we retrain\n"
    )


def test_add_ignore(run: Run) -> None:
    write("a.py", MODEL)
    write("b.py", MODEL + MOMENTUM)
    write("broken.py", "import torch.nn.BatchNorm2d as\n")
    code, out, err = run("--add-ignore", "--reason", "as in the paper")
    assert code == 1
    assert out.startswith("error[BN902] syntax-error: ")
    assert out.endswith("Added 3 comments to 2 files.\n")
    assert err == ""
    assert read("a.py").endswith("momentum=0.99)  # bn-lint: ignore[BN401] as in the paper\n")
    Path("broken.py").unlink()
    assert run() == (0, "All checks passed!\n", "")
    assert run("--add-ignore") == (0, "Added 0 comments to 0 files.\n", "")


def test_add_ignore_keeps_the_encoding(run: Run) -> None:
    text = "# -*- coding: latin-1 -*-\r\n# é\r\n" + MODEL.replace("\n", "\r\n")
    Path("a.py").write_bytes(text.encode("latin-1"))
    Path("b.py").write_bytes(b"\xef\xbb\xbf" + MODEL.encode())
    assert run("--add-ignore", "-q")[0] == 0
    assert Path("a.py").read_bytes().startswith(b"# -*- coding: latin-1 -*-\r\n# \xe9\r\n")
    assert Path("a.py").read_bytes().endswith(b"  # bn-lint: ignore[BN401]\r\n")
    assert Path("b.py").read_bytes().startswith(b"\xef\xbb\xbffrom torch")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--reason", "x"], "error: --reason is what --add-ignore writes; there is nothing to write it to.\n"),
        (["--add-ignore", "--reason", "a # b"], "error: --reason must be one line without #.\n"),
        (["--add-ignore", "--update-baseline"], "error: --add-ignore and --update-baseline are two ways"),
        (["--update-baseline"], "error: --update-baseline needs to know the file"),
        (
            ["--baseline", "gone.json"],
            "error: The baseline gone.json does not exist. Write it with --update-baseline.\n",
        ),
    ],
)
def test_contradictions(arguments: list[str], message: str, run: Run) -> None:
    code, out, err = run(*arguments, ".")
    assert (code, out) == (2, "")
    assert message in err


# -- comments without need --------------------------------------------------------------------------------------------


def unused(run: Run, *arguments: str) -> list[str]:
    _, out, _ = run("-q", "--output-format=concise", *arguments)
    return [line for line in out.splitlines() if "BN900" in line]


def test_comments_without_need_are_reported(run: Run) -> None:
    write("a.py", MODEL.replace("0.99)", "0.1)  # bn-lint: ignore[BN401]"))
    assert unused(run) == [
        "a.py:2:42: warning BN900 [*] this comment silences `BN401`, which finds nothing here (unused-suppression)"
    ]


@pytest.mark.parametrize(
    ("comment", "reported"),
    [
        ("bn-lint: ignore[BN404] why", True),
        ("bn-lint: ignore[eps-out-of-range]", True),
        ("bn-lint: ignore[BN40]", False),
        ("bn-lint: ignore[BN401, BN404]", True),
        ("bn-lint: file-ignore[BN404]", True),
        ("bn-lint: file-ignore[BN401]", False),
        ("noqa: BN404", True),
        ("noqa: E501, BN401", False),
        ("noqa: E501", False),
        ("noqa", False),
        ("bn-lint: ignore[BN406]", False),  # off by default
        ("bn-lint: ignore[BN802]", False),  # only a run can tell
    ],
)
def test_which_comments_have_no_use(comment: str, reported: bool, run: Run) -> None:
    write("a.py", MODEL.replace("\n", f"  # {comment}\n").replace(f"nn  # {comment}", "nn", 1))
    assert bool(unused(run)) is reported


def test_where_nothing_can_be_said_about_comments(run: Run) -> None:
    text = MODEL.replace("0.99)", "0.1)  # bn-lint: ignore[BN401]")
    write("a.py", text)
    assert unused(run, "a.py") == []  # what decides may be in a file that was not given
    assert unused(run, "--ignore=BN900") == []
    assert unused(run, "--ignore=BN401") == []
    assert unused(run, "--config=per-file-ignores={'a.py'=['BN401']}") == []
    assert unused(run, "--config=severity={BN900='error'}")[0].startswith("a.py:2:42: error BN900")
    write("a.py", text + "x = (\n")
    assert unused(run) == []


def test_a_comment_in_a_file_without_batchnorm_has_no_use(run: Run) -> None:
    write("a.py", "x = 1  # bn-lint: ignore[BN401]\n")
    assert len(unused(run)) == 1


@pytest.mark.parametrize(
    ("comment", "rest"),
    [
        ("  # bn-lint: ignore[BN404] why", ""),
        ("  # bn-lint: ignore[BN401, BN404] why", "  # bn-lint: ignore[BN401] why"),
        ("  # why  # bn-lint: ignore[BN404]  # or not", "  # why  # or not"),
        ("  # noqa: BN404", None),
    ],
)
def test_how_a_comment_is_removed(comment: str, rest: str | None, run: Run) -> None:
    line = MOMENTUM.rstrip()
    write("a.py", MODEL.rstrip() + comment + "\n")
    _, out, _ = run("-q", "--output-format=json")
    (fix,) = [one["fix"] for one in json.loads(out)["findings"] if one["code"] == "BN900"]
    if rest is None:
        assert fix is None
    else:
        (edit,) = fix["edits"]
        assert (edit["line"], edit["end_line"]) == (2, 2)
        whole = line + comment
        assert whole[: edit["column"] - 1] + edit["content"] + whole[edit["end_column"] - 1 :] == line + rest


def test_a_comment_on_a_line_of_its_own_goes_with_its_line(run: Run) -> None:
    write("a.py", MODEL.replace("0.99", "0.1").replace("layer", "# bn-lint: ignore[BN401]\nlayer"))
    _, out, _ = run("-q", "--output-format=json")
    (edit,) = json.loads(out)["findings"][0]["fix"]["edits"]
    assert (edit["line"], edit["column"], edit["end_line"], edit["end_column"], edit["content"]) == (2, 1, 3, 1, "")


# -- the baseline -----------------------------------------------------------------------------------------------------


def test_a_baseline_hides_what_it_knows(run: Run) -> None:
    write("src/a.py", MODEL)
    assert run("--baseline=known.json", "--update-baseline") == (0, "Wrote 1 finding to known.json.\n", "")
    assert json.loads(read("known.json")) == {
        "version": 1,
        "files": {"src/a.py": [{"code": "BN401", "name": "keras-momentum", "text": MOMENTUM.strip()}]},
    }
    assert run("--baseline=known.json") == (0, "All checks passed!\n", "")
    write(
        "src/a.py",
        "# moved\n\n"
        + MODEL.replace("layer = ", "if True:\n    layer = ")
        + "other = nn.BatchNorm2d(3, momentum=0.9)\n",
    )
    code, out, err = run("--baseline=known.json", "-q", "--output-format=concise")
    assert (code, err) == (1, "")
    assert out.startswith("src/a.py:6:9: warning BN401 ")
    assert out.count("\n") == 1


def test_of_equal_findings_as_many_are_known_as_were(run: Run) -> None:
    write("a.py", MODEL + MOMENTUM)
    run("--baseline=known.json", "--update-baseline")
    write("a.py", MODEL + MOMENTUM + MOMENTUM)
    assert run("--baseline=known.json", "-q", "--output-format=concise")[1].startswith("a.py:4:9: ")


def test_entries_that_are_gone_are_reported(run: Run) -> None:
    write("a.py", MODEL)
    write("b.py", MODEL)
    write("bn-lint.toml", 'baseline = "known.json"\n')
    run("--update-baseline")
    write("a.py", MODEL.replace("0.99", "0.1"))
    Path("b.py").unlink()
    code, out, err = run()
    assert (code, out) == (0, "All checks passed!\n")
    assert err == (
        f"warning: known.json: BN401 is gone from a.py: {MOMENTUM}"
        f"warning: known.json: BN401 is gone from b.py: {MOMENTUM}"
        "warning: known.json has 2 entries too many; --update-baseline renews it.\n"
    )
    assert run("a.py") == (0, "All checks passed!\n", "")  # only a run over directories can tell
    assert run("--update-baseline") == (0, "Wrote 0 findings to known.json.\n", "")
    assert run() == (0, "All checks passed!\n", "")


def test_rules_that_are_off_leave_no_entry_behind_as_gone(run: Run) -> None:
    write("a.py", MODEL)
    run("--baseline=known.json", "--update-baseline")
    assert run("--baseline=known.json", "--ignore=BN4") == (0, "All checks passed!\n", "")


def test_renewing_keeps_what_was_not_checked(run: Run) -> None:
    write("a.py", MODEL)
    write("sub/b.py", MODEL)
    run("--baseline=known.json", "--update-baseline")
    write("a.py", MODEL.replace("0.99", "0.1"))
    assert run("--baseline=known.json", "--update-baseline", "a.py")[1] == "Wrote 1 finding to known.json.\n"
    assert list(json.loads(read("known.json"))["files"]) == ["sub/b.py"]
    assert run("--baseline=known.json") == (0, "All checks passed!\n", "")


def test_a_baseline_is_found_from_elsewhere(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("sub/a.py", MODEL)
    write("bn-lint.toml", 'baseline = "known.json"\n')
    run("--update-baseline")
    monkeypatch.chdir("sub")
    assert run() == (0, "All checks passed!\n", "")


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": 2, "files": {}}', '{"version": 1, "files": {"a.py": [3]}}', "{"]
)
def test_a_file_that_is_no_baseline(text: str, run: Run) -> None:
    write("a.py", MODEL)
    write("known.json", text)
    code, out, err = run("--baseline=known.json")
    assert (code, out) == (2, "")
    assert "known.json" in err
    code, _, _ = run("--baseline=known.json", "--update-baseline")
    assert code == 2
    assert read("known.json") == text


def test_syntax_errors_are_never_known(run: Run) -> None:
    write("a.py", "import torch.nn.BatchNorm2d as\n")
    assert run("--baseline=known.json", "--update-baseline")[0] == 1
    assert run("--baseline=known.json")[0] == 1


def test_a_baseline_that_has_no_end(run: Run) -> None:
    code, _, err = run("-q", "--baseline=/dev/zero")
    assert (code, err) == (2, "error: The baseline /dev/zero cannot be read: it is no regular file.\n")
