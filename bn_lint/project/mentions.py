"""What the engine asks of texts, besides their syntax trees.

`answers` gives all of it at once: two texts with the same code and the same answers are judged alike.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Hashable
from functools import cache, lru_cache

from bn_lint.project.module_finder import computed_imports, folders_of_loaded, imports, imports_anything, names_folders
from bn_lint.project.prefilter import deserves_judging, is_interpreted, is_program, is_surveyed, uses_zoo

#: The names that a `from ... import` statement brings.
IMPORTED = re.compile(
    # A bracket that is not closed ends at the next one, so that no text is read twice.
    r"^[^\S\n]*from[^\S\n]+[\w.]+[^\S\n]+import[^\S\n]*(\((?:[^()#]|#[^\n]*)*\)?|[^\n]*)",
    re.MULTILINE,
)
#: Decorators, which are no calls.
_DECORATOR = re.compile(r"^[ \t]*@[^\n]*", re.MULTILINE)
LAYER = r"(?:Sync|Lazy)?BatchNorm[123]?d?"
BUILDS = re.compile(rf"\b{LAYER}\s*\(")
#: A file that trains.
TRAINS = re.compile(r"\.backward\s*\(")
SWITCHES = re.compile(r"\.\s*(?:train|eval)\s*\(\s*\)")
#: Where something is switched.
_SWITCH = re.compile(r"\.\s*(?:train|eval)\s*\(")
#: A call of `eval()` in a line of its own that is commented out.
_DECLINED = re.compile(r"^[ \t]*#[# \t]*(?:\w+\.)*(\w+)\.eval\(\)", re.MULTILINE)
_CLASS = re.compile(r"([ \t]*)class[ \t]+(\w+)")
#: What conditions need to ask about the mode, or the size of a batch.
CONDITION = re.compile(r"\.training\b|[<>=]=?\s*\d|\d\s*[<>=]")
CONDITIONAL = re.compile(r"if\b(?<!\wif).*")
CONVERT = "convert_sync_batchnorm"
#: What a script does with a model that it has made, at its top level.
_MAKES = re.compile(r"^(\w+)\s*=\s*[\w.]+\(", re.MULTILINE)
_USES = re.compile(r"^(\w+)\.(?:load_state_dict|train|eval)\(", re.MULTILINE)
#: What a script hands to an optimizer.
WEIGHTS = ".parameters()"
#: What the top level of a module may put into a table that another one holds: a decorator, an item, a call, ...
_FILLS = re.compile(r"^(?:@[A-Za-z_]|[A-Za-z_][\w.]*(?:\[[^\n]*\][ \t]*=[^=]|\())", re.MULTILINE)
#: ... and a class, where the project has one that is told of those that inherit from it.
_INHERITS = re.compile(r"^class[ \t]+\w+[ \t]*\([ \t]*\w", re.MULTILINE)
_TOLD = re.compile(r"\bmetaclass[ \t]*=|\b__init_subclass__\b")
#: What reaches layers without naming them.
INDIRECT = frozenset(
    "getattr children named_children modules named_modules get_submodule _modules __dict__ __getattr__ vars".split()
)
#: Words that decide whether something is looked for in a tree.
_WORDS = (
    "__main__",
    "import_module(",
    "__import__(",
    "torch",
    "BatchNorm",
    "load_state_dict",
    "yield",
    "batch_norm(",
    "track_running_stats",
    ".apply(",
    WEIGHTS,
)
#: What lists and dictionaries have, and `nn.ModuleList` and `nn.ModuleDict` have not.
_PLAIN_ONLY = "remove|sort|reverse|index|count|copy|clear|get|setdefault|popitem|fromkeys|__mul__"
#: Where an attribute is read of `self`, and is no target: what follows is no comma and no equals sign.
_READ_OF_SELF = re.compile(r"(?<!\bas )\bself\.(\w+)\b(?=[\s:(.[)])(?!\s*(?:=(?!=)|,))")
#: What sets attributes whose names are computed.
_COMPUTED = re.compile(
    r"\b(?:setattr|add_module|register_(?:module|buffer|parameter)|exec|vars)\s*\(|__dict__|__getattr"
)
_ISINSTANCE = re.compile(r"isinstance(?<!\wisinstance)\([^()]*")
_NAME = re.compile(r"\w+")


def answers(text: str, defined: Container[str]) -> Hashable:
    """What the engine may learn from a text that its code does not say; of fixes, the lines around tell more.

    Args:
        defined: The names of functions and classes of the project.
    """
    return (
        answers_unparsed(text, defined),
        any(map(CONDITION.search, CONDITIONAL.findall(text))),
        declined(text),
        classes_that_decline(text),
        only_read(text),
        frozenset(line.strip() for line in text.split("\n") if ".zero_grad(" in line),
        frozenset(match.group() for match in plain_uses(r"\w+").finditer(text)),
        frozenset(_ISINSTANCE.findall(text)),
        frozenset(_NAME.findall(text)) if CONVERT in text else None,
    )


def answers_while_running(text: str) -> tuple[Hashable, ...]:
    """Those of the answers that entry points may ask for, of whatever file."""
    return (
        declined(text),
        classes_that_decline(text),
        only_read(text),
        frozenset(line.strip() for line in text.split("\n") if ".zero_grad(" in line),
        several_processes(text),
        switched_names(text),
        names_folders(text),
        may_fill_tables(text, told=False),
        may_fill_tables(text, told=True),
        is_told_of_classes(text),
        names_architecture(text),
    )


@lru_cache(maxsize=4096)
def names_architecture(text: str) -> bool:
    """Whether a text names an architecture with BatchNorm, in code or in words."""
    from bn_lint.libraries.architectures import NAMED

    return re.search(NAMED, text.lower()) is not None


def uses_models(text: str) -> bool:
    """Whether the top level of a file makes a model and loads its weights, or switches it: a script does."""
    return ("load_state_dict" in text or SWITCHES.search(text) is not None) and not {*_MAKES.findall(text)}.isdisjoint(
        _USES.findall(text)
    )


def may_fill_tables(text: str, *, told: bool) -> bool:
    """Whether the top level of a module may put something into a table of another one, such as a registry.

    Args:
        told: Whether the project has classes that are told of those that inherit from them.
    """
    return _FILLS.search(text) is not None or (told and _INHERITS.search(text) is not None)


def is_told_of_classes(text: str) -> bool:
    """Whether a module has a class that is told of those that inherit from it."""
    return ("metaclass" in text or "__init_subclass__" in text) and _TOLD.search(text) is not None


def declined(text: str) -> frozenset[str]:
    """The names whose `eval()` is commented out: its author knows of it, and does without."""
    return frozenset(_DECLINED.findall(text)) if "eval()" in text else frozenset()


def classes_that_decline(text: str) -> frozenset[str]:
    """The classes in which an `eval()` of a part is commented out."""
    found: set[str] = set()
    if "eval()" not in text:
        return frozenset()
    around: list[tuple[int, str]] = []
    for line in text.split("\n"):
        code = line.lstrip()
        indentation = len(line) - len(code)
        if code and not code.startswith("#"):
            around = [one for one in around if one[0] < indentation]
        if (opened := _CLASS.match(line)) is not None:
            around.append((indentation, opened[2]))
        elif around and "eval()" in line and _is_commented_out(line):
            found.add(around[-1][1])
    return frozenset(found)


def _is_commented_out(line: str) -> bool:
    """Whether the comment of a line is code that calls `eval()`: `# self.net = self.net.eval()`, `#.eval()`."""
    target, _, called = line.partition("#")[2].strip("# \t").rpartition("=")
    return called.endswith(".eval()") and len(called.split()) == 1 and len(target.split()) <= 1


@lru_cache(maxsize=256)
def only_read(text: str) -> frozenset[str]:
    """The attributes that a text reads of `self` and names nowhere else, so that nothing in it can have set them.

    None of a text that has no word of modules, about which alone it is asked.
    """
    if "Module" not in text or _COMPUTED.search(text) is not None:
        return frozenset()
    read = Counter(_READ_OF_SELF.findall(text))
    named = Counter(_NAME.findall(text))
    return frozenset(name for name, count in read.items() if named[name] == count)


def plain_uses(name: str) -> re.Pattern[str]:
    """Uses of an attribute that only plain lists and dictionaries have; the name is a regular expression."""
    attribute = rf"\.{name}\b"
    return re.compile(rf"{attribute}\s*(?:\.\s*(?:{_PLAIN_ONLY})\b|[+*]|[=!]=)|\bisinstance\([^()]*{attribute}")


def answers_unparsed(text: str, defined: Container[str]) -> Hashable:
    """What the engine may learn from the text of a file without looking at its code.

    Args:
        defined: The names of functions and classes of the project: calls of others are not asked for.
    """
    return (
        deserves_judging(text.encode("utf-8", "surrogatepass")),
        *(ask(text) for ask in (is_interpreted, is_surveyed, is_program, uses_zoo)),
        *(word in text for word in _WORDS),
        *(bool(each.search(text)) for each in (TRAINS, SWITCHES, BUILDS)),
        several_processes(text),
        uses_models(text),
        names_architecture(text),
        frozenset(imports(text)),
        computed_imports(text),
        folders_of_loaded(text),
        imports_anything(text),
        names_folders(text),
        frozenset(_NAME.findall(" ".join(IMPORTED.findall(text)))),
        frozenset(found for found in calls_in(text) if found[1] in defined),
        switched_names(text),
        may_fill_tables(text, told=False),
        may_fill_tables(text, told=True),
        is_told_of_classes(text),
    )


def calls_in(text: str) -> frozenset[tuple[str, str]]:
    """The names that are called in a text, each with the dot before it, if there is one; names of decorators are not.

    All texts of a project are asked: looking back from the brackets takes a fifth of the time of a search for names.
    """
    found = set()
    for before in (_DECORATOR.sub("@", text) if "@" in text else text).split("(")[:-1]:
        left, name = _last_word(before)
        if name:
            found.add(("." if left.endswith(".") else "", name))
    return frozenset(found)


def switched_names(text: str) -> frozenset[str]:
    """The names of what a text switches: of `self.net.train()` the last one."""
    starts = [found.start() for found in _SWITCH.finditer(text)]
    return frozenset(_last_word(text[before:start])[1] for before, start in zip([0, *starts], starts)) - {""}


def _last_word(text: str) -> tuple[str, str]:
    """A text without the word that it ends with, and that word; space behind either is left out."""
    text = text.rstrip()
    start = len(text)
    while start and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    return text[:start].rstrip(), text[start:]


def several_processes(text: str) -> bool:
    """Whether a text mentions what programs do that run in several processes, by themselves or by what starts them."""
    lowered = text.lower()
    return any(
        word in lowered and (word == written or re.search(written, lowered) is not None)
        for word, written in _several_processes()
    )


@cache
def _several_processes() -> tuple[tuple[str, str], ...]:
    """Words, and the expressions that they come from: most texts have none of the words."""
    from bn_lint.libraries import LIBRARIES

    own = r"distribut|process_group|\bddp\b|torchrun|local_rank|world_size|\bmp\.spawn"
    every = [own, *(one.several_processes for one in LIBRARIES if one.several_processes)]
    return tuple((written.replace("\\b", "").replace("\\.", "."), written) for written in "|".join(every).split("|"))
