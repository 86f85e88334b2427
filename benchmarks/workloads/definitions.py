"""Loading Dagster definitions of 200 contracts (`ours`), and `import dagster` alone (`plain`)."""

import json
import os
import sys
import time
from pathlib import Path

from benchmarks.lakes import lake_below

CONTRACTS = 200


def prepare(folder: Path) -> None:
    """Write 200 silver contracts that differ in name only."""
    lake_below(folder)
    contracts = folder / "config/contracts/silver"
    text = (contracts / "orders.odcs.yaml").read_text()
    for number in range(1, CONTRACTS):
        name = f"orders_{number:03d}"
        copy = text.replace("silver.orders", f"silver.{name}").replace("name: orders\n", f"name: {name}\n")
        (contracts / f"{name}.odcs.yaml").write_text(copy)


def plain(folder: Path) -> None:
    """Import Dagster and nothing else."""
    del folder
    import dagster  # noqa: F401, PLC0415 - what is measured


def ours(folder: Path) -> None:
    """Load the definitions."""
    os.environ |= {"LAKEHOUSE_CONFIG_DIR": str(folder / "config"), "LAKEHOUSE_ROOT": str(folder / "lake")}
    from lakehouse_assets.definitions import defs  # noqa: PLC0415 - what is measured

    assert len(defs.resolve_all_asset_keys()) >= CONTRACTS


if __name__ == "__main__":
    variant, where = sys.argv[1], Path(sys.argv[2])
    where.mkdir(parents=True, exist_ok=True)
    started = time.process_time()
    {"prepare": prepare, "plain": plain, "ours": ours}[variant](where)
    print(json.dumps({"seconds": time.process_time() - started}))
