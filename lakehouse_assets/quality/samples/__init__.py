"""Rows made from contracts: fine ones, one violation a rule, and what else goes wrong; for tests and canaries."""
