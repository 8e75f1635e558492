"""What the interpreter asks of a domain, and what it tells one.

The interpreter knows Python. What the objects of a library are, and what a program does with them, is the business of
a domain, which it knows by the classes below. They are neutral: with them alone, the interpreter runs plain Python.

* A `Domain` answers: what a library has, what an attribute of a value that is not Python's own gives, which code need
  not be run.
* A `Log` is told what happens in one entry point.
* A `Collector` is told, over all entry points, what the program defines and what could not be run.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

from bn_lint.static.interpreter.values import ABSENT, DomainValue, External, Ghost, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from bn_lint.static.interpreter.frames import Frame
    from bn_lint.static.interpreter.interpreter import Interpreter
    from bn_lint.static.interpreter.values import Arguments, BoundMethod, Class, Function, Instance, Tensor
    from bn_lint.static.syntax import nodes as cst
    from bn_lint.static.syntax.places import NodeRef
    from bn_lint.static.syntax.source_files import SourceFile


class Context(DomainValue):
    """A context manager of the domain: what it changes of `Log.ambient` holds to the end of the `with` block.

    As a decorator, it holds in each call of the function.
    """

    __slots__ = ()

    def enter(self, interpreter: Interpreter, ref: NodeRef) -> None:
        """A `with` block begins, or a call of a decorated function."""

    def decorating(self, ref: NodeRef) -> Context:
        """What a function gets that it decorates."""
        return self


class Log:
    """What happens in one entry point, in order."""

    def __init__(self) -> None:
        self.clock = 0
        #: The passes of the loops that are running, by serial number.
        self.loops: list[int] = []
        #: How many of the running loops may also have no pass at all.
        self.open_loops = 0
        #: How many modules are being called right now, one within the other.
        self.depth = 0
        #: The expression whose value the running statement drops.
        self.dropped: cst.CSTNode | None = None
        #: What the last assertion is about.
        self.asserted: cst.CSTNode | None = None

    def now(self) -> int:
        """The serial number of what happens now."""
        self.clock += 1
        return self.clock

    @property
    def count(self) -> int:
        """How much has happened that matters to the domain. A call in which nothing did can be given up."""
        return 0

    @property
    def size(self) -> int:
        """How much is recorded, whatever it is."""
        return 0

    @property
    def ambient(self) -> object:
        """What the domain's context managers change. It is put back at the end of a `with` block."""
        return None

    @ambient.setter
    def ambient(self, before: object) -> None:
        pass

    def module_called(
        self, interpreter: Interpreter, module: Instance, arguments: Arguments, ref: NodeRef, frame: Frame
    ) -> None:
        """A module is called, by itself or by its `forward`. Until it returns, `depth` is one higher."""

    def module_copied(self, module: Instance, copy: Instance) -> None:
        """The program copies a module."""

    def method_called(self, interpreter: Interpreter, module: Instance, function: Function, ref: NodeRef) -> None:
        """A method of a module is called, by code that is not part of a module."""

    def function_defined(self, function: Function, frame: Frame) -> None:
        """A function is defined within a function."""

    def never_happened(self, since: int) -> None:
        """What has happened since then did so on a branch that nobody decides about, and that ended with an error."""

    def cut_short(self) -> None:
        """From here on, not everything is run."""

    def taken_back(self, interpreter: Interpreter, manager: cst.CSTNode) -> None:
        """A `with` block ends whose context manager came of a call out of view, which takes back what it has done."""


class Collector:
    """What a program defines, and what is to be told of it."""

    def __init__(self) -> None:
        #: The functions and classes on the top level of modules.
        self.functions: list[Function] = []
        self.classes: list[Class] = []

    @property
    def is_quiet(self) -> bool:
        """Whether not everything is noted at present. What was not noted in a call is noted in the next one like it."""
        return False

    @property
    def noted(self) -> int:
        """How much was noted so far."""
        return 0

    def quiet(self, condition: bool) -> AbstractContextManager[None]:
        """Note nothing meanwhile, if the condition holds: the program expects a failure."""
        return nullcontext()

    def choosing(
        self, interpreter: Interpreter, alternatives: list[Value], ref: NodeRef
    ) -> AbstractContextManager[None]:
        """Meanwhile, each of several values is called in place of one."""
        return nullcontext()

    def function_defined(self, function: Function, frame: Frame) -> None:
        if frame.cells is frame.module.cells:
            self.functions.append(function)

    def class_defined(self, cls: Class, frame: Frame) -> None:
        if frame.cells is frame.module.cells:
            self.classes.append(cls)

    def module_built(self, interpreter: Interpreter, module: Instance) -> None:
        """The constructor of a module has returned."""

    def module_returned(
        self, module: Instance, arguments: Arguments, result: Value, ref: NodeRef, *, direct: bool
    ) -> None:
        """A call of a module is over; `direct`: it is this expression, and not a part of what the expression calls."""

    def incomplete(self, file: SourceFile, message: str) -> None:
        """Not everything in a file was run."""

    def revealed(self, ref: NodeRef, value: Value) -> None:
        """The program calls `reveal(value)`."""

    def assigned(self, ref: NodeRef, value: Tensor | Instance) -> None:
        """A name is given a tensor or an object."""

    def function_entered(self, function: Function, cells: Mapping[Any, Value]) -> None:
        """A function is about to run, with these arguments."""


