"""How many mode and batch mistakes a linter finds: training and validation scripts broken on purpose."""
