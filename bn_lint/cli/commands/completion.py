"""What a shell offers after an option that takes rules."""

from __future__ import annotations

import click


def rules(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The codes and names that begin as the incomplete word does; after a comma, those of the last part."""
    from bn_lint.check.explain import everything

    before, comma, last = incomplete.rpartition(",")
    words = [word for entry in everything() for word in (entry.code, entry.name)]
    return [before + comma + word for word in words if word.startswith(last)]
