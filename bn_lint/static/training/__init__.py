"""Which mode each model is in, what it is called for, and on how large batches."""
