"""A trace as a value, and as JSON."""
