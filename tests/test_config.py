from __future__ import annotations

import os
from pathlib import Path

import pytest

from bn_lint.check.registry import load_rules
from bn_lint.errors import BnLintError, ConfigError, UsageError
from bn_lint.project.config import Configuration, Settings, split_selectors
from bn_lint.project.selectors import SelectorSet, covers, is_on, require_known

from .builders import finding


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str) -> Path:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def settings(path: str = "a.py", **options: object) -> Settings:
    return Configuration(**options).settings_for(Path.cwd() / path)  # type: ignore[arg-type]


def severity(of: Settings, code: str, name: str, own: str = "warning", path: str = "a.py") -> str | None:
    return of.severity_in(Path.cwd() / path, finding(code, name), own)


def test_defaults() -> None:
    assert settings().min_batch_size == 2
    assert not settings().has_selectors
    assert severity(settings(), "BN401", "keras-momentum") == "warning"
    assert severity(settings(), "BN406", "redundant-bias", "info") is None


def test_all_keys_of_a_pyproject() -> None:
    write(
        "pyproject.toml",
        """
        [project]
        name = "x"
        [tool.bn-lint]
        select = ["BN4"]
        extend-select = ["redundant-bias"]
        ignore = ["BN402"]
        exclude = ["legacy"]
        min-batch-size = 4
        [tool.bn-lint.per-file-ignores]
        "tests/*.py" = ["BN401"]
        [tool.bn-lint.severity]
        BN4 = "warning"
        keras-momentum = "error"
        """,
    )
    result = settings()
    assert result.selections[0] == SelectorSet(("BN4",), ("redundant-bias",), ("BN402",))
    assert result.origin == "pyproject.toml"
    assert result.excludes(Path.cwd() / "legacy/a.py")
    assert result.min_batch_size == 4
    assert severity(result, "BN401", "keras-momentum", path="tests/a.py") is None
    assert severity(result, "BN401", "keras-momentum") == "error"
    assert severity(result, "BN406", "redundant-bias", "info") == "warning"
    assert severity(result, "BN402", "zero-momentum") is None
    assert severity(result, "BN002", "num-features-mismatch") is None


def test_the_nearest_file_wins_and_nothing_is_merged() -> None:
    write("pyproject.toml", '[tool.bn-lint]\nignore = ["BN4"]\nmin-batch-size = 3\n')
    write("sub/pyproject.toml", "[tool.other]\n")
    write("sub/own/bn-lint.toml", "min-batch-size = 5\n")
    write("sub/own/pyproject.toml", "[tool.bn-lint]\nmin-batch-size = 9\n")
    configuration = Configuration()
    found = [configuration.settings_for(Path.cwd() / name) for name in ("a.py", "sub/a.py", "sub/own/deep/a.py")]
    assert [each.min_batch_size for each in found] == [3, 3, 5]
    assert found[2].selections[0].ignore == ()
    assert found[2].origin == "sub/own/bn-lint.toml"


def test_the_smallest_batch_may_be_one() -> None:
    write("bn-lint.toml", "min-batch-size = 1\n")
    assert settings().min_batch_size == 1


def test_isolated_reads_nothing() -> None:
    write("bn-lint.toml", "min-batch-size = 5\n")
    assert settings(isolated=True).min_batch_size == 2


def test_a_named_file_replaces_all_others() -> None:
    write("bn-lint.toml", "min-batch-size = 5\n")
    write("ci/strict.toml", 'exclude = ["old"]\n')
    result = settings("sub/a.py", config=["ci/strict.toml"])
    assert result.min_batch_size == 2
    assert result.excludes(Path.cwd() / "ci/old/a.py")
    assert result.origin == "ci/strict.toml"


def test_single_settings_go_on_top() -> None:
    write("bn-lint.toml", 'min-batch-size = 5\nignore = ["BN4"]\n')
    result = settings(config=["min-batch-size=8", 'select = ["BN1"]'])
    assert result.min_batch_size == 8
    assert result.selections[0] == SelectorSet(("BN1",), (), ("BN4",))


