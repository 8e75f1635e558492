"""Which rules and files the options and the settings choose, and how they are shown."""

from __future__ import annotations

from .commands import Run, concise, write


def test_selection(run: Run) -> None:
    write("model.py")
    assert concise(run, "--ignore=keras-momentum", ".") == []
    assert concise(run, "--select=BN4,BN401", ".") == ["model.py BN401"]
    assert concise(run, "--select=BN401", "--ignore=BN401", ".") == []
    write("bn-lint.toml", 'ignore = ["BN401"]')
    assert concise(run, ".") == []
    assert concise(run, "--extend-select=BN401", ".") == ["model.py BN401"]
    assert concise(run, "--isolated", ".") == ["model.py BN401"]
    assert concise(run, "--config=ignore=[]", ".") == ["model.py BN401"]


def test_severity_can_be_changed(run: Run) -> None:
    write("model.py")
    write("bn-lint.toml", '[severity]\nBN401 = "error"')
    assert "error[BN401]" in run("check")[1]
    write("bn-lint.toml", '[severity]\nBN401 = "info"')
    assert run("check")[0] == 0
    assert "info[BN401]" in run("check", "--extend-select=BN401")[1]


def test_per_file_ignores_and_exclude(run: Run) -> None:
    for name in ("a.py", "tests/b.py", "old/c.py", "new/d.py"):
        write(name)
    write("pyproject.toml", '[tool.bn-lint]\nexclude = ["old"]\nper-file-ignores = {"tests/*" = ["BN4"]}\n')
    assert concise(run, ".", "--exclude=new, x") == ["a.py BN401"]
    assert concise(run, "old/c.py") == ["old/c.py BN401"]
    assert concise(run, "--force-exclude", "old/c.py", "a.py") == ["a.py BN401"]


def test_no_cache_is_accepted(run: Run) -> None:
    write("model.py")
    assert run("check", "--no-cache", "model.py")[0] == 1


def test_show_files(run: Run) -> None:
    write("b.py")
    write("a/model.py")
    write("old/model.py")
    write("bn-lint.toml", 'exclude = ["old"]\n')
    assert run("check", "--show-files") == (0, "a/model.py\nb.py\n", "")
    assert run("check", "--show-files", "old/model.py") == (0, "old/model.py\n", "")
    assert run("check", "--show-files", "--config=force-exclude=true", "-q", "old/model.py") == (0, "", "")


def test_show_settings(run: Run) -> None:
    write("a.py")
    write("sub/b.py")
    write("sub/c.py")
    write(
        "sub/bn-lint.toml",
        'select = ["keras-momentum"]\nmin-batch-size = 4\nexclude = [\'a"b\']\n[per-file-ignores]\n"c.py" = ["BN4"]\n',
    )
    code, out, err = run("check", "--show-settings")
    assert (code, err) == (0, "")
    first, second = out.split("\n\n# ")
    assert first.startswith("# a.py: the command line\nexclude = []\n")
    assert 'BN002 = "error"  # num-features-mismatch\n' in first
    assert second == (
        "sub/b.py and 1 other file: sub/bn-lint.toml\n"
        'exclude = ["a\\"b"]\nforce-exclude = false\nmin-batch-size = 4\nplugins = []\n\n'
        '[per-file-ignores]\n"c.py" = ["BN4"]\n\n'
        "[severity]  # of the rules that are on, before per-file-ignores\n"
        'BN401 = "warning"  # keras-momentum\n'
    )


def test_the_settings_that_are_shown_can_be_read_again(run: Run) -> None:
    write("a.py")
    write("bn-lint.toml", 'extend-select = ["ALL"]\n[severity]\nBN401 = "error"\n')
    shown = run("check", "--show-settings")[1]
    write("bn-lint.toml", shown)
    assert run("check", "--show-settings")[1].count("\n") > 10
