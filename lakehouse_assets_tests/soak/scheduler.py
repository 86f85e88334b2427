"""One of several schedulers of the same lake: Dagster, with an instance that no other process knows.

Says `GO`, waits for a line, then runs assets in rounds. Arguments and output are those of `racer`.
"""

import os
import sys

import dagster as dg

from lakehouse_assets.defs.build import assemble
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import open_lake
from lakehouse_assets.settings import load_settings


def schedule(rounds: int, tables: list[str], partitions: list[str]) -> None:
    """Run every asset, again and again, each in a run of its own."""
    lake = open_lake(load_settings(os.environ))
    job = assemble(LakeResource(lake)).resolve_implicit_global_asset_job_def()
    days = {"dagster/asset_partition_range_start": partitions[0], "dagster/asset_partition_range_end": partitions[-1]}
    sys.stdout.write("GO\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with dg.DagsterInstance.ephemeral() as instance:
        for table in tables * rounds:
            name = TableName.parse(table)
            ran = job.execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey(name.parts)],
                tags=days if lake.contract(name).is_partitioned else {},
                raise_on_error=False,
            )
            sys.stdout.write(f"{table} {'succeeded' if ran.success else 'failed'}\n")


if __name__ == "__main__":
    schedule(int(sys.argv[1]), sys.argv[2].split(","), sys.argv[3:])
