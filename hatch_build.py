"""The compiled wheel: mypyc makes extension modules of what the interpreter spends its time in.

Off by default, so that bn-lint installs without a compiler. `HATCH_BUILD_HOOKS_ENABLE=1 pip wheel .` makes a wheel for
this version of Python and this platform, with the same sources beside the extension modules. pyproject.toml lists them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: `always_true`: see `bn_lint/native.py`. The types are those that `mypy` checks; here they need not be checked again.
_SETUP = """\
from mypyc.build import mypycify
from setuptools import setup

arguments = ["--config-file=", "--always-true=COMPILED", "--follow-imports=silent", "--ignore-missing-imports"]
modules = mypycify(
    [*arguments, "--explicit-package-bases", *{paths!r}],
    opt_level={optimization!r}, debug_level="0", multi_file=True, group_name="bn_lint",
)
setup(name="bn-lint", ext_modules=modules, packages=[], py_modules=[])
"""


class CompiledBuildHook(BuildHookInterface[Any]):
    """Adds extension modules to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile in a copy: extension modules in a checkout would run in place of what is edited there."""
        if self.target_name != "wheel" or version == "editable":
            return
        self._folder = Path(tempfile.mkdtemp(prefix="bn-lint-compiled-"))
        shutil.copytree(
            Path(self.root, "bn_lint"), self._folder / "bn_lint", ignore=shutil.ignore_patterns("__pycache__")
        )
        script = _SETUP.format(paths=list(self._modules()), optimization=self.config["optimization"])
        (self._folder / "setup.py").write_text(script, encoding="utf-8")
        subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=self._folder, check=True)
        made = [
            path for path in self._folder.rglob("*") if path.suffix in (".so", ".pyd") and "build" not in path.parts
        ]
        build_data["force_include"].update({str(path): path.relative_to(self._folder).as_posix() for path in made})
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Drop the copy."""
        if folder := getattr(self, "_folder", None):
            shutil.rmtree(folder, ignore_errors=True)

    def _modules(self) -> Iterator[str]:
        root = Path(self.root)
        left_out = {path for pattern in self.config["exclude"] for path in root.glob(pattern)}
        for pattern in self.config["include"]:
            for path in sorted(root.glob(pattern)):
                if path not in left_out:
                    yield path.relative_to(root).as_posix()
