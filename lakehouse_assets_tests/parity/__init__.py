"""Both engines give the same: edge cases of every operation, parser, rule and transform, on Polars and on Spark."""
