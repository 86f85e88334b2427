"""One module per table that needs code."""
