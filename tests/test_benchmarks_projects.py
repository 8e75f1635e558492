"""The choice of what is changed in research repositories, and where a finding about it is expected."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks.modes.operators import MUTATIONS
from benchmarks.mutation.mutants import CONTROL, Mutant
from benchmarks.mutation.score import Found, Report
from benchmarks.projects import mutants
from benchmarks.projects.places import chosen, linted, rewritten, scripts
from benchmarks.projects.projects import FIRST, Project, load_projects

_TRAIN = """\
import torch
from net import Net

def train(model, loader):
    model.train()
    for x, y in loader:
        model(x).mean().backward()
        x.cuda(async=True)

def test(model, loader):
    model.eval()
    for x, y in loader:
        print(model(x))

loader = torch.utils.data.DataLoader(None, batch_size=8, drop_last=True)
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(_TRAIN, encoding="utf-8")
    (tmp_path / "demo.py").write_text("import net\nmodel = net.Net()\nmodel.eval()\n", encoding="utf-8")
    (tmp_path / "net.py").write_text("class Net: ...\n", encoding="utf-8")
    return tmp_path


def test_a_script_that_trains_and_one_that_evaluates_are_drawn(tree: Path) -> None:
    assert scripts(tree) == ["train.py", "demo.py"]


def test_one_place_of_each_kind_is_drawn_though_the_script_is_of_python_2(tree: Path) -> None:
    drawn = list(chosen(tree, "train.py"))
    assert [m.line for m in drawn] == [11, 5, 15, 15]
    assert {m.operator for m in drawn} <= set(MUTATIONS)
    assert "async=True" in drawn[0].apply((tree / "train.py").read_bytes())


def test_the_control_rewrites_all_places(tree: Path) -> None:
    text = rewritten(tree, "train.py").apply((tree / "train.py").read_bytes())
    for place in ("model.train(True)", "model.train(False)", "batch_size=1 * (8)", "drop_last=bool(1)", "async=True"):
        assert place in text


def test_a_large_repository_is_linted_where_the_script_is_used(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert linted(tree, "net.py") == (".",)
    monkeypatch.setattr("benchmarks.projects.places.SMALL", 10)
    assert linted(tree, "net.py") == ("net.py", "demo.py", "train.py")


@pytest.mark.parametrize(
    ("line", "code", "found", "located"),
    [(7, "BN103", True, True), (11, "BN103", True, True), (13, "BN101", True, False), (7, "BN401", False, False)],
)
def test_located(line: int, code: str, found: bool, located: bool) -> None:
    mutant = Mutant("no-train", "train.py", 5, "model.train()", "pass", (5, 4, 5, 17), ())
    verdict = mutants.Verdict("owner/name/train.py", 5, "no-train", "real", "test() calls eval().")
    after = Report({Found("train.py", line, code, "")})
    result = mutants.judge(mutant, verdict, _TRAIN.splitlines(), Report(), after)
    assert (result.found, result.located) == (found, located)


def test_half_and_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, clones = tmp_path / "source", tmp_path / "clones"
    (source / "data").mkdir(parents=True)
    (source / "train.py").write_text(_TRAIN, encoding="utf-8")
    (source / "data" / "weights.bin").write_bytes(b"\0")
    (source / "link.py").symlink_to("/etc/hostname")
    git = ["git", "-c", "user.name=n", "-c", "user.email=e", "-C", str(source)]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *arguments], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(source), str(clones / "owner+name")], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    monkeypatch.setenv("BN_LINT_BENCHMARK_CACHE", str(tmp_path / "cache"))
    project = Project("owner/name", head)
    assert project.half == Project("Owner/Name", "another").half
    with pytest.raises(FileNotFoundError, match="owner/name"):
        project.tree(None)
    tree = project.tree(clones)
    assert [path.name for path in tree.rglob("*") if path.is_file()] == ["train.py"]
    assert project.tree(None) == tree


def test_a_later_draw_is_unseen_and_counted_apart() -> None:
    names = [f"owner/{number}" for number in range(20)]
    assert {Project(name, "commit", "second").half for name in names} == {"unseen"}
    assert {Project(name, "commit", "second").group for name in names} == {"second draw"}
    assert {Project(name, "commit").group for name in names} == {"seen half", "unseen half"}


def test_no_repository_is_drawn_twice() -> None:
    projects = load_projects()
    draws = {
        FIRST,
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
        "twelfth-mutants",
        "thirteenth",
        "fourteenth-mutants",
        "fifteenth",
        "sixteenth",
        "sixteenth-mutants",
        "seventeenth",
        "seventeenth-mutants",
        "eighteenth-mutants",
        "eighteenth",
        "nineteenth-mutants",
        "twentieth-mutants",
        "twentyfirst-mutants",
        "twentysecond-mutants",
        "twentythird-mutants",
        "twentyfourth-mutants",
        "twentyfifth-mutants",
        "twentieth",
        "nineteenth",
        "twentyfirst",
        "twentysecond",
        "twentythird",
        "twentyfourth",
        "twentyfifth",
        "twentysixth",
        "twentyseventh",
        "twentyeighth",
        "twentyninth",
        "thirtieth",
        "thirtyfirst",
        "thirtysecond",
        "thirtythird",
        "thirtyfourth",
        "thirtyfifth",
        "thirtysixth",
        "thirtyseventh",
        "thirtyeighth",
    }
    assert {project.draw for project in projects} == draws
    assert len({project.name.lower() for project in projects}) == len(projects)


def test_halves_are_of_about_the_same_size_and_verdicts_are_about_projects() -> None:
    projects = [project for project in load_projects() if project.draw == FIRST]
    seen = sum(project.half == "seen" for project in projects)
    assert 0.4 < seen / len(projects) < 0.6
    names = {project.name for project in load_projects()}
    assert {"/".join(script.split("/")[:2]) for script, _, _ in mutants.load_verdicts()} <= names
    assert CONTROL not in {operator for _, _, operator in mutants.load_verdicts()}
