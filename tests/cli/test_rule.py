"""`bn-lint rule`: the pages of rules, for people and as JSON."""

from __future__ import annotations

import json

from bn_lint.check.registry import load_rules

from .commands import Run


def test_rule_pages(run: Run) -> None:
    code, by_code, _ = run("rule", "bn401")
    assert code == 0
    assert by_code == run("rule", "keras-momentum")[1]
    assert by_code.startswith("# BN401 keras-momentum\n\nSeverity warning, on by default, since ")
    assert "## Use instead" in by_code
    assert run("rule", "BN902")[1].startswith("# BN902 syntax-error\n\nAlways on.\n")
    everything = run("rule", "--all")[1]
    assert all(f"# {each.code} {each.name}\n" in everything for each in load_rules())
    styled = run("rule", "BN401", "--color=always")[1]
    assert "\x1b[" in styled
    assert "keras-momentum" in styled


def test_rule_pages_as_json(run: Run) -> None:
    page = json.loads(run("rule", "BN401", "--output-format=json")[1])
    assert list(page) == ["code", "name", "summary", "severity", "default", "since", "page"]
    assert (page["code"], page["severity"], page["default"]) == ("BN401", "warning", True)
    everything = json.loads(run("rule", "--all", "--output-format=json")[1])
    assert [each["code"] for each in everything] == [
        *(r.code for r in load_rules()),
        "BN900",
        "BN901",
        "BN902",
        "BN903",
    ]


def test_the_beginning_of_a_code_lists_rules(run: Run) -> None:
    code, out, _ = run("rule", "bn80")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["BN801", "BN802", "BN803", "BN804", "BN805"]
    assert len(json.loads(run("rule", "BN80", "--output-format=json")[1])) == 5
    assert run("rule", "BN801")[1].startswith("# BN801 ")
    assert json.loads(run("rule", "BN801", "--output-format=json")[1])["code"] == "BN801"
    assert run("rule", "BN86")[0] == 2
