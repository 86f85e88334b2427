"""From YAML text to plain data whose every node knows its line, and findings that say what is wrong with it."""
