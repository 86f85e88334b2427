"""Work that is measured: each module runs one variant in a fresh process and prints its seconds as JSON."""
