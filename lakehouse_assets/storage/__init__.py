"""Delta tables at rest: objects, staged files, commits, records, pins."""
