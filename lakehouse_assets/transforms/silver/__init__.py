"""Silver tables that need code; the function is named after the table."""
