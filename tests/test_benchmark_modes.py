"""The benchmark of mode mutants judges linters; here it judges some of which it is known what they are worth."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from benchmarks.modes import scripts
from benchmarks.modes.operators import MUTATIONS, controls, mutations
from benchmarks.modes.score import Score, score, unjudged
from benchmarks.modes.scripts import Script, Verdict, load_scripts, load_verdicts, stanza
from benchmarks.modes.table import by_script, document
from benchmarks.mutation.score import Command

pytestmark = pytest.mark.slow

TRAIN = """\
from torch.utils.data import DataLoader

net = Net()
größe, train_set = 8, Data(drop_last=True)
train_loader = DataLoader(train_set, batch_size=größe, drop_last=True)
val_loader = DataLoader(val_set, batch_size=4)
for epoch in range(3):
    net.train()
    for x, y in train_loader:
        step(net(x), y)
    net.eval()
    for x, y in val_loader:
        look(net(x))
best = net.eval().to("cpu")
"""
SCRIPT = Script("some-release", "1.0", "examples/train.py", "A network with BatchNorm.")
REAL = Verdict(SCRIPT.name, 0, (), "real", "It matters.", (5, 10, 13))
NONE = Verdict(SCRIPT.name, 0, (), "none", "It does not matter.")
KNOWN = {
    **{(SCRIPT.name, 11, operator): REAL for operator in ("no-eval", "no-parentheses")},
    **{(SCRIPT.name, line, operator): REAL for line, operator in ((8, "no-train"), (5, "batch-of-one"))},
    **{(SCRIPT.name, line, operator): NONE for line, operator in ((6, "batch-of-one"), (4, "no-drop-last"))},
}

#: Linters, as programs. Each prints the JSON report of bn-lint on what it is given.
FRAME = """
import json, pathlib, sys
findings = []
for path in sys.argv[1:]:
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        for code, message in judge(number, line, lines):
            findings.append({"path": path, "line": number, "code": code, "message": message})
print(json.dumps({"version": 1, "findings": findings, "errors": []}))
"""
SILENT = "judge = lambda number, line, lines: []"
EVERYTHING = "judge = lambda number, line, lines: [('BN101', 'wrong')]"
SUSPICIOUS = "judge = lambda number, line, lines: [('BN101', f'wrong: {line}')]"
OTHER_GROUP = "judge = lambda number, line, lines: [('BN501', f'wrong: {line}')]"
#: Says that something is wrong, in the last line.
ASTRAY = "judge = lambda number, line, lines: [('BN101', str(hash(tuple(lines))))] if number == len(lines) else []"
#: Knows this one script by heart.
ORACLE = """
def judge(number, line, lines):
    text = "\\n".join(lines)
    if number == 13 and not ("net.eval()\\n" in text or "    net.train(False)\\n" in text):
        yield "BN101", "wrong"
    if number == 10 and "net.train()\\n" not in text and "net.train(True)\\n" not in text:
        yield "BN103", "wrong"
    if number == 5 and "batch_size=1," in text:
        yield "BN203", "wrong"
