"""Trace -> facts -> findings; without torch."""
