"""Hostile inputs by chance: mutants of files that bn-lint reads. None may break it, whatever it says about them."""
