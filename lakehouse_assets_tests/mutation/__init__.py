"""Generated mutants of the modules that must never lose a row: `make mutate`."""
