"""Tests. `builders` is the one shared module; folders below are found by path."""
