"""The pipeline: files -> units -> facts -> findings -> report."""
