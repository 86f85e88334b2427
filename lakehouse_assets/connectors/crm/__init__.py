"""Customer systems over their vendors' own clients: who asks, through which door, what a record says."""
