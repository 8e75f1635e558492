"""Attributes that nothing can have set: Python raises `AttributeError` where a method reads one of its object."""

from __future__ import annotations

import re
from functools import cache

from bn_lint.static.interpreter.hooks import Domain
from bn_lint.static.interpreter.values import Class, Instance, LibraryClass
from bn_lint.static.syntax.source_files import SourceFile

#: What sets attributes whose names are computed.
_COMPUTED = re.compile(
    r"\b(?:setattr|add_module|register_(?:module|buffer|parameter)|exec|vars)\s*\(|__dict__|__getattr"
)


def is_nowhere_set(domain: Domain, instance: Instance, name: str) -> bool:
    """Whether a module has no attribute of a name, as far as the files that define its classes can tell.

    They define all of its classes, and name it only where it is read: `self.con1(x)`. What follows a comma, or stands
    before one, may be assigned.
    """
    if name.startswith("_") or name in domain.module_names or not instance.is_module:
        return False
    if not isinstance(instance.cls, Class) or instance.cls.metaclass is not None:
        return False
    for cls in instance.cls.mro:
        if isinstance(cls, Class):
            if not cls.file.is_valid or _may_set(cls.file.source.text, name):
                return False
        elif not (isinstance(cls, LibraryClass) and cls.name == domain.module_class):
            return False
    return True


def _may_set(text: str, name: str) -> bool:
    """Whether a text names an attribute otherwise than to read it of `self`."""
    read = re.findall(rf"(?<!\bas )\bself\.{name}\b(?=[\s:(.[)])(?!\s*(?:=(?!=)|,))", text)
    return _sets_computed(text) or len(read) < len(re.findall(rf"\b{name}\b", text))


@cache
def _sets_computed(text: str) -> bool:
    return _COMPUTED.search(text) is not None
