"""What an editor offers to do about a finding: fixes, comments, and settings of the project."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("pygls")

from lsprotocol import types as lsp

from .client import MISTAKES, Client, Talk, applied

pytestmark = pytest.mark.slow


def test_fixes_and_comments_are_offered(talk: Callable[[Talk], None]) -> None:
    async def conversation(client: Client) -> None:
        await client.open(MISTAKES)
        fix, ignore = [one for one in await client.actions((9, 3)) if one.kind == lsp.CodeActionKind.QuickFix]
        assert (fix.title, fix.is_preferred) == ("BN102: write `net.eval()` (unsafe)", False)
        assert applied(MISTAKES, fix) == MISTAKES.replace("net.eval\n", "net.eval()\n")
        assert ignore.title == "BN102: ignore it here"
        assert applied(MISTAKES, ignore) == MISTAKES.replace("net.eval\n", "net.eval  # bn-lint: ignore[BN102]\n")

        (comment,) = [one for one in await client.actions((8, 50)) if one.kind == lsp.CodeActionKind.QuickFix]
        assert applied(MISTAKES, comment) == MISTAKES.replace(".train()\n", ".train()  # bn-lint: ignore[BN401]\n")

        both = [fix.title, ignore.title]
        assert [one.title for one in await client.actions((9, 3), only=["quickfix"])] == both
        (everything,) = await client.actions((0, 0), only=["source.fixAll"])
        assert everything.kind == "source.fixAll.bn-lint"
        assert applied(MISTAKES, everything) == MISTAKES.replace(
            "super().train(mode)\n", "super().train(mode)\n        return self\n"
        )
        client.change(2, lsp.TextDocumentContentChangeWholeDocument("\n" + MISTAKES))
        assert await client.actions((9, 3)) == []

    talk(conversation)


def test_rules_are_disabled_in_the_settings_of_the_project(talk: Callable[..., None]) -> None:
    async def conversation(client: Client) -> None:
        settings = client.root / "pyproject.toml"
        settings.write_text('[project]\nname = "x"\n\n[tool.bn-lint]\nexclude = ["old"]\n')
        await client.open(MISTAKES)
        (action,) = [one for one in await client.actions((9, 3)) if "disable" in one.title]
        assert action.title == "BN102: disable it in pyproject.toml"
        assert action.edit is not None
        assert action.edit.changes is not None
        ((uri, (edit,)),) = action.edit.changes.items()
        assert uri == client.uri("pyproject.toml")
        assert edit.range.start == lsp.Position(4, 0)
        assert edit.new_text == 'ignore = ["BN102"]\n'

    talk(conversation)
