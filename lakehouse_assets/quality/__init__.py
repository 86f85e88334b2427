"""Parse, judge, deduplicate, quarantine, score."""
