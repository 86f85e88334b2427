"""Fault campaigns: what `make soak` runs at length and `make test` runs with a few seeds."""
