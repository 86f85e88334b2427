"""`python -m benchmarks.workloads.anomalies`: the whole anomaly suite; prints what was found of each kind."""

import json
import time

from benchmarks.anomalies import HOLIDAY, KINDS, SEEDS, WILD, evaluated


def main() -> None:
    """Judge every day of every series and print shares found, by kind, and false alarms."""
    started = time.perf_counter()
    found = evaluated(SEEDS)
    told = {f"found {kind}": round(found.recall_of(kind), 4) for kind in (*KINDS, HOLIDAY, WILD)}
    numbers = {"recall": found.recall, "false_per_100d": found.false_per_100_days, "zero": found.recall_of("zero")}
    print(json.dumps({"seconds": time.perf_counter() - started, **numbers, **told}))


if __name__ == "__main__":
    main()
