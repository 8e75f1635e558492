"""The interpreter by itself: plain Python needs no domain, and what a domain answers is what the program gets."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bn_lint.facts.dims import Expression
from bn_lint.project.source import Source
from bn_lint.static.interpreter.builtins.stdlib import STDLIB
from bn_lint.static.interpreter.hooks import Collector, Context, Domain, Log
from bn_lint.static.interpreter.imports import execute_module, module_at
from bn_lint.static.interpreter.interpreter import Interpreter
from bn_lint.static.interpreter.values import (
    ABSENT,
    Arguments,
    Builtin,
    DomainValue,
    External,
    Instance,
    List,
    Union,
    Unknown,
    Value,
)
from bn_lint.static.syntax.places import NodeRef
from bn_lint.static.syntax.source_files import Project

PACKAGE = Path(__file__).parent.parent / "bn_lint" / "static" / "interpreter"


def run(text: str, domain: Domain | None = None, collector: Collector | None = None) -> dict[str, Value]:
    """Execute a module, and return its globals."""
    source = Source(Path("/project/program.py"), "program.py", textwrap.dedent(text))
    project = Project([source])
    interpreter = Interpreter(project, domain or Domain(STDLIB), collector or Collector())
    interpreter.strict = True
    interpreter.start()
    scope = module_at(interpreter, source.path)
    assert scope is not None
    execute_module(interpreter, scope)
    return scope.cells


def test_plain_python_needs_no_domain() -> None:
    cells = run(
        """
        import math
        from functools import partial
        from somewhere import anything

        class Shape:
            sides = 0

            def __init__(self, *lengths):
                self.lengths = list(lengths)

            def __len__(self):
                return len(self.lengths)

            @property
            def around(self):
                return sum(self.lengths)

        class Square(Shape):
            sides = 4

            def __init__(self, length):
                super().__init__(*[length] * self.sides)

        square = Square(3)
        around = square.around
        count = len(square)
        power = partial(pow, 2)(10)
        root = math.sqrt(16)
        found = [n for n in range(20) if n % 7 == 3]
        total = 0
        for number in found:
            if number > 10:
                break
            total += number
        try:
            with open("file") as lines:
                raise ValueError
        except ValueError:
            caught = True
        while total < 100:
            total *= 2
        if anything(square):
            branch = 1
        else:
            branch = "one"
        foreign = anything.of.this[0](total).shape
        size = foreign + 1
        """
    )
    known = {name: cells[name] for name in ("around", "count", "power", "root", "total", "caught")}
    assert known == {"around": 12, "count": 4, "power": 1024, "root": 4.0, "total": 104, "caught": True}
    assert items(cells["found"]) == (3, 10, 17)
    assert isinstance(cells["foreign"], Unknown)
    assert isinstance(cells["size"], Expression)
    assert isinstance(cells["branch"], Union)
    assert set(cells["branch"].values) == {1, "one"}


def test_the_neutral_domain_leaves_loops_and_calls_alone() -> None:
    cells = run(
        """
        def reset_parameters(numbers):
            numbers.append(1)

        numbers = []
        reset_parameters(numbers)
        for module in [1, 2]:
            numbers.append(module)
        """
    )
    assert items(cells["numbers"]) == (1, 1, 2)


def items(value: Value) -> tuple[Value, ...]:
    assert isinstance(value, List)
    return value.items


class _Numbers(Domain):
    """A library `numbers` of one function, whose results are values of a kind of their own."""

    class Fraction(DomainValue):
        def __init__(self, over: Value) -> None:
            self.over = over

    def __init__(self) -> None:
        make = Builtin("fraction", lambda interpreter, arguments, ref: self.Fraction(arguments.positional[0]))
        super().__init__({"numbers.fraction": make, "numbers._hidden.fraction": make})

    def attribute(self, interpreter: Interpreter, value: Value, name: str, ref: NodeRef) -> Value:
        return value.over if isinstance(value, self.Fraction) and name == "denominator" else ABSENT

    def set_attribute(self, interpreter: Interpreter, value: Value, name: str, new: Value, ref: NodeRef) -> None:
        assert isinstance(value, self.Fraction)
        value.over = new

    def item(self, interpreter: Interpreter, container: Value, key: Value, ref: NodeRef) -> Value:
        assert isinstance(container, self.Fraction)
        return container.over if key == 1 else 1

    def call(self, interpreter: Interpreter, function: Value, arguments: Arguments, ref: NodeRef) -> Value:
        return 7 if isinstance(function, self.Fraction) else ABSENT

    def module_made(self, module: Instance) -> None:
        raise AssertionError("nothing here is a module")


def test_a_domain_answers_for_its_own_values() -> None:
    cells = run(
        """
        from numbers import *

        third = fraction(3)
        three, one, called = third.denominator, third[0], third()
        third.denominator = 4
        four = third.denominator
        nothing = third.numerator
        """,
        _Numbers(),
    )
    assert [cells[name] for name in ("three", "one", "called", "four")] == [3, 1, 7, 4]
    assert isinstance(cells["nothing"], Unknown)
    assert "_hidden" not in cells


class _Lights(Domain):
    """A library with a context manager that lasts as long as its block, or the calls of a function."""

    class Events(Log):
        lit: object = False

        @property
        def ambient(self) -> object:
            return self.lit

        @ambient.setter
        def ambient(self, before: object) -> None:
            self.lit = before

    class Light(Context):
        def enter(self, interpreter: Interpreter, ref: NodeRef) -> None:
            interpreter.events.ambient = True

    def __init__(self) -> None:
        light = Builtin("light", lambda interpreter, arguments, ref: self.Light())
        is_lit = Builtin("is_lit", lambda interpreter, arguments, ref: interpreter.events.ambient is True)
        super().__init__({"lights.light": light, "lights.is_lit": is_lit})

    def new_log(self) -> Log:
        return self.Events()


def test_what_a_context_manager_changes_lasts_as_long_as_its_block() -> None:
    cells = run(
        """
        import lights

        before = lights.is_lit()
        with lights.light():
            within = lights.is_lit()
        after = lights.is_lit()

        @lights.light()
        def decorated():
            return lights.is_lit()

        called, later = decorated(), lights.is_lit()
        """,
        _Lights(),
    )
    names = ("before", "within", "after", "called", "later")
    assert {name: cells[name] for name in names} == {
        "before": False,
        "within": True,
        "after": False,
        "called": True,
        "later": False,
    }


class _Notes(Collector):
    def __init__(self) -> None:
        super().__init__()
        self.revealed_values: list[Value] = []

    def revealed(self, ref: NodeRef, value: Value) -> None:
        self.revealed_values.append(value)


def test_a_collector_is_told_of_definitions() -> None:
    notes = _Notes()
    run(
        """
        class Outer:
            def method(self):
                pass

        def function():
            def inner():
                pass

        reveal(1 + 1)
        """,
        collector=notes,
    )
    assert [one.name for one in notes.classes] == ["Outer"]
    assert [one.name for one in notes.functions] == ["function"]
    assert notes.revealed_values == [2]


def test_unknown_libraries_are_known_by_their_names() -> None:
    assert run("import torch\nlayer = torch.nn.Linear")["layer"] == External("torch.nn.Linear")


@pytest.mark.slow
def test_the_interpreter_imports_no_domain() -> None:
    modules = [
        ".".join(("bn_lint.static.interpreter", *path.relative_to(PACKAGE).with_suffix("").parts))
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    ]
    program = f"import sys, {', '.join(modules)}; print(*(m for m in sys.modules if m.startswith('bn_lint.static.')))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    rooms = {module.split(".")[2] for module in result.stdout.split()}
    assert rooms == {"interpreter", "syntax"}
