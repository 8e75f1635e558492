"""Source text -> facts, without importing or running the code under judgment."""
