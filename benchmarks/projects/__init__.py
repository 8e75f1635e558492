"""Research repositories as people write them: how often bn-lint is right about them, and what it misses there."""