class Domain:
    """What is known beyond Python. An answer of `ABSENT` leaves the matter to the interpreter.

    `known` has what libraries offer, the standard library included, by dotted name.
    """

    #: The functions that never return, by dotted name.
    never_return: ClassVar[frozenset[str]] = frozenset({"sys.exit", "os._exit", "os.abort"})
    #: Context managers whose block is there to fail. They may be methods of anything: only the last name counts.
    expect_failure: ClassVar[frozenset[str]] = frozenset({"assertRaises", "assertRaisesRegex"})
    #: The class that all modules inherit from, and the names of what each has from it.
    module_class: ClassVar[str] = ""
    module_names: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, known: Mapping[str, Value] | None = None) -> None:
        self.known: Mapping[str, Value] = known or {}

    def new_log(self) -> Log:
        """The log of an entry point that begins."""
        return Log()

    # -- libraries --------------------------------------------------------------------------------------------------

    def member(self, dotted: str, name: str) -> Value:
        """What a library has under a name."""
        full = f"{dotted}.{name}"
        found = self.known.get(full)
        return External(full) if found is None else found

    def any_member(self, dotted: str) -> Value:
        """What a library has under a name that is not known: `getattr(models, architecture)`."""
        return Unknown("?", f"an unknown name in `{dotted}`", foreign=True)

    def has_member(self, dotted: str, name: str) -> bool | None:
        """Whether a library has a name, when that is known."""
        return None

    def imported(self, interpreter: Interpreter, dotted: str, name: str, ref: NodeRef) -> Value:
        """What `from dotted import name` gives."""
        return self.member(dotted, name)

    def star(self, dotted: str) -> Iterable[tuple[str, Value]]:
        """The names that `from dotted import *` brings, as far as they are known."""
        prefix = dotted + "."
        for full, value in self.known.items():
            if full.startswith(prefix) and "." not in full[len(prefix) :]:
                yield full[len(prefix) :], value

    # -- values -----------------------------------------------------------------------------------------------------

    def attribute(self, interpreter: Interpreter, value: Value, name: str, ref: NodeRef) -> Value:
        """An attribute of a value that is not Python's own."""
        return ABSENT

    def attribute_of_unknown(self, value: Unknown, name: str) -> Value:
        """An attribute that tells something, whatever it is read from."""
        return ABSENT

    def attribute_of_object(self, interpreter: Interpreter, instance: Instance, name: str) -> Value:
        """An attribute of an object that was never set, and that its class does not define."""
        return ABSENT

    def attribute_of_class(self, interpreter: Interpreter, cls: Class, name: str) -> Value:
        """An attribute that a class does not define."""
        return ABSENT

    def in_place_of(self, receiver: Instance, method: Value) -> Value:
        """What is called in place of a method of an object, if it is not the method itself that matters."""
        return method

    def set_attribute(self, interpreter: Interpreter, value: Value, name: str, new: Value, ref: NodeRef) -> None:
        """Write an attribute of a value that is not Python's own; of a module, after it was stored."""

    def set_on_one(
        self, interpreter: Interpreter, values: Sequence[DomainValue], name: str, new: Value, ref: NodeRef
    ) -> None:
        """Write an attribute of one of several values; it is not known of which."""

    def given_on_one(self, methods: Sequence[BoundMethod], arguments: Arguments) -> Arguments:
        """What a method of `nn.Module` gets that is called on one of several modules; it is not known on which."""
        return arguments

    def set_item(self, interpreter: Interpreter, container: DomainValue | Unknown, new: Value, ref: NodeRef) -> None:
        """`container[...] = new` of a value that is not Python's own, or not known."""

    def item(self, interpreter: Interpreter, container: Value, key: Value, ref: NodeRef) -> Value:
        """`container[key]` of a value that is not Python's own."""
        return ABSENT

    def augmented(self, interpreter: Interpreter, value: DomainValue, ref: NodeRef) -> Value:
        """What `value *= other` and similar make of a value that they write to; ABSENT if it is computed anew."""
        return ABSENT

    def operate(self, interpreter: Interpreter, name: str, a: Value, b: Value, ref: NodeRef) -> Value:
        """A binary operator, by the name of its method (`add`), where one side is a tensor."""
        return ABSENT

    def refused(self, interpreter: Interpreter) -> None:
        """Python refuses what is done with known values: what stands behind it never happens."""

    # -- calls ------------------------------------------------------------------------------------------------------

    def call(self, interpreter: Interpreter, function: Value, arguments: Arguments, ref: NodeRef) -> Value:
        """What a call of foreign code gives."""
        return ABSENT

    def module_made(self, module: Instance) -> None:
        """A module comes into being; its constructor is still to run."""

    # -- code that is to fail ---------------------------------------------------------------------------------------

    def fails_with(self, exception: str) -> bool:
        """Whether a mistake that the domain is about raises an exception of this name."""
        return False

    # -- code that is given up ----------------------------------------------------------------------------------------

    def concerns(self, names: AbstractSet[str]) -> bool:
        """Whether code in which these names occur may concern the domain. It is given up last."""
        return False

    def concerned(self, instance: Instance) -> bool:
        """Whether an object is what the domain is about."""
        return False

    def judges_results(self, names: AbstractSet[str]) -> bool:
        """Whether code in which these names occur may do something with the result of an earlier call."""
        return False

    def call_aborted(self, interpreter: Interpreter) -> None:
        """A call was given up: it may have changed what the domain knows of unknown values."""

    def unseen_cell(self, key: Ghost[Any]) -> Value:
        """What a cell of the domain holds once code that was not run may have written it; `ABSENT`: what it held."""
        return ABSENT

    def forget(self, interpreter: Interpreter, module: Instance) -> None:
        """Code that was not run may have changed the state of a module."""

    def may_change(
        self, interpreter: Interpreter, module: Instance, names: AbstractSet[str] | None, site: NodeRef | None
    ) -> None:
        """Code that was not run, with these names (None: any), got hold of a module."""


__all__ = ["Collector", "Context", "Domain", "Log"]
