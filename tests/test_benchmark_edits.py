"""The benchmark of random edits: what it edits, counts and compares."""

from __future__ import annotations

from pathlib import Path
from random import Random

from benchmarks.fuzz.edits import Editor, counting, report_on

NET = """from torch import nn


def net():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d({width}))
"""


def test_reports_after_edits_are_compared_and_what_was_run_is_counted(tmp_path: Path) -> None:
    folder, cache = tmp_path / "project", tmp_path / "cache"
    folder.mkdir()
    (folder / "nets.py").write_text(NET.format(width=8), encoding="utf-8")
    (folder / "use.py").write_text("import nets\n" + NET.format(width=4), encoding="utf-8")
    with counting() as first:
        report = report_on(folder, cache, coverage=False)
    assert report == report_on(folder, None, coverage=False)
    assert '"BN002"' in report
    assert (first["run"], first["repeated"]) == (2, 0)
    (folder / "use.py").write_text("import nets\n" + NET.format(width=9), encoding="utf-8")
    with counting() as second:
        report = report_on(folder, cache, coverage=False)
    assert report == report_on(folder, None, coverage=False)
    assert (second["run"], second["repeated"]) == (1, 1)


def test_edits_are_made_to_files_which_can_get_back_what_they_had(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(NET, encoding="utf-8")
    editor = Editor(tmp_path, Random(7))
    made = {editor.edit().what for _ in range(60)}
    assert {"as it was", "a statement", "a comment", "removed", "added"} <= made
    for _ in range(300):
        if editor.edit().what == "as it was":
            break
    assert file.read_text(encoding="utf-8") == NET
