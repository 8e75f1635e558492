"""The other linters, each in a virtual environment of its own."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from benchmarks.sources import cache


@dataclass(frozen=True)
class Tool:
    """A release on PyPI, and the arguments that make its program of the same name lint a folder with its defaults."""

    name: str
    version: str
    arguments: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """What one would type."""
        return " ".join((self.name, *self.arguments, "."))


TOOLS = (
    Tool("ruff", "0.17.5", ("check", "--isolated", "--no-cache", "--quiet")),
    Tool("flake8", "7.5.0", ("--isolated",)),
    Tool("torchfix", "0.7.0"),
    Tool("torch-preflight", "0.5.0", ("check",)),
    Tool("fixit", "2.2.1", ("lint",)),
)


def program(tool: Tool) -> Path:
    """Returns the path of the installed program.

    Raises:
        subprocess.CalledProcessError: pip cannot install this release; its messages are in `stderr`.
    """
    folder = cache() / "venvs" / f"{tool.name}-{tool.version}-py{sys.version_info[0]}{sys.version_info[1]}"
    scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
    if not (scripts / tool.name).exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(scripts / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"{tool.name}=={tool.version}"], check=True, capture_output=True, text=True)
    return scripts / tool.name
