"""Collects Markdown specifications, so that `pytest tests/rules/bn002_num_features_mismatch.md` works.

Each test of a specification becomes up to four items: `name` lints the code, `name[torch]` runs it under PyTorch,
`name[fix]` fixes it, and `name[fixed]` runs the result.
"""

from __future__ import annotations

import compileall
import gc
import importlib.util
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

import pytest

from bn_lint.debugging import STRICT, UNTIMED, VARIABLE
from bn_lint.facts import Evidence

from .specification import (
    Reported,
    Specification,
    SpecificationError,
    disagreements,
    expectations,
    read,
    revelations,
    spoken_of,
    unlike,
    without_expectations,
)

HAS_TORCH = importlib.util.find_spec("torch") is not None
ROOT = Path(__file__).parent.parent
QUICK = "not slow"
#: A test module of which nothing is quick: it may import PyTorch, or a language server, when it is collected.
_ALL_SLOW = re.compile(
    r"^pytestmark = pytest\.mark\.slow$|^(?:torch = )?pytest\.importorskip\(\"torch\"\)", re.MULTILINE
)


class AsItIs:
    """Finds the modules of some packages before pytest does, which rewrites the assertions of whatever has a plugin."""

    PACKAGES = frozenset({"bn_lint", "bn_lint_rules", "hypothesis"})

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        is_one = name.partition(".")[0] in AsItIs.PACKAGES
        return PathFinder.find_spec(name, path, target) if is_one else None


