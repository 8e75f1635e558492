"""Programs made of nothing but a grammar: valid Python about layers, modes, loaders and loops, without any sense."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

_NAMES = ("x", "y", "n", "net", "loss", "self", "loader", "args", "bn", "out")
_ATTRIBUTES = (
    *("bn", "conv", "weight", "shape", "training", "eval", "train", "parameters", "forward", "size", "data", "T"),
    *("items", "append", "backward", "step", "running_mean", "num_features", "children", "modules", "detach", "format"),
)
_CALLED = (
    *("nn.BatchNorm2d", "nn.BatchNorm1d", "nn.Conv2d", "nn.Linear", "nn.Sequential", "nn.ModuleList"),
    *("nn.SyncBatchNorm", "super", "Net", "F.batch_norm", "F.relu", "torch.cat", "torch.randn", "torch.no_grad"),
    *("torch.optim.SGD", "torch.load", "DataLoader", "len", "range", "zip", "enumerate", "isinstance", "getattr"),
    *("setattr", "max", "sum", "map"),
    *("copy.deepcopy", "functools.partial", "itertools.product", "str", "int", "list", "dict", "sorted", "type"),
)  # fmt: skip
_LITERALS = (
    "0",
    "1",
    "-1",
    "3",
    "64",
    "2**70",
    "1e400",
    "0.1",
    "None",
    "True",
    "...",
    "''",
    "'a{}'",
    "b'x'",
    "()",
    "[]",
)
_OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "@", "<<", ">>", "&", "|", "^")
_COMPARISONS = ("==", "!=", "<", ">=", "is", "is not", "in", "not in")
_KEYWORDS = ("momentum", "affine", "batch_size", "drop_last", "mode", "dim", "key", "default", "track_running_stats")
#: Statements within statements, and expressions within expressions.
_DEEPEST = 5


class Grammar:
    """Writes one program."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def program(self) -> str:
        head = (
            "import copy, functools, itertools\nimport torch\nfrom torch import nn\nimport torch.nn.functional as F\n"
            "from torch.utils.data import DataLoader\n\n"
        )
        return head + "".join(self._statement(0, 0) for _ in range(self._random.randrange(1, 5)))

    # -- expressions -------------------------------------------------------------------------------------------------

    def _expression(self, depth: int) -> str:
        if depth >= _DEEPEST or self._random.random() < 0.15 * depth:
            return self._random.choice((*_NAMES, *_LITERALS))
        return self._random.choice(_EXPRESSIONS)(self, depth + 1)

    def _call(self, depth: int) -> str:
        function = self._random.choice(_CALLED) if self._random.random() < 0.7 else f"({self._expression(depth)})"
        return f"{function}({self._arguments(depth)})"

    def _method(self, depth: int) -> str:
        return f"{self._attribute(depth)}({self._arguments(depth)})"

    def _arguments(self, depth: int) -> str:
        given = [self._expression(depth) for _ in range(self._random.choice((0, 0, 1, 1, 2, 3)))]
        if self._random.random() < 0.1:
            given.append(f"*{self._expression(_DEEPEST)}")
        for name in self._random.sample(_KEYWORDS, self._random.choice((0, 0, 0, 1, 2))):
            given.append(f"{name}={self._expression(depth)}")
        if self._random.random() < 0.05:
            given.append(f"**{self._expression(_DEEPEST)}")
        return ", ".join(given)

    def _attribute(self, depth: int) -> str:
        return f"{self._random.choice(_NAMES)}.{self._random.choice(_ATTRIBUTES)}"

    def _subscript(self, depth: int) -> str:
        index = self._random.choice(("{0}", "{0}:{1}", ":{0}", "::{1}", "{0}, {1}", "..., {0}"))
        return f"{self._random.choice(_NAMES)}[{index.format(self._expression(depth), self._expression(depth))}]"

    def _operation(self, depth: int) -> str:
        operator = self._random.choice((*_OPERATORS, *_COMPARISONS, "and", "or"))
        return f"({self._expression(depth)} {operator} {self._expression(depth)})"

    def _unary(self, depth: int) -> str:
        return f"({self._random.choice(('not ', '-', '~', '+'))}{self._expression(depth)})"

    def _sequence(self, depth: int) -> str:
        elements = ", ".join(self._expression(depth) for _ in range(self._random.randrange(4)))
        return self._random.choice(("[{}]", "({},)" if elements else "({})", "{{{}}}" if elements else "[{}]")).format(
            elements
        )

    def _dictionary(self, depth: int) -> str:
        return "{" + ", ".join(f"{self._expression(depth)}: {self._expression(depth)}" for _ in range(2)) + "}"

    def _comprehension(self, depth: int) -> str:
        form = self._random.choice(
            ("[{0} for {1} in {2} if {3}]", "{{{0}: {3} for {1} in {2}}}", "({0} for {1} in {2})")
        )
        target = self._random.choice(_NAMES)
        return form.format(self._expression(depth), target, *(self._expression(depth) for _ in range(2)))

    def _conditional(self, depth: int) -> str:
        return f"({self._expression(depth)} if {self._expression(depth)} else {self._expression(depth)})"

    def _lambda(self, depth: int) -> str:
        return f"(lambda {self._random.choice(('', 'x', 'x=1, *y', '*, n=2', '**net'))}: {self._expression(depth)})"

    def _text(self, depth: int) -> str:
        return f'f"a{{{self._random.choice(_NAMES)}!r:>{self._random.choice((1, 9, 10**9))}}}"'

    def _named(self, depth: int) -> str:
        return f"({self._random.choice(_NAMES)} := {self._expression(depth)})"

    # -- statements --------------------------------------------------------------------------------------------------

    def _statement(self, depth: int, indent: int) -> str:
        kinds = _STATEMENTS if depth < _DEEPEST and self._random.random() > 0.2 * depth else (Grammar._line,)
        return self._random.choice(kinds)(self, depth + 1, indent)

    def _body(self, depth: int, indent: int) -> str:
        return "".join(self._statement(depth, indent + 4) for _ in range(self._random.choice((1, 1, 2, 3))))

    def _line(self, depth: int, indent: int) -> str:
        name, other, value = (*self._random.sample(_NAMES, 2), self._expression(1))
        form = self._random.choice(
            (
                *("{0} = {2}", "{0} = {2}", "{0}, {1} = {2}", "{0}, *{1} = {2}", "{0} += {2}", "{0}.bn = {2}"),
                *("{2}", "{0}[{1}] = {2}", "{0}: int = {2}", "del {0}", "assert {2}", "pass", "{0}.{3}()"),
                *("{0}({1}).backward()", "raise {2}", "{0}.train({2})", "{0} = {1} = {2}", "import {0}"),
            )
        )  # fmt: skip
        return f"{' ' * indent}{form.format(name, other, value, self._random.choice(_ATTRIBUTES))}\n"

    def _compound(self, depth: int, indent: int) -> str:
        head = self._random.choice(
            (
                *("if {0}:", "for {1} in {0}:", "while {0}:", "with {0} as {1}:", "with torch.no_grad():"),
                *("for {1}, {2} in {0}:", "for {1} in range(10**9):", "while True:", "if {1}.training:"),
            )
        )
        text = " " * indent + head.format(self._expression(2), *self._random.sample(_NAMES, 2)) + "\n"
        text += self._body(depth, indent)
        if not head.startswith("with") and self._random.random() < 0.3:
            text += f"{' ' * indent}else:\n{self._body(depth, indent)}"
        return text

    def _try(self, depth: int, indent: int) -> str:
        space = " " * indent
        last = self._random.choice((f"except {self._random.choice(_NAMES)} as x:", "except (A, B):", "finally:"))
        return f"{space}try:\n{self._body(depth, indent)}{space}{last}\n{self._body(depth, indent)}"

    def _match(self, depth: int, indent: int) -> str:
        case = self._random.choice(("0", "[x, *y]", "{'a': n}", "Net(bn=x)", "None | 1", "str() as x", "(x, _) if n"))
        space = " " * indent
        return f"{space}match {self._expression(3)}:\n{space}    case {case}:\n{self._body(depth, indent + 4)}"

    def _function(self, depth: int, indent: int) -> str:
        name = self._random.choice(("f", "train", "main", "forward", "evaluate", "__init__", "__getattr__"))
        parameters = self._random.choice(
            ("", "x", "self, x", "self, n=64", "net, loader", "x, *y, n=1, **args", "x, /, y")
        )
        end = self._random.choice(("return {}", "yield {}", "return", "yield from {}", "return {}"))
        head = self._random.choice(
            ("", "", "", f"@{self._random.choice(_NAMES)}\n", "@property\n", "@torch.no_grad()\n")
        )
        space = " " * indent
        head = f"{space}{head}" if head else ""
        last = end.format(self._expression(2))
        return f"{head}{space}def {name}({parameters}):\n{self._body(depth, indent)}{space}    {last}\n"

    def _class(self, depth: int, indent: int) -> str:
        space = " " * indent
        bases = self._random.choice(
            ("nn.Module", "nn.Module", "nn.Sequential", "Net", "nn.BatchNorm2d", "x, nn.Module", "")
        )
        made = "".join(
            f"{space}        self.{self._random.choice(_ATTRIBUTES)} = {self._expression(2)}\n"
            for _ in range(self._random.randrange(1, 5))
        )
        return (
            f"{space}class Net({bases}):\n{space}    def __init__(self, n=8, *args):\n"
            f"{space}        super().__init__()\n{made}{space}    def forward(self, x, y=None):\n"
            f"{self._body(depth, indent + 4)}{space}        return {self._expression(1)}\n"
            f"{self._function(depth, indent + 4)}"
        )


_EXPRESSIONS: tuple[Callable[[Grammar, int], str], ...] = (
    *(Grammar._call, Grammar._call, Grammar._call, Grammar._method, Grammar._method, Grammar._attribute),
    *(Grammar._subscript, Grammar._operation, Grammar._operation, Grammar._unary, Grammar._sequence),
    *(Grammar._dictionary, Grammar._comprehension, Grammar._conditional, Grammar._lambda, Grammar._text),
    Grammar._named,
)  # fmt: skip
_STATEMENTS: tuple[Callable[[Grammar, int, int], str], ...] = (
    *(Grammar._line, Grammar._line, Grammar._line, Grammar._compound, Grammar._compound, Grammar._try),
    *(Grammar._match, Grammar._function, Grammar._class, Grammar._class),
)


def sentence(random: Random, seed: bytes) -> bytes:
    """A program of the grammar, with one of the seeds behind it."""
    return (Grammar(random).program() + seed.decode()).encode()
