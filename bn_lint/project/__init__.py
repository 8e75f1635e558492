"""What is judged, as text and files: discovery, decoding, settings, and which files belong together."""
