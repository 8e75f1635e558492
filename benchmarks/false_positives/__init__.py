"""How many of bn-lint's findings about released packages are true."""
