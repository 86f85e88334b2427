"""Other tools at the same job, each in an environment of its own; nothing here is imported by the project."""
