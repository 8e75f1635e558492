"""One spelling everywhere: the American one, which is that of PyTorch."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("bn_lint", "rules", "docs", "tests", "fixtures", "editors/vscode", ".ci", ".github")
SUFFIXES = frozenset({"", ".js", ".json", ".md", ".py", ".toml", ".yml"})

#: Beginnings of words, each with a gap where the other spelling has something else.
BRITISH = (
    *(f"{stem} s" for stem in ("normali", "initiali", "recogni", "optimi", "synchroni", "quanti", "memoi", "seriali")),
    *("behavio ur", "colo ur", "favo ur", "hono ur", "neighbo ur"),
    *("cent re", "catalog ue", "analy se[ds]?\\b(?<!analyses)", "judg ement", "label l", "model led", "signal led"),
)
_FOUND = re.compile("|".join(word.replace(" ", "") for word in BRITISH), re.IGNORECASE)


def test_spelling() -> None:
    found = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in SUFFIXES or not path.is_file() or "node_modules" in path.parts:
                continue
            name = path.relative_to(ROOT).as_posix()
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [f"{name}: {word[0]}" for word in (*_FOUND.finditer(name), *_FOUND.finditer(text))]
    assert not found
