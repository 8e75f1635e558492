"""Where bn-lint is found on the web."""

from __future__ import annotations

#: The documentation, without a slash at its end; None until it is published.
DOCUMENTATION: str | None = None


def page_of(rule: str) -> str | None:
    """The address of the page of a rule, by its name."""
    return None if DOCUMENTATION is None else f"{DOCUMENTATION}/docs/rules/{rule}/"
