"""A trace for people."""
