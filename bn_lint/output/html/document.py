"""The document around a page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from functools import cache
from html import escape
from importlib import resources

from bn_lint import __version__


def document(title: str, body: Iterable[str]) -> str:
    """A complete HTML document with the style and the script of all pages."""
    style, script = _resource("style.css"), _resource("script.js")
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; base-uri 'none'; "
        "form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        + "".join(body)
        + f"<footer>Made by bn-lint {escape(__version__)}.</footer>\n</main>\n"
        + f"<script>{script}</script>\n</body>\n</html>\n"
    )


def in_frame(page: str) -> str:
    """A page for the output of a notebook: in a frame, so that neither style reaches the other, and nothing runs."""
    return f'<iframe srcdoc="{escape(page)}" sandbox="" width="100%" height="640" frameborder="0"></iframe>'


@cache
def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def path_text(path: str) -> str:
    """A path, escaped, that a browser breaks at its slashes."""
    return escape(path).replace("/", "/<wbr>")


def with_code(text: str) -> str:
    """Text with `code` between back quotes, escaped."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def header(kind: str, title: str, about: Iterable[str]) -> str:
    """The top of a page: what it is, of what, and facts about it."""
    facts = "".join(f"<li>{escape(one)}</li>" for one in about if one)
    return (
        f'<header><p class="kind">{escape(kind)}</p><h1>{escape(title)}</h1><ul class="about">{facts}</ul></header>\n'
    )


def numbers(known: Iterable[tuple[int, str, str]]) -> str:
    """A line of counts, each with its noun and the plural of that."""
    items = "".join(f"<li><b>{count:,}</b> {noun if count == 1 else nouns}</li>" for count, noun, nouns in known)
    return f'<ul class="numbers">{items}</ul>\n'


def search(target: str, what: str) -> str:
    """A field that filters the findings and rows of the element with this id. It is shown where scripts run."""
    return (
        f'<p class="search" hidden><label>Search <input type="search" data-filter="{target}" '
        f'placeholder="{escape(what)}" aria-controls="{target}"></label> '
        f'<span class="soft" role="status"></span></p>\n'
    )


def table(
    columns: Iterable[tuple[str, str]], rows: Iterable[Iterable[str]], kind: Callable[[int], str] = lambda index: ""
) -> str:
    """A table that becomes a list of cards on narrow screens.

    Args:
        columns: The class and the heading of each column.
        rows: The HTML of the cells.
        kind: The class of a row, by its index.
    """
    known = list(columns)
    head = "".join(f'<th scope="col"{_class(column)}>{escape(name)}</th>' for column, name in known)
    body = "".join(
        f"<tr{_class(kind(index))}>"
        + "".join(
            f'<td{_class(column)} data-label="{escape(name)}">{cell}</td>'
            for (column, name), cell in zip(known, cells, strict=True)
        )
        + "</tr>\n"
        for index, cells in enumerate(rows)
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>\n'


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""
