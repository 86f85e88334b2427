"""Contract and source models, their strict loader, and nothing that touches data."""
