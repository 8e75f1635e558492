"""The programs under fixtures/: bn-lint reports what their comments say, and PyTorch agrees.

The first line of a script says how it takes to running: `# runs` or `# raises: part of the message`, or why nobody can
tell: `# unrun: needs lightning`. A second line `# oracle: expression` is evaluated in a script that only defines
things. Files without such a line are modules.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from bn_lint.cli import main as cli

from .project import execute, lint
from .recording import recorded
from .signals import RAISING, contradictions
from .specification import ORACLE, Reported, disagreements, expectations, spoken_of

FIXTURES = Path(__file__).parent.parent / "fixtures"
#: One project each: what has a README of its own.
FOLDERS = sorted(path.parent for path in FIXTURES.rglob("README.md") if path.parent != FIXTURES)
#: Programs that the engine does not judge as their comments say, yet.
NOT_YET: frozenset[str] = frozenset()
_MARKER = re.compile(r"# (?:runs|raises: (.+)|unrun: .+)\n(?:# oracle: (.+)\n)?")


def name_of(path: Path) -> str:
    return path.relative_to(FIXTURES).as_posix()


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))


def programs() -> list[tuple[Path, str]]:
    return [(folder, name) for folder in FOLDERS for name in files_of(folder)]


def scripts() -> list[tuple[Path, str]]:
    return [
        (folder, name)
        for folder, name in programs()
        if _MARKER.match(text := (folder / name).read_text(encoding="utf-8")) and not text.startswith("# unrun")
    ]


@functools.cache
def findings(folder: Path) -> list[Reported]:
    """What bn-lint says about a folder, as one project."""
    codes = {one.code for text in texts_of(folder).values() for one in expectations(text.splitlines())}
    return spoken_of(lint(folder, files_of(folder))[0], codes)


def texts_of(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text(encoding="utf-8") for name in files_of(folder)}


def judged() -> list[object]:
    """All programs; those that are not judged well yet must fail, so that the list shrinks as the engine grows."""
    known = {name_of(folder / name) for folder, name in programs()}
    assert known >= NOT_YET, f"NOT_YET names files that are gone: {sorted(NOT_YET - known)}"
    return [
        pytest.param(
            folder,
            name,
            id=name_of(folder / name),
            marks=[pytest.mark.xfail(strict=True, reason="not yet")] if name_of(folder / name) in NOT_YET else [],
        )
        for folder, name in programs()
    ]


@pytest.mark.parametrize(("folder", "name"), judged())
def test_findings(folder: Path, name: str) -> None:
    expected = expectations((folder / name).read_text(encoding="utf-8").splitlines())
    reported = spoken_of(findings(folder), {one.code for one in expected})
    assert {one.path for one in reported} <= set(files_of(folder))
    wrong = [
        f"fixtures/{name_of(folder / name)}:{line}: {sentence}"
        for line, sentence in disagreements(expected, [one for one in reported if one.path == name])
    ]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "entry"), [pytest.param(*one, id=name_of(one[0] / one[1])) for one in scripts()])
def test_torch_agrees(folder: Path, entry: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    text = (folder / entry).read_text(encoding="utf-8")
    marker = _MARKER.match(text)
    assert marker
    raises, oracle = marker.groups()
    root = folder
    if oracle:
        root, entry = tmp_path, Path(entry).name
        (root / entry).write_text(f"{text}\n\n{oracle}\n", encoding="utf-8")
    with recorded(root) as recording:
        if raises:
            with pytest.raises(Exception, match=re.escape(raises)):
                execute(root, entry)
        else:
            execute(root, entry)
    if folder.parent.name in ("modes", "batches"):
        wrong = contradictions(texts_of(folder), entry, recording, raised=bool(raises))
        assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_each_mistake_is_seen_to_raise_and_has_a_clean_twin(folder: Path) -> None:
    """Keeps the oracle honest: where a comment promises an error of shape, a script must raise, and the other way."""
    assert (folder / "README.md").read_text(encoding="utf-8").strip()
    texts = texts_of(folder)
    markers = {name: marker for name, text in texts.items() if (marker := _MARKER.match(text))}
    expected = {name: expectations(text.splitlines()) for name, text in texts.items()}
    of_modules = [one for name in texts if name not in markers for one in expected[name]]
    for name, marker in markers.items():
        everything = expected[name] + of_modules
        errors = [one for one in everything if one.severity == "error"]
        if marker[1]:
            codes = {one.code for one in everything}
            assert errors or (RAISING | ORACLE) & codes, f"{name} raises, but no error is expected"
        else:
            assert not [one for one in errors if one.code in ORACLE], f"{name} runs, but an error of shape is expected"
    assert markers, "no file of this folder runs"
    # The clean twin of `project_bad_model` is `project_good`, that of `package_bad` is `package_good`.
    if "_bad" not in folder.name:
        assert [name for name in markers if not expected[name] and not of_modules]


def test_readme_lists_every_folder() -> None:
    rows = re.findall(r"^\| (`[^|]*`) \|", (FIXTURES / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(re.findall(r"`([\w/]+)`", " ".join(rows))) == [name_of(folder) for folder in FOLDERS]


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
