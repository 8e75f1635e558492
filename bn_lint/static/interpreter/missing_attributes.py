"""Attributes that nothing can have set: Python raises `AttributeError` where a method reads one of its object."""

from __future__ import annotations

from bn_lint.project.mentions import only_read
from bn_lint.static.interpreter.hooks import Domain
from bn_lint.static.interpreter.values import Class, Instance, LibraryClass


def is_nowhere_set(domain: Domain, instance: Instance, name: str) -> bool:
    """Whether a module has no attribute of a name, as far as the files that define its classes can tell.

    They define all of its classes, and name it only where it is read: `self.con1(x)`.
    """
    cls = instance.cls
    if name.startswith("_") or name in domain.module_names or not isinstance(cls, Class) or cls.metaclass is not None:
        return False
    for one in cls.mro:
        if isinstance(one, Class):
            if not one.file.is_valid or name not in only_read(one.file.source.text):
                return False
        elif not (isinstance(one, LibraryClass) and one.name == domain.module_class):
            return False
    return True
