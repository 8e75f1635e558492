"""One command a module. Each defines `command`; `bn_lint.cli.main.COMMANDS` lists their names."""
