"""One command a module. Each defines `command`; `bn_lint.cli.COMMANDS` lists their names."""
