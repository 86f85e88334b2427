"""How files are found, opened and read; the connector of kind `files` puts these parts together."""
