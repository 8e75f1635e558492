"""Training scripts that other people wrote, run as they are, with the tracer and without."""
