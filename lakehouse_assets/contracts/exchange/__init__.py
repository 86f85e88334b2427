"""Contracts from and to the formats of others; what cannot be carried over is always told."""
