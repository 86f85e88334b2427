"""Run log and reports."""
