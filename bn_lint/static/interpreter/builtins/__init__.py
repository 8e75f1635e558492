"""Python's built-in functions and types, and the standard library."""
