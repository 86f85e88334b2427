"""What `make bench` runs: each figure is a ratio inside one run, or what the operating system says about a process."""
