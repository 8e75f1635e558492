"""Which classes of a file are `nn.Module`s."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bn_lint.libraries import LIBRARIES
from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.import_table import ImportTable, dotted_name
from bn_lint.static.syntax.scopes import Scope, statements, within

#: Classes outside `torch.nn` that are modules. What else they define is not known.
_MODULES = frozenset(name for library in LIBRARIES for name in library.modules)
_PLAIN = ("abc.", "typing.", "dataclasses.", "enum.", "collections.", "torch.utils.data.", "unittest.", "argparse.")
_PLAIN_BUILTINS = frozenset({"object", "dict", "list", "tuple", "set", "str", "int", "float", "Exception", "type"})
#: Classes of one file that a class inherits from; of one that has more, not all are known.
_MAX_ANCESTORS = 100
#: Whether a class of a dotted name is an `nn.Module`, when its own file does not tell; None when nothing does.
Elsewhere = Callable[[str], "bool | None"]


def torch_class(origin: str | None) -> bool:
    """Whether a dotted name is an `nn.Module` class of torch itself."""
    if origin is None:
        return False
    package, _, name = origin.rpartition(".")
    return (package in ("torch.nn", "torch.nn.parallel") and name[:1].isupper() and name != "Parameter") or (
        origin in ("torch.fx.GraphModule", "torch.jit.ScriptModule")
    )


class Classes:
    """The classes defined in one file."""

    def __init__(self, module: cst.Module, imports: ImportTable) -> None:
        self._imports = imports
        self._named: dict[str, cst.ClassDef | None] = {}
        #: Which classes are modules by what was asked last, and the answers so far.
        self._answers: tuple[Elsewhere | None, dict[cst.ClassDef, bool | None]] = None, {}
        for located in statements(module):
            if isinstance(located.statement, cst.ClassDef):
                self._define(located.statement)

    def _define(self, definition: cst.ClassDef) -> None:
        name = definition.name.value
        # Two classes of one name: which of them is meant cannot be told.
        self._named[name] = None if name in self._named or self._imports.imports(name) else definition

    def named(self, expression: cst.BaseExpression) -> cst.ClassDef | None:
        """The class of this file that an expression names."""
        return self._named.get(expression.value) if isinstance(expression, cst.Name) else None

    def is_module(self, definition: cst.ClassDef, elsewhere: Elsewhere = lambda origin: None) -> bool | None:
        """Whether a class is an `nn.Module`; None when a base class of unknown origin may make it one."""
        if self._answers[0] is not elsewhere:
            self._answers = elsewhere, {}
        return self._is_module(definition, self._answers[1], elsewhere)

    def _is_module(
        self, definition: cst.ClassDef, known: dict[cst.ClassDef, bool | None], elsewhere: Elsewhere
    ) -> bool | None:
        """The same, with the answers so far; None stands for a class that is being asked about."""
        if definition not in known:
            known[definition] = None
            answers = [self._base_is_module(base, known, elsewhere) for base in _bases(definition)]
            known[definition] = True if True in answers else None if None in answers else False
        return known[definition]

    def _base_is_module(
        self, base: cst.BaseExpression, known: dict[cst.ClassDef, bool | None], elsewhere: Elsewhere
    ) -> bool | None:
        local = self.named(base)
        if local is not None:
            return self._is_module(local, known, elsewhere)
        if dotted_name(base) in _PLAIN_BUILTINS:
            return False
        origins = self._origins(base)
        return next((found for found in (_is_known(one, elsewhere) for one in origins) if found is not None), None)

    def exported(self, name: str, elsewhere: Elsewhere) -> bool | None:
        """Whether what other files import under this name is an `nn.Module`."""
        return self._base_is_module(cst.Name(name), {}, elsewhere)

    def _origins(self, base: cst.BaseExpression) -> list[str]:
        """What a base class may be: the name that was imported, or one from modules that are imported as a whole."""
        origin = self._imports.qualified(base)
        return [origin] if origin is not None else self._imports.starred(base)

    def closed(self, definition: cst.ClassDef) -> bool:
        """Whether all ancestors are classes of this file or of torch, so that every method is known."""
        return all(one is not None for one in self._ancestors(definition))

    def torch_bases(self, definition: cst.ClassDef) -> set[str]:
        """The classes of torch among the ancestors."""
        return {one for one in self._ancestors(definition) if isinstance(one, str)}

    def family(self, definition: cst.ClassDef) -> Iterator[cst.ClassDef]:
        """The class and its ancestors in this file."""
        yield definition
        for one in self._ancestors(definition):
            if isinstance(one, cst.ClassDef):
                yield one

    def _ancestors(self, definition: cst.ClassDef) -> list[cst.ClassDef | str | None]:
        found: list[cst.ClassDef | str | None] = []
        pending = [definition]
        seen = {definition.name.value}
        while pending:
            if len(seen) > _MAX_ANCESTORS:
                return [*found, None]
            for base in _bases(pending.pop()):
                local = self.named(base)
                origin = self._imports.qualified(base)
                if local is not None and local.name.value not in seen:
                    seen.add(local.name.value)
                    found.append(local)
                    pending.append(local)
                elif torch_class(origin) or (origin or "").startswith(("abc.", "typing.")):
                    found.append(origin)
                elif local is None and dotted_name(base) != "object":
                    found.append(None)
        return found

    def has(self, definition: cst.ClassDef, name: str) -> bool:
        """Whether the class or an ancestor in this file defines an attribute of this name, or answers to any name."""
        return any(
            name in own or "__getattr__" in own or "__getattribute__" in own
            for own in (_own_names(one) for one in self.family(definition))
        )


def _is_known(origin: str, elsewhere: Elsewhere) -> bool | None:
    if torch_class(origin) or origin in _MODULES:
        return True
    return False if origin.startswith(_PLAIN) else elsewhere(origin)


def _bases(definition: cst.ClassDef) -> Iterator[cst.BaseExpression]:
    for argument in definition.bases:
        # `Base[T]` inherits from Base.
        yield argument.value.value if isinstance(argument.value, cst.Subscript) else argument.value


def _own_names(definition: cst.ClassDef) -> set[str]:
    names: set[str] = set()
    for statement, scope, *_ in within(Scope(definition)):
        match statement:
            case cst.FunctionDef(name=cst.Name(value=name)) if scope.is_top:
                names.add(name)
            case cst.Assign(targets=targets):
                names.update((dotted_name(target.target) or "").removeprefix("self.") for target in targets)
            case cst.AnnAssign(target=target):
                names.add((dotted_name(target) or "").removeprefix("self."))
    return names
