"""An abstract interpreter of Python."""
