"""Backfills as a governed operation: planned, run newest first, resumable, measured before and after, written down."""
