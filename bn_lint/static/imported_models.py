"""How files that do not mention BatchNorm come to models that have it: by what they import, call and start."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bn_lint.project.mentions import IMPORTED, WEIGHTS, calls_in, uses_models
from bn_lint.project.module_finder import imports
from bn_lint.project.prefilter import is_interpreted, is_program, uses_zoo
from bn_lint.project.source import Source
from bn_lint.static.syntax.source_files import Project, SourceFile
from bn_lint.static.syntax.tree import asked_once

#: What the top level of a file makes, and what it calls methods of: `tester = Tester(options)`, `tester.test()`.
_MADE = re.compile(r"^(\w+)\s*=\s*[\w.]+\(", re.MULTILINE)
_ACTING = re.compile(r"^(\w+)\.\w+\(", re.MULTILINE)
#: Files that are searched for a mention of BatchNorm, from one program.
_MOST_IMPORTED = 200


class ImportedModels:
    """Asks the files of a project what they reach through their imports."""

    def __init__(self, project: Project, *, any_interpreted: bool) -> None:
        """Set up.

        Args:
            any_interpreted: Whether a file to judge mentions BatchNorm; it may be what a computed import names.
        """
        self.project = project
        self.any_interpreted = any_interpreted

    def starts_program(self, file: SourceFile) -> bool:
        """Whether a script that trains nothing itself starts what stands elsewhere: `Trainer(options).train()`.

        It may also hand a model and its optimizer to a function. One that imports another script starts that, which is
        run by itself.
        """
        text = file.source.text
        made = set(_MADE.findall(text))
        acts = any(name in made for name in _ACTING.findall(text))
        hands_over = WEIGHTS in text and self.is_script(file.source)
        if "__main__" not in text and not acts and not hands_over:
            return False
        imported = list(self._imported(file))
        if any(map(self._is_started, imported)):
            return False
        # A package may only hand on what stands in its modules: `from .trainer import Trainer`.
        packages = (one for one in imported if one.path.name == "__init__.py")
        imported += [one for package in packages for one in self._imported(package)]
        return any(is_program(one.source.text) for one in imported)

    def _is_started(self, file: SourceFile) -> bool:
        """Whether a file is a script that is run by itself: one that plots, or tries out a data set, is not."""
        text = file.source.text
        return "__main__" in text and (is_interpreted(text) or (is_program(text) and self.reaches_models(file)))

    def _imported(self, file: SourceFile) -> Iterator[SourceFile]:
        """The files of the modules that a file imports."""
        modules = (self.project.resolve(file.path, dotted, level) for dotted, level in imports(file.source.text))
        yield from filter(None, (self.project.file(path) for path in modules if path is not None))

    def is_script(self, source: Source) -> bool:
        """Whether a file is run by itself: as notebooks are wherever they stand, and what is no module of a package.

        That a folder is a package does not say so of a script in it.
        """
        if source.path.suffix == ".ipynb" or "__main__" in source.text or uses_models(source.text):
            return True
        return not self.project.filesystem.is_file(source.path.parent / "__init__.py")

    def reaches_models(self, file: SourceFile) -> bool:
        """Whether imports lead from a file to one that mentions BatchNorm, or a model of a library that has it."""
        seen = {file.path}
        pending = [file]
        while pending and len(seen) < _MOST_IMPORTED:
            importer = pending.pop(0)
            text = importer.source.text
            if ("import_module(" in text or "__import__(" in text) and self.any_interpreted:
                return True  # by a name that is computed it may import any of them
            for dotted, level in imports(text):
                module = self.project.resolve(importer.path, dotted, level)
                names = () if module is None else _imported_words(text)
                paths = [] if module is None else [module, *(self.project.submodule(module, name) for name in names)]
                for path in paths:
                    if path is None or path in seen or path.suffix != ".py":
                        continue
                    seen.add(path)
                    target = self.project.file(path)
                    if target is not None and (is_interpreted(target.source.text) or uses_zoo(target.source.text)):
                        return True
                    if target is not None:
                        pending.append(target)
        return False


def used_names(wanted: set[str], text: str) -> set[str]:
    """The names that a text imports and calls, or calls as attributes."""
    called = [(dot, name) for dot, name in _calls_in(text) if name in wanted]
    return {name for dot, name in called if dot or name in _imported_words(text)}


#: Texts are asked again and again, with more names each time.
_calls_in = asked_once(calls_in)


@asked_once
def _imported_words(text: str) -> frozenset[str]:
    """The words of the imports in a text that name what is imported."""
    return frozenset(re.findall(r"\w+", " ".join(IMPORTED.findall(text))))
