"""A saved trace may come from anywhere: it is what the format says, or it is refused; and it shows only itself."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bn_lint.cli.main import main
from bn_lint.errors import BnLintError
from bn_lint.output import FORMATS, render
from bn_lint.runtime.document.document import Document, TraceError, from_json, load
from bn_lint.runtime.judging.judge_trace import judge
from bn_lint.runtime.showing.html.page import page
from bn_lint.runtime.showing.table import table

SEED = Path(__file__).parent.parent.parent / "benchmarks" / "fuzz" / "seeds" / "trace.json"
TAG, ESCAPE = "<img src=x onerror=alert(1)>", "\x1b[31mred\x00\ud800"
HOSTILE: list[Any] = [TAG, ESCAPE, "", None, -1, 0, 10**30, 1e308, True, "9" * 5000, [], {}, [1], {"a": 1}, [[[]]]]
#: Numbers that JSON does not have, and Python reads all the same.
HOSTILE += [float("inf"), float("nan")]


@pytest.fixture(scope="module")
def trace() -> dict[str, Any]:
    """A trace of one layer, in which everything is that a trace can have."""
    found: dict[str, Any] = json.loads(SEED.read_text())
    found["layers"] = found["layers"][:1]
    (layer,) = found["layers"]
    layer["calls"] = layer["calls"][:1]
    layer["drift"] = {"shift": 0.5, "batches": 5, "spread": None, "history": [0.1, 2.0]}
    layer["evaluation_drift"] = {"shift": 3.0, "batches": 5, "spread": 9.0, "history": []}
    layer["running"] = {"finite": True, "smallest_variance": 0.1, "collapsed": 1, "not_finite_since": 2}
    layer["running"].update(variances=[0.1, 0.2, 0.3, 0.4, 0.5], means=[0.0] * 5)
    layer["calls"][0].update(first_step=1, last_step=3)
    found["epochs"] = [0, 2]
    for switch in found["modes"]:
        switch["steps"] = [0, 1]
    found["divergence"], found["world_size"] = {layer["name"]: 2.0}, 2
    found["notes"] = ["note"]
    found["failure"] = {"message": "E", "layer": "l", "class_name": "c", "num_features": 3, "shape": [1, 2]}
    found["failure"].update(training=True, built=None, call=None, model=None)
    return found


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where there are values."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, each in items:
        yield from places(each, (*path, key))


def put(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    data = copy.deepcopy(data)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return data


def shown(document: Document) -> tuple[str, str]:
    """All that a terminal gets, and the page."""
    report = judge(document, ["ALL"], isolated=True, saved=True)
    assert not [problem.message for problem in report.problems if problem.internal]
    texts = [render(report, name, color=False) for name, how in FORMATS.items() if not how.for_programs]
    return table(document) + "".join(texts), page(document, report)


@pytest.mark.slow
def test_each_value_is_refused_or_shown_as_it_is(trace: dict[str, Any]) -> None:
    refused = 0
    for path in places(trace):
        for value in HOSTILE:
            try:
                document = from_json(put(trace, path, value))
            except ValueError:
                refused += 1
                continue
            terminal, html = shown(document)
            assert TAG not in html, path
            assert "\x1b" not in terminal, path
    assert refused > 1000


def run(tmp_path: Path, data: Any, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    path = tmp_path / "trace.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    code = main(["report", "--isolated", str(path), *options])
    return code, *capsys.readouterr()


DAMAGED = {
    "layers[0].calls[0].count": "x",
    "layers[0].calls[0].reached[0].call.line": "x",
    "layers[0].calls[0].reached[0].call": {"path": "a.py", "line": 3, "column": TAG, "end_line": 3, "end_column": 4},
    "layers[0].timeline": "zz",
    "layers[0].calls_per_step": {"a": 1},
    "layers[0].name": "n" * 1_000_000,
    "layers[0].calls[0].shape": [2] * 100_000,
    "steps": "1",
    "steps_per_position": 0,
    "world_size": -1,
    "files": {"model.py": 5},
    "directory": "9" * 5000,
}


@pytest.mark.parametrize("where", DAMAGED)
def test_what_is_damaged_is_named(
    where: str, trace: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = [int(key) if key.isdigit() else key for key in where.replace("[", ".").replace("]", "").split(".")]
    code, out, err = run(tmp_path, put(trace, tuple(keys), DAMAGED[where]), capsys)
    assert (code, out) == (2, "")
    assert "trace.json is damaged: " in err
    assert where.rpartition(".")[0] in err


@pytest.mark.parametrize("opening", ['{"a":', "["])
def test_depth_is_bounded(
    opening: str, trace: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    closing = "}" if opening.startswith("{") else "]"
    for depth in (800, 50_000):
        nested = opening * depth + "1" + closing * depth
        text = f'{json.dumps(trace)[:-1]}, "directory": "/nowhere", "unknown": {nested}}}'
        code, _, err = run(tmp_path, text, capsys)
        assert "Internal" not in err
        assert code == 2 or depth == 800


def test_size_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bn_lint.runtime.document.limits.MOST_BYTES", 100)
    (tmp_path / "trace.json").write_text(json.dumps({"format": "bn-lint trace", "notes": ["n" * 200]}))
    with pytest.raises(TraceError, match="more than 100 bytes"):
        load(str(tmp_path / "trace.json"))


def test_long_names_cost_no_memory(trace: dict[str, Any]) -> None:
    document = from_json(put(trace, ("layers", 0, "name"), "n" * 50_000))
    document.layers *= 1000
    assert len(table(document)) < 1_000_000


def quoting(trace: dict[str, Any], path: str, **also: Any) -> dict[str, Any]:
    """The trace, with one line of a file as the place of everything."""
    place = {"path": path, "line": 1, "column": 1, "end_line": 1, "end_column": 20}

    def renamed(value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(each) for each in value]
        if isinstance(value, dict):
            return place if "path" in value else {key: renamed(each) for key, each in value.items()}
        return value

    found: dict[str, Any] = {**renamed(trace), **also}
    return found


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file outside of the working directory."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    path = tmp_path / "secret.py"
    path.write_text("password = 'open sesame'\n")
    return path


def everything(tmp_path: Path, data: Any, capsys: pytest.CaptureFixture[str]) -> str:
    _, out, err = run(tmp_path, data, capsys, "--html", "page.html", "--select", "ALL")
    assert "BN" in out
    return out + err + Path("page.html").read_text()


def test_no_line_of_another_file_is_quoted(
    trace: dict[str, Any], secret: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.symlink(secret, "link.py")
    Path("token.txt").write_text("open sesame\n")
    Path("own.py").write_text("net = build()\n")
    for path in (str(secret), "../secret.py", "link.py", "token.txt"):
        assert "sesame" not in everything(tmp_path, quoting(trace, path, directory=""), capsys)
        assert "sesame" not in everything(tmp_path, quoting(trace, path, files={path: ""}), capsys)
    elsewhere = quoting(trace, "secret.py", directory=str(secret.parent))
    assert "sesame" not in everything(tmp_path, elsewhere, capsys)
    assert "net = build()" in everything(tmp_path, quoting(trace, "own.py", directory=""), capsys)


def test_what_never_ends_is_not_read(
    trace: dict[str, Any], secret: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo("pipe.py")
    for path in ("/dev/zero", "/proc/self/environ", "/dev/stdin", "pipe.py"):
        data = quoting(trace, path, files={path: "x"}, directory="")
        assert "PATH=" not in everything(tmp_path, data, capsys)
        assert main(["check", "--isolated", "--no-cache", "--trace", str(tmp_path / "trace.json"), str(secret)]) == 0


def test_a_file_that_does_not_exist_any_more(trace: dict[str, Any]) -> None:
    try:
        shown(from_json(quoting(trace, "gone.py")))
    except BnLintError as error:  # pragma: no cover
        raise AssertionError from error
