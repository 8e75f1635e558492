"""The built-in rules: one file each, named after its code."""
