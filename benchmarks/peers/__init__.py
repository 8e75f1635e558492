"""What other linters see of mistakes with BatchNorm."""
