"""Gold tables; parameter names are the upstream tables."""
