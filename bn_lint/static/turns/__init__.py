"""What turns have shown, kept from one analysis to the next (ARCHITECTURE.md, "Units and the cache")."""