def test_a_table_of_the_wrong_name_is_not_passed_over() -> None:
    write("pyproject.toml", '[tool.bn_lint]\nignore = ["BN401"]\n')
    with pytest.raises(ConfigError, match=r"the table \[tool.bn_lint\] has no effect; its name is \[tool.bn-lint\]"):
        settings()


def test_options_of_the_command_line_go_on_top() -> None:
    write("bn-lint.toml", 'ignore = ["BN401"]\nexclude = ["a"]\n')
    result = settings(command_line=SelectorSet(select=("BN401",)), exclude=["b"])
    assert severity(result, "BN401", "keras-momentum") == "warning"
    assert severity(result, "BN402", "zero-momentum") is None
    assert result.excludes(Path.cwd() / "a")
    assert result.excludes(Path.cwd() / "b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('slect = ["BN4"]', 'bn-lint.toml: unknown key "slect"; did you mean "select"?'),
        ("extend_select = []", 'bn-lint.toml: unknown key "extend_select"; did you mean "extend-select"?'),
        ("[tool.bn-lint]\nignore = []", "bn-lint.toml: its keys stand alone, without the [tool.bn-lint] of"),
        ("zzz = 1", 'bn-lint.toml: unknown key "zzz"; known keys are extend, '),
        ('select = "BN4"', 'bn-lint.toml: "select" must be a list of strings, such as ["BN4"].'),
        ("ignore = [4]", 'bn-lint.toml: "ignore" must be a list of strings, such as ["BN4"].'),
        ("per-file-ignores = []", 'bn-lint.toml: "per-file-ignores" must be a table.'),
        ("[per-file-ignores]\na = 1", 'bn-lint.toml: per-file-ignores: "a" must be a list of strings'),
        ('severity = "error"', 'bn-lint.toml: "severity" must be a table.'),
        ("[severity]\nBN4 = 'fatal'", 'bn-lint.toml: severity of "BN4" must be "error", "warning" or "info".'),
        ("[severity]\nBN4 = ['error']", 'bn-lint.toml: severity of "BN4" must be "error", "warning" or "info".'),
        ("min-batch-size = 0", 'bn-lint.toml: "min-batch-size" must be a positive integer.'),
        ("min-batch-size = true", 'bn-lint.toml: "min-batch-size" must be a positive integer.'),
        ("min-batch-size = 2.5", 'bn-lint.toml: "min-batch-size" must be a positive integer.'),
        ("select = [", "bn-lint.toml is not valid TOML: "),
        ("extend = 3", 'bn-lint.toml: "extend" must be the path of a configuration file.'),
        ('extend = "gone.toml"', "gone.toml cannot be read: no such file or directory."),
        ('extend = "bn-lint.toml"', "bn-lint.toml extends bn-lint.toml, which leads back to it."),
        ('extend = "/dev/zero"', "/dev/zero cannot be read: it is no regular file."),
        ('extend = "pipe"', "pipe cannot be read: it is no regular file."),
        ('exclude = ["a", "[z-a]"]', 'bn-lint.toml: exclude: "[z-a]" is no pattern: z-a is no range of characters.'),
        (
            'per-file-ignores = { "[z-a]" = ["BN4"] }',
            'bn-lint.toml: per-file-ignores: "[z-a]" is no pattern: z-a is no range of characters.',
        ),
        ("a = " + "[" * 5000 + "]" * 5000, "bn-lint.toml cannot be read: its values are nested too deeply."),
        ("force-exclude = 1", 'bn-lint.toml: "force-exclude" must be true or false.'),
        ('plugins = "a"', 'bn-lint.toml: "plugins" must be a list of strings'),
        ('baseline = ""', 'bn-lint.toml: "baseline" must be a path.'),
        ("cache-dir = []", 'bn-lint.toml: "cache-dir" must be a path.'),
    ],
)
def test_mistakes_in_a_file(text: str, message: str) -> None:
    write("bn-lint.toml", text)
    if '"pipe"' in text:
        os.mkfifo("pipe")
    with pytest.raises(ConfigError) as caught:
        settings()
    assert caught.value.message.startswith(message)


