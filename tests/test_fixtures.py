"""The programs under fixtures/: bn-lint reports what their comments say, and PyTorch agrees.

The first line of a script says how it takes to running: `# runs` or `# raises: part of the message`. A second line
`# oracle: expression` is evaluated in a script that only defines things. Files without such a line are modules.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bn_lint import cli

from .project import execute, lint
from .specification import ORACLE, disagreements, expectations, spoken_of

FIXTURES = Path(__file__).parent.parent / "fixtures"
FOLDERS = sorted(path for path in FIXTURES.iterdir() if path.is_dir() and path.name != "__pycache__")
_RUNS = re.compile(r"# (?:runs|raises: (.+))\n(?:# oracle: (.+)\n)?")


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))


def scripts() -> list[Path]:
    return [
        folder / name
        for folder in FOLDERS
        for name in files_of(folder)
        if _RUNS.match((folder / name).read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_findings(folder: Path) -> None:
    names = files_of(folder)
    reported = spoken_of(lint(folder, names)[0], ())
    assert {one.path for one in reported} <= set(names)
    wrong = [
        f"fixtures/{folder.name}/{name}:{line}: {sentence}"
        for name in names
        for line, sentence in disagreements(
            expectations((folder / name).read_text(encoding="utf-8").splitlines()),
            [one for one in reported if one.path == name],
        )
    ]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.relative_to(FIXTURES).as_posix())
def test_torch_agrees(script: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    folder = FIXTURES / script.relative_to(FIXTURES).parts[0]
    text = script.read_text(encoding="utf-8")
    marker = _RUNS.match(text)
    assert marker
    raises, oracle = marker.groups()
    root, entry = folder, script.relative_to(folder).as_posix()
    if oracle:
        root, entry = tmp_path, script.name
        (root / entry).write_text(f"{text}\n\n{oracle}\n", encoding="utf-8")
    if raises:
        with pytest.raises(Exception, match=re.escape(raises)):
            execute(root, entry)
    else:
        execute(root, entry)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_mistake_is_seen_to_raise_and_has_a_clean_twin(folder: Path) -> None:
    """Keeps the oracle honest: where a comment promises an error of shape, a script must raise, and the other way."""
    assert (folder / "README.md").read_text(encoding="utf-8").strip()
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in files_of(folder)}
    markers = {name: marker for name, text in texts.items() if (marker := _RUNS.match(text))}
    expected = {name: expectations(text.splitlines()) for name, text in texts.items()}
    of_modules = [one for name in texts if name not in markers for one in expected[name]]
    for name, marker in markers.items():
        errors = [one for one in expected[name] + of_modules if one.severity == "error"]
        if marker[1]:
            assert errors, f"{name} raises, but no error is expected"
        else:
            assert not [one for one in errors if one.code in ORACLE], f"{name} runs, but an error of shape is expected"
    assert markers, "no file of this folder runs"
    if not folder.name.startswith("project_bad"):  # their clean twin is project_good
        assert [name for name in markers if not expected[name] and not of_modules]


def test_readme_lists_every_folder() -> None:
    rows = re.findall(r"^\| (`[^|]*`) \|", (FIXTURES / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == [folder.name for folder in FOLDERS]


def test_the_example_of_the_readme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (FIXTURES.parent / "README.md").read_text(encoding="utf-8")
    code = re.findall(r"^```python title=\"model.py\"\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)[0]
    (tmp_path / "model.py").write_text(code, encoding="utf-8")
    shown = re.findall(r"^```text\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)[0]
    monkeypatch.chdir(tmp_path)
    assert cli.main(["check", "--isolated", "--color", "never", "model.py"]) == 1
    assert capsys.readouterr().out == shown
