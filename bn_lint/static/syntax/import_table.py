"""What the names of one file mean, as far as its own imports and aliases tell."""

from __future__ import annotations

from bn_lint.static.syntax import nodes as cst
from bn_lint.static.syntax.scopes import statements

#: What `from torch.nn import *` brings that class statements and constructor calls commonly name.
_STAR_EXPORTS = {"torch.nn": ("Module", "Sequential", "ModuleList", "ModuleDict", "Parameter", "BatchNorm", "Conv")}


class ImportTable:
    """The dotted origin of the names that a file imports or aliases.

    A name with two different origins has none, except that the body of a `try` wins over its `except`: a fallback is
    written to be equivalent.
    """

    def __init__(self) -> None:
        self._origins: dict[str, str | None] = {}
        self._stars: list[str] = []
        self._bound: set[str] = set()

    @staticmethod
    def of(module: cst.Module, *, top_only: bool = False) -> ImportTable:
        """Read the imports of a whole file, those inside functions included, and the aliases of its top level.

        With `top_only` the imports inside functions are left out.
        """
        table = ImportTable()
        for statement, scope, fallback, _ in statements(module):
            if top_only and not scope.is_top:
                continue
            match statement:
                case cst.Import():
                    table._import(statement, fallback)
                case cst.ImportFrom():
                    table._import_from(statement, fallback)
                case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))]) if scope.is_top:
                    table._alias(name, statement.value, fallback)
                case cst.ClassDef() | cst.FunctionDef() if scope.is_top:
                    table._define(statement.name.value, fallback)
        return table

    def qualified(self, expression: cst.BaseExpression) -> str | None:
        """The dotted origin of a name or attribute: `nn.Conv2d` is `torch.nn.Conv2d`; None when it has none.

        Relative imports keep their dots: `.layers.Block`. Classes of `torch.nn` lose the private module between.
        """
        dotted = dotted_name(expression)
        if dotted is None:
            return None
        root, _, rest = dotted.partition(".")
        origin = self._origins[root] if root in self._origins else self._from_star(root)
        if origin is None:
            return None
        return _canonical(f"{origin}.{rest}" if rest else origin)

    def starred(self, expression: cst.BaseExpression) -> list[str]:
        """What a name without an origin of its own may be: the same name in the modules imported by `*`, last first."""
        if not isinstance(expression, cst.Name) or expression.value in self._bound:
            return []
        return [f"{star}{'' if star.endswith('.') else '.'}{expression.value}" for star in reversed(self._stars)]

    def spelling_of(self, module: str) -> str | None:
        """What the file calls a module: `nn` or `torch.nn` for `torch.nn`; None when it cannot name it."""
        for name, origin in self._origins.items():
            if origin == module:
                return name
        package, _, rest = module.partition(".")
        return module if rest and self._origins.get(package) == package else None

    def imports(self, name: str) -> bool:
        """Whether the file imports this name or binds it to something imported."""
        return name in self._origins

    def packages(self) -> set[str]:
        """The top-level packages that are imported."""
        roots = {origin.partition(".")[0] for origin in self._origins.values() if origin}
        return roots | {star.partition(".")[0] for star in self._stars}

    def _bind(self, name: str, origin: str, fallback: bool) -> None:
        if fallback:
            self._origins.setdefault(name, origin)
        elif self._origins.get(name, origin) != origin:
            self._origins[name] = None
        else:
            self._origins[name] = origin

    def _import(self, statement: cst.Import, fallback: bool) -> None:
        for name in statement.names:
            module = dotted_name(name.name) or ""
            match name.asname:
                case cst.AsName(name=cst.Name(value=alias)):
                    self._bind(alias, module, fallback)
                case _:
                    root = module.partition(".")[0]
                    self._bind(root, root, fallback)

    def _import_from(self, statement: cst.ImportFrom, fallback: bool) -> None:
        module = "." * statement.relative + (dotted_name(statement.module) or "" if statement.module else "")
        if isinstance(statement.names, cst.ImportStar):
            self._stars.append(module)
            return
        prefix = module if not module or module.endswith(".") else f"{module}."
        for name in statement.names:
            match name:
                case cst.ImportAlias(name=cst.Name(value=member), asname=cst.AsName(name=cst.Name(value=alias))):
                    self._bind(alias, prefix + member, fallback)
                case cst.ImportAlias(name=cst.Name(value=member)):
                    self._bind(member, prefix + member, fallback)

    def _alias(self, name: str, value: cst.BaseExpression, fallback: bool) -> None:
        origin = self.qualified(value)
        if origin is not None:
            self._bind(name, origin, fallback)
        elif name not in self._origins:
            self._bound.add(name)
        elif not fallback:
            self._origins[name] = None

    def _define(self, name: str, fallback: bool) -> None:
        self._bound.add(name)
        if name in self._origins and not fallback:
            self._origins[name] = None

    def _from_star(self, name: str) -> str | None:
        if name in self._bound:
            return None
        for star in self._stars:
            if name.startswith(_STAR_EXPORTS.get(star, ("\0",))):
                return f"{star}.{name}"
        return None


def dotted_name(expression: cst.CSTNode) -> str | None:
    """`a.b.c` as text, or None when the expression is anything but names and dots."""
    parts: list[str] = []
    while isinstance(expression, cst.Attribute):
        parts.append(expression.attr.value)
        expression = expression.value
    if not isinstance(expression, cst.Name):
        return None
    parts.append(expression.value)
    return ".".join(reversed(parts))


def _canonical(origin: str) -> str:
    if origin.startswith("torch.nn.modules."):
        return "torch.nn." + origin.rpartition(".")[2]
    return origin
