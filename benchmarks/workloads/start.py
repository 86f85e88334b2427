"""`lakehouse run` of a one-row partition as a user types it; the whole process counts."""

import json
import os
import sys
from pathlib import Path

from benchmarks.lakes import lake_below, land


def prepare(folder: Path) -> None:
    """Land one row."""
    land(lake_below(folder), 1)


def ours(folder: Path) -> None:
    """Run silver for it."""
    os.environ |= {
        "LAKEHOUSE_CONFIG_DIR": str(folder / "config"),
        "LAKEHOUSE_ROOT": str(folder / "lake"),
        "LAKEHOUSE_RUN_LOG": "off",
    }
    from lakehouse_assets.cli.main import main  # noqa: PLC0415 - what is measured

    sys.argv = ["lakehouse", "run", "silver/orders", "--partition", "2026-01-05", "--json"]
    main()


if __name__ == "__main__":
    variant, where = sys.argv[1], Path(sys.argv[2])
    where.mkdir(parents=True, exist_ok=True)
    try:
        {"prepare": prepare, "ours": ours}[variant](where)
    except SystemExit as finished:
        assert not finished.code, finished.code
    print(json.dumps({"seconds": 0}))
