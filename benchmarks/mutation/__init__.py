"""How many real mistakes a linter finds: BatchNorm widths and variants broken on purpose in real model libraries."""
