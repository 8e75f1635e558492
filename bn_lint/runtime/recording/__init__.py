"""Watches a running program."""
