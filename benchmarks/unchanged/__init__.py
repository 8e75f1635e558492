"""Whether two revisions of bn-lint find the same, and in the same number of steps."""