def test_a_file_may_extend_another() -> None:
    write("base/base.toml", 'select = ["BN4"]\nexclude = ["old"]\nmin-batch-size = 4\n[severity]\nBN401 = "error"\n')
    write("bn-lint.toml", 'extend = "base/base.toml"\nignore = ["BN403"]\nextend-exclude = ["new"]\n')
    result = settings()
    assert severity(result, "BN401", "keras-momentum") == "error"
    assert severity(result, "BN403", "positional-eps") is None
    assert severity(result, "BN002", "num-features-mismatch") is None
    assert result.min_batch_size == 4
    assert result.origin == "bn-lint.toml"
    # Patterns are relative to the file they are in.
    assert result.excludes(Path.cwd() / "base/old/a.py")
    assert not result.excludes(Path.cwd() / "old/a.py")
    assert result.excludes(Path.cwd() / "new/a.py")


def test_what_a_file_says_itself_goes_before_what_it_extends() -> None:
    write("base.toml", 'exclude = ["old"]\nforce-exclude = true\n[severity]\nBN401 = "error"\n')
    write("bn-lint.toml", 'extend = "base.toml"\nexclude = []\nforce-exclude = false\nselect = ["BN1"]\n[severity]\n')
    result = settings()
    assert not result.excludes(Path.cwd() / "old/a.py")
    assert not result.force_exclude
    assert severity(result, "BN401", "keras-momentum") is None
    assert severity(settings(config=["severity={BN102='info'}"]), "BN102", "mode-call-mistake") == "info"


def test_a_pyproject_may_be_extended_and_a_chain_ends() -> None:
    write("a/pyproject.toml", '[tool.bn-lint]\nextend = "../b.toml"\n')
    write("b.toml", "min-batch-size = 7\n")
    write("bn-lint.toml", 'extend = "a/pyproject.toml"\n')
    assert settings().min_batch_size == 7
    write("b.toml", 'extend = "bn-lint.toml"\n')
    with pytest.raises(ConfigError, match=r"^b\.toml extends bn-lint\.toml, which leads back to it\.$"):
        settings()


def test_paths_in_a_file_are_relative_to_it() -> None:
    write("bn-lint.toml", 'baseline = "known.json"\ncache-dir = "sub/kept"\nplugins = ["a", "b", "a"]\n')
    result = settings("sub/a.py", allow_plugins=["a,b"])
    assert result.baseline == Path.cwd() / "known.json"
    assert result.cache_dir == Path.cwd() / "sub/kept"
    assert result.plugins == ("a", "b")


