"""Syntax trees: parsing, walking, scopes, places. Knows libcst and no values."""
