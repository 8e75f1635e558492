"""What bn-lint costs, as ratios to what the reader knows."""
