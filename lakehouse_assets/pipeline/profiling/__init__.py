"""Profiling: where the time and the memory of a run go, found by a rehearsal that publishes nothing."""
