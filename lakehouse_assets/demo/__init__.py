"""A small shop simulated day by day, with known dirt."""
