"""Nothing in a repository can drive the terminal: not the name of a file, not its text, not what is said about it."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from bn_lint.cli import main as cli
from bn_lint.output import FORMATS

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")

#: Escape sequences, also those of one character; marks that reorder text; what rings, deletes and ends lines.
EVIL = "\x1b[31m\x9b2J\x07\x08\x7f\u061c\u200f\u202e\u2067\u2028"
#: All that may move the cursor, recolor, or reorder. The formats end lines, and `full` keeps tabs.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]")
NET = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        setattr(self, "EVIL", nn.BatchNorm2d(16, momentum=0.99))  # EVIL

    def forward(self, x):
        return getattr(self, "EVIL")(self.conv(x))


net = Net()
""".replace("EVIL", EVIL)
NAME = f"net{EVIL}.py"


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / f"folder{EVIL}"
    folder.mkdir()
    (folder / NAME).write_text(NET, encoding="utf-8")
    (folder / f"broken{EVIL}\n.py").write_text(f"# BatchNorm\nx = (({EVIL}\n", encoding="utf-8")
    (folder / f"latin{EVIL}.py").write_bytes(b"# BatchNorm \xff\n")
    cells = [{"cell_type": "code", "source": NET.replace("16", "24")}]
    notebook = {"cells": cells, "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}
    (folder / f"net{EVIL}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    monkeypatch.chdir(folder)


CHECK = ("check", "--isolated", "--select=ALL")
COMMANDS: dict[str, tuple[str, ...]] = {
    **{name: (*CHECK, f"--output-format={name}", ".") for name in FORMATS},
    "coverage": (*CHECK, "--show-coverage", "--verbose", "."),
    "statistics": (*CHECK, "--statistics", "."),
    "files": (*CHECK, "--show-files", "."),
    "settings": (*CHECK, "--show-settings", NAME),
    "explanation": (*CHECK, "--explain", f"{NAME}:8", "."),
    "explanation of nothing": (*CHECK, "--explain", f"{EVIL}.py:8", "."),
    "baseline": (*CHECK, "--baseline", f"{EVIL}.json", "--update-baseline", "."),
    "no such file": (*CHECK, f"{EVIL}.py"),
    "no such rule": ("check", "--isolated", f"--select={EVIL}", "."),
    "no such setting": ("check", "--isolated", "--config", f"{EVIL} = 1", "."),
    "no such configuration": ("check", "--config", f"{EVIL}.toml", "."),
    "no such command": (EVIL,),
    "no such option": ("check", f"--{EVIL}"),
    "no such format": ("check", f"--output-format={EVIL}"),
    "no such page": ("rule", EVIL),
    "no such trace": ("report", f"{EVIL}.json"),
    "nowhere to write": (*CHECK, "-o", f"{EVIL}/report.txt", "."),
    "layers": ("layers", "--isolated", "."),
    "layers as JSON": ("layers", "--isolated", "--output-format=json", "."),
    "layers as a diagram": ("layers", "--isolated", "--output-format=mermaid", "."),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_reaches_the_terminal(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(list(COMMANDS[name]))
    captured = capsys.readouterr()
    shown = captured.out + captured.err
    assert CONTROL.findall(shown) == []
    assert "2J" in shown or name == "statistics", "it is not spoken of"


@pytest.mark.parametrize("name", ["full", "concise", "coverage", "explanation"])
def test_color_is_the_only_control(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([*COMMANDS[name], "--color=always"])
    shown = capsys.readouterr().out
    assert "\x1b[" in shown
    assert CONTROL.findall(re.sub("\x1b\\[[0-9;]*m", "", shown)) == []
    assert "?[31m" in shown


def test_a_change_that_a_terminal_shows(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`patch` gets the lines as they are."""
    arguments = [*CHECK, "--diff", "--unsafe-fixes", NAME]
    cli.main(arguments)
    assert f"# {EVIL}\n" in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    cli.main(arguments)
    shown = capsys.readouterr().out
    assert CONTROL.findall(shown) == []
    assert "# ?[31m" in shown


def test_flake8_shows_no_controls() -> None:
    import ast

    from bn_lint.flake8 import Plugin

    messages = [message for _, _, message, _ in Plugin(ast.parse(NET), NAME, NET.splitlines(keepends=True)).run()]
    assert any("?[31m" in message for message in messages)
    assert not CONTROL.findall("".join(messages))