def test_mistakes_around_a_file() -> None:
    write("pyproject.toml", "[tool]\nbn-lint = 3\n")
    with pytest.raises(ConfigError, match=r"^pyproject\.toml: tool\.bn-lint must be a table\.$"):
        settings()
    write("other/pyproject.toml", "[tool.black]\n")
    with pytest.raises(ConfigError, match=r"^other/pyproject\.toml has no \[tool\.bn-lint\] table\.$"):
        settings(config=["other/pyproject.toml"])
    Path("latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(ConfigError, match=r"^latin\.toml is not valid TOML: "):
        settings(config=["latin.toml"])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (["gone.toml"], "--config gone.toml: there is no such file, and a setting is written KEY=VALUE."),
        (["min-batch-size=x"], "--config min-batch-size=x is not valid TOML: "),
        (["extend='a.toml'"], "--config extend=...: name the file itself, as in --config FILE."),
        (["min_batch_size=4"], '--config: unknown key "min_batch_size"; did you mean "min-batch-size"?'),
    ],
)
def test_mistakes_in_options(config: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(config=config)
    assert caught.value.message.startswith(message)


def test_files_exclude_each_other() -> None:
    write("a.toml", "")
    write("b.toml", "")
    with pytest.raises(UsageError, match="cannot be combined with another configuration file"):
        settings(config=["a.toml", "b.toml"])
    with pytest.raises(UsageError, match="cannot be combined with --isolated"):
        settings(config=["a.toml"], isolated=True)


@pytest.mark.parametrize(
    ("selections", "on"),
    [
        ([], None),
        ([SelectorSet(select=("BN4",))], True),
        ([SelectorSet(select=("bn401",))], True),
        ([SelectorSet(select=("keras-momentum",))], True),
        ([SelectorSet(select=("ALL",))], True),
        ([SelectorSet(select=("BN1",))], False),
        ([SelectorSet(select=())], False),
        ([SelectorSet(extend=("BN1",))], None),
        ([SelectorSet(extend=("BN4",))], True),
        ([SelectorSet(ignore=("BN4",))], False),
        ([SelectorSet(select=("BN4",), ignore=("BN401",))], False),
        ([SelectorSet(select=("BN401",), ignore=("BN4",))], True),
        ([SelectorSet(select=("BN401",), ignore=("BN401",))], False),
        ([SelectorSet(ignore=("BN401",)), SelectorSet(select=("BN4",))], True),
        ([SelectorSet(select=("BN4",)), SelectorSet(ignore=("keras-momentum",))], False),
        ([SelectorSet(select=("BN4",)), SelectorSet(extend=("BN1",))], True),
        ([SelectorSet(select=("BN4",)), SelectorSet(select=("BN1",))], False),
    ],
)
def test_selection(selections: list[SelectorSet], on: bool | None) -> None:
    assert is_on(selections, finding("BN401", "keras-momentum")) is on


def test_info_needs_to_be_asked_for() -> None:
    info = ("BN406", "redundant-bias", "info")
    assert severity(settings(), *info) is None
    assert severity(settings(command_line=SelectorSet(ignore=("BN1",))), *info) is None
    for selector in ("BN406", "redundant-bias", "BN4", "ALL"):
        assert severity(settings(command_line=SelectorSet(extend=(selector,))), *info) == "info"
    assert severity(settings(config=["severity={BN406='warning'}"]), *info) == "warning"
    assert severity(settings(config=["severity={BN401='info'}"]), "BN401", "keras-momentum") is None


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("BN999", '--select: unknown rule "BN999"'),
        ("BN40l", '--select: unknown rule "BN40l"; did you mean "BN40'),
        ("keras-momentun", '--select: unknown rule "keras-momentun"; did you mean "keras-momentum"?'),
        ("BN902", "--select: BN902 (syntax-error) is always on and cannot be selected or ignored."),
        ("unreadable-file", "--select: BN901 (unreadable-file) is always on and cannot be selected or ignored."),
        ("all", '--select: unknown rule "all"'),
    ],
)
def test_unknown_selectors(selector: str, message: str) -> None:
    with pytest.raises(BnLintError) as caught:
        require_known([selector], load_rules(), UsageError, "--select")
    assert caught.value.message.startswith(message)


def test_selectors_are_checked_wherever_they_stand() -> None:
    for text in (
        'ignore = ["nope"]',
        "[severity]\nnope = 'error'",
        "[per-file-ignores]\n'*.py' = ['nope']",
    ):
        write("bn-lint.toml", text)
        with pytest.raises(ConfigError, match=r'^bn-lint\.toml: unknown rule "nope"'):
            settings().check_selectors(load_rules())


def test_prefixes_are_prefixes_of_codes_only() -> None:
    rule = finding("BN401", "keras-momentum")
    assert covers("BN", rule)
    assert not covers("B", rule)
    assert not covers("keras", rule)
    assert not covers("BN4010", rule)


def test_options_may_be_repeated_and_hold_several() -> None:
    assert split_selectors(["BN1, BN2", "BN3,"]) == ("BN1", "BN2", "BN3")