def pytest_configure(config: pytest.Config) -> None:
    """Let a defect of bn-lint fail the test that meets it, in any process, and ignore how busy the machine is.

    This is no fixture, for specifications use none.
    """
    os.environ[VARIABLE] = f"{STRICT},{UNTIMED}"
    sys.meta_path.insert(0, AsItIs)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a script
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.dont_write_bytecode and not hasattr(config, "workerinput"):
        # Many processes import bn-lint, and each would compile it anew.
        for folder in ("bn_lint", "rules"):
            compileall.compile_dir(ROOT / folder, quiet=2)
    # Syntax trees are many objects that all survive their test: looking for garbage among them takes long.
    gc.set_threshold(200_000, 20, 20)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what is there to stay."""
    if gc.get_freeze_count():
        return  # a run of pytest inside of a test
    gc.freeze()


@pytest.fixture
def defects_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is for users: a defect costs one file."""
    monkeypatch.setenv(VARIABLE, UNTIMED)


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests judge everything anew, except those that are about the cache."""
    monkeypatch.setenv("BN_LINT_NO_CACHE", "1")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """For small tensors: what runs on them is all overhead."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class MismatchError(Exception):
    """The code of a test is judged or runs otherwise than the specification says. One line a difference."""


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> SpecificationFile | None:
    return SpecificationFile.from_parent(parent, path=file_path) if file_path.suffix == ".md" else None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out of the quick part the modules of which nothing belongs to it."""
    quick = config.getoption("markexpr") == QUICK and collection_path.suffix == ".py"
    return True if quick and _ALL_SLOW.search(collection_path.read_text(encoding="utf-8")) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs PyTorch or uses up budgets; tests that start processes are marked where they stand."""
    for item in items:
        runs = isinstance(item, (TorchItem, FixedItem, TraceItem))
        if runs or item.path.is_relative_to(ROOT / "tests" / "runtime") or item.path.name == "limits.md":
            item.add_marker("slow")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Keep the quick part quick, on any machine."""
    before = "torch" in sys.modules
    yield
    if item.get_closest_marker("slow") is None and not before and "torch" in sys.modules:
        pytest.fail("this test imports PyTorch: mark it `slow`", pytrace=False)


class SpecificationFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        try:
            tests = read(self.path.relative_to(self.config.rootpath), self.path.read_text(encoding="utf-8"))
        except SpecificationError as error:
            raise self.CollectError(str(error)) from None
        for test in tests:
            kind = TraceItem if test.trace else LintItem
            yield kind.from_parent(self, name=test.name, test=test)
            if test.executes:
                yield TorchItem.from_parent(self, name=f"{test.name}[torch]", test=test)
            if test.fixed or test.unfixed:
                yield FixItem.from_parent(self, name=f"{test.name}[fix]", test=test)
            if test.fixed and test.unrun is None:
                yield FixedItem.from_parent(self, name=f"{test.name}[fixed]", test=test)


class SpecificationItem(pytest.Item):
    def __init__(self, *, test: Specification, **context: object) -> None:
        super().__init__(**context)  # type: ignore[arg-type]
        self.test = test

    def setup(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name).resolve()
        for file in self.test.files.values():
            path = self.root / file.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")

    def teardown(self) -> None:
        self.folder.cleanup()

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.test.line - 1, self.name

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> object:  # type: ignore[override]
        if isinstance(excinfo.value, MismatchError):
            return str(excinfo.value)
        excinfo.traceback = excinfo.traceback.cut(path=__file__)
        return super().repr_failure(excinfo)

    @property
    def codes(self) -> set[str]:
        """The rules that the test speaks of: those it expects, and the one that its document is about."""
        expected = {one.code for file in self.test.files.values() for one in expectations(file.lines)}
        own = self.path.stem[:5].upper()
        return {own, *expected} if own.startswith("BN") else expected

    def difference(self, title: str, line: int, sentence: str) -> str:
        """One line of a failure message, with the place in the specification first."""
        file = self.test.files[title]
        source = file.lines[line - 1].strip() if 0 < line <= len(file.lines) else ""
        where = "" if title == "test.py" else f"{title}: "
        return f"{self.test.path}:{file.origin(line)}: {where}{sentence}\n    {source}"


class LintItem(SpecificationItem):
    """Lints the code and compares the findings with the comments."""

    def runtest(self) -> None:
        from .project import lint

        reported, revealed = lint(self.root, list(self.test.files))
        self.compare(reported, revealed)

    def compare(self, reported: Sequence[Reported], revealed: Sequence[Evidence]) -> None:
        reported = spoken_of(reported, self.codes)
        differences = []
        for title, file in self.test.files.items():
            here = [one for one in reported if one.path == title]
            shown = [(one.place.line, one.message) for one in revealed if Path(one.place.path) == Path(title)]
            broken = [*disagreements(expectations(file.lines), here), *unlike(revelations(file.lines), shown)]
            differences += [self.difference(title, line, sentence) for line, sentence in sorted(broken)]
        differences += [
            f"{one.path}:{one.line}: unexpected {one}" for one in reported if one.path not in self.test.files
        ]
        if differences:
            raise MismatchError("\n".join(differences))


class TraceItem(LintItem):
    """Runs the code under the tracer and compares what it reports with the comments."""

    def runtest(self) -> None:
        if not HAS_TORCH:
            pytest.skip("torch is not installed")
        if self.test.processes > 1:
            from .ranks import traced_in_processes

            self.compare(traced_in_processes(self.root, self.test.entry, processes=self.test.processes).reported, [])
            return
        from .project import traced

        reported, error = traced(self.root, self.test.entry)
        expected = self.test.raises
        if (error is None) != (expected is None) or (expected is not None and expected not in str(error)):
            raise MismatchError(f"{self.test.path}:{self.test.line}: expected {expected!r}, but it raised {error!r}")
        self.compare(reported, [])


class FixItem(SpecificationItem):
    """Fixes the code, and compares the result."""

    def runtest(self) -> None:
        from .project import fix

        fix(self.root, list(self.test.files), unsafe=not self.test.safe, codes=self.codes)
        start = f"{self.test.path}:{self.test.line}: "
        for title, file in self.test.files.items():
            wanted = self.test.fixed.get(title, file).text
            actual = (self.root / title).read_text(encoding="utf-8")
            if without_expectations(actual) != without_expectations(wanted):
                raise MismatchError(f"{start}{title} is fixed to:\n{actual}")


class FixedItem(SpecificationItem):
    """Runs the fixed code under PyTorch, where the code could be run at all."""

    def runtest(self) -> None:
        if not HAS_TORCH:
            pytest.skip("torch is not installed")
        from .project import execute

        for title, file in self.test.fixed.items():
            (self.root / title).write_text(file.text, encoding="utf-8")
        execute(self.root, self.test.entry)


class TorchItem(SpecificationItem):
    """Runs the code under PyTorch: the oracle for what the comments claim."""

    def runtest(self) -> None:
        if not HAS_TORCH:
            pytest.skip("torch is not installed")
        from .project import contradicts, execute

        start = f"{self.test.path}:{self.test.line}: "
        try:
            seen = execute(self.root, self.test.entry)
        except Exception as error:
            if self.test.raises is None:
                raise
            if self.test.raises not in str(error):
                raise MismatchError(f"{start}expected {self.test.raises!r}, but it raised {error!r}") from error
            return
        if self.test.raises is not None:
            raise MismatchError(f"{start}expected {self.test.raises!r}, but it ran to its end")
        promised = {title: revelations(file.lines) for title, file in self.test.files.items()}
        wrong = [
            self.difference(title, line, f"revealed {text}, but it is {shown}")
            for title, line, shown in seen
            for text in promised[title].get(line, [])
            if len(promised[title][line]) == 1 and contradicts(text, shown)
        ]
        if wrong:
            raise MismatchError("\n".join(wrong))
