"""What `lakehouse doctor` looks at, one module a subject. Each leaves everything as it was."""
