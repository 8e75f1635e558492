"""Syntax trees: parsing, lowering, walking, scopes, places. Alone knows libcst, and knows no values."""
