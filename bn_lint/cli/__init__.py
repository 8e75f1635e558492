"""The command line: the only place that prints and decides about exit codes."""
