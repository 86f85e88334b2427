"""Upkeep: files rewritten into fewer ones, and everything removed that nobody can need any more."""