"""


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "release"
    (folder / "examples").mkdir(parents=True)
    (folder / "examples" / "train.py").write_text(TRAIN, encoding="utf-8")
    (folder / "setup.py").touch()
    monkeypatch.setattr(scripts, "source", lambda *release, sdist: folder)
    return folder


def judged(linter: str, tmp_path: Path) -> Score:
    program = tmp_path / "linter.py"
    program.write_text(linter + FRAME, encoding="utf-8")
    return score(SCRIPT, KNOWN, Command(f"{{python}} -S {program} {{path}}", {"PYTHONHASHSEED": "0"}), jobs=2)


def test_every_operator_has_mutants_and_they_are_programs() -> None:
    found = mutations("train.py", TRAIN.encode())
    assert [(mutant.line, mutant.operator, mutant.after) for mutant in found] == [
        (4, "no-drop-last", "False"),
        (5, "batch-of-one", "1"),
        (5, "no-drop-last", "False"),
        (6, "batch-of-one", "1"),
        (8, "no-train", "pass"),
        (11, "no-eval", "pass"),
        (11, "no-parentheses", "net.eval"),
        (14, "no-eval", "net"),
    ]
    assert {mutant.operator for mutant in found} == set(MUTATIONS) - {"no-freeze"}
    for mutant in [*found, *controls("train.py", TRAIN.encode())]:
        text = mutant.apply(TRAIN.encode())
        assert ast.dump(ast.parse(text)) != ast.dump(ast.parse(TRAIN))
        assert len(text.splitlines()) == len(TRAIN.splitlines())


def test_controls_say_the_same() -> None:
    assert [(one.line, one.after) for one in controls("train.py", TRAIN.encode())] == [
        (4, "bool(1)"),
        (5, "1 * (größe)"),
        (5, "bool(1)"),
        (6, "1 * (4)"),
        (8, "net.train(True)"),
        (11, "net.train(False)"),
        (14, "net.train(False)"),
    ]


@pytest.mark.parametrize(
    ("linter", "found", "located", "alarms", "margin"),
    [
        pytest.param(SILENT, 0, 0, 0, "0 %", id="nothing"),
        pytest.param(EVERYTHING, 0, 0, 0, "0 %", id="everything everywhere"),
        pytest.param(SUSPICIOUS, 4, 1, 6, "0 %", id="everything that changes"),
        pytest.param(OTHER_GROUP, 0, 0, 0, "0 %", id="something else"),
        pytest.param(ASTRAY, 4, 0, 6, "0 %", id="something, somewhere"),
        pytest.param(ORACLE, 4, 4, 0, "100 %", id="what is wrong"),
    ],
)
def test_score(linter: str, found: int, located: int, alarms: int, margin: str, release: Path, tmp_path: Path) -> None:
    result = judged(linter, tmp_path)
    assert len(result.real) == 4
    assert len(result.harmless) == 6  # two mutants, and each of the real ones' places written differently
    assert sum(one.found for one in result.real) == found
    assert sum(one.located for one in result.real) == located
    assert sum(one.found for one in result.harmless) == alarms
    assert by_script([result]).splitlines()[-1].split("|")[-3].strip() == margin
    assert (release / "examples" / "train.py").read_text(encoding="utf-8") == TRAIN


def test_a_linter_that_breaks_finds_nothing(release: Path, tmp_path: Path) -> None:
    result = judged("sys.exit(3)", tmp_path)
    assert not any(one.found for one in result.results)
    assert "NameError" in result.results[0].failure
    assert "## Not judged by the linter" in document("", [result])


def test_findings_about_the_script_as_it_is_are_shown(release: Path, tmp_path: Path) -> None:
    text = document("", [judged("judge = lambda number, line, lines: [('BN104', 'wrong')] * (number == 13)", tmp_path)])
    assert "* some-release/examples/train.py: BN104 at line 13" in text
    assert text.count("It matters.") == 4


def test_mutants_without_a_verdict_are_asked_for(release: Path) -> None:
    left = unjudged(SCRIPT, KNOWN)
    assert [(mutant.line, mutant.operator) for mutant in left] == [(5, "no-drop-last"), (14, "no-eval")]
    assert "line = 14  # 'net.eval()' becomes 'net'" in stanza(SCRIPT, left[1])


ENTRY = '[[mutant]]\nscript = "a/b.py"\nline = 3\noperators = ["no-eval"]\neffect = "real"\nat = [5]\nwhy = "So."\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(ENTRY + ENTRY.replace("So", "Too"), "two verdicts about no-eval of a/b.py:3", id="twice"),
        pytest.param(ENTRY.replace("So.", ""), "does not say what a mutant of a/b.py:3 does, or why", id="no reason"),
        pytest.param(ENTRY.replace("real", "bad"), "does not say what a mutant of a/b.py:3 does, or why", id="effect"),
        pytest.param(ENTRY.replace("[5]", "[]"), "must give places for real mutants", id="no place"),
        pytest.param(ENTRY.replace("no-eval", "no-idea"), "unknown operators of a/b.py:3: no-idea", id="operator"),
    ],
)
def test_verdicts_that_say_nothing_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "verdicts.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_verdicts(tmp_path / "verdicts.toml")


def test_the_data() -> None:
    entries = load_scripts()
    assert len(entries) >= 15
    assert len({entry.package for entry in entries}) >= 8
    assert {verdict.script for verdict in load_verdicts().values()} == {entry.name for entry in entries}
