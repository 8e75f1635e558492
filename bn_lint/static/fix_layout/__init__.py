"""How fixes are written: which lines they take in, and how names are spelled there."""
