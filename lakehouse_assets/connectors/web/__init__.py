"""Sources over HTTP: where a request may go, who it says it is, how pages follow each other."""
