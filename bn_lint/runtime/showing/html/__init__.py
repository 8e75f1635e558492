"""A trace as one HTML file, without anything to download: plots are SVG, and nothing needs a script."""
