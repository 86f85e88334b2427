"""One function per rule; true means fine."""
