"""A single-run range of 305 tiny partitions: through Dagster on SQLite (`ours`), and the data work alone (`plain`)."""

import json
import os
import shutil
import sys
import time
import uuid
from pathlib import Path

import dagster as dg

from lakehouse_assets_tests.retail_files import retail_rows, write_day

DAYS = 305
SILVER = "silver/retail_order_lines"


def _environment(folder: Path, variant: str) -> None:
    os.environ |= {
        "LAKEHOUSE_ENV": "local",
        "LAKEHOUSE_ROOT": str(folder / f"lake-{variant}"),
        "LAKEHOUSE_RUN_LOG": "off",
        "RETAIL_DROP": str(folder / "drop"),
        "DAGSTER_HOME": str(folder / "dagster"),
    }


def prepare(folder: Path) -> float:
    """Write a file of five lines for every open day and land them all."""
    from lakehouse_assets.naming import TableName  # noqa: PLC0415
    from lakehouse_assets.pipeline.lake import open_lake  # noqa: PLC0415
    from lakehouse_assets.pipeline.run import materialise  # noqa: PLC0415
    from lakehouse_assets.settings import load_settings  # noqa: PLC0415

    _environment(folder, "ours")
    lake = open_lake(load_settings(os.environ))
    bronze = TableName.parse("bronze/retail/order_lines")
    days = lake.partitions(bronze)
    assert len(days) == DAYS
    for day in days:
        write_day(folder / "drop", day, retail_rows(day, 5))
    assert not any(result.is_blocked for result in materialise(lake, bronze, days, run_id="bench"))
    shutil.copytree(folder / "lake-ours", folder / "lake-plain", dirs_exist_ok=True)
    return 0.0


def ours(folder: Path) -> float:
    """Materialise the range in one in-process Dagster run; return seconds."""
    _environment(folder, "ours")
    shutil.rmtree(folder / "lake-ours/silver", ignore_errors=True)
    shutil.rmtree(folder / "dagster", ignore_errors=True)
    (folder / "dagster").mkdir()
    from lakehouse_assets.definitions import defs  # noqa: PLC0415

    key = dg.AssetKey(SILVER.split("/"))
    job = _job(defs, key)
    definition = defs.resolve_asset_graph().get(key).partitions_def
    assert definition is not None
    partitions = definition.get_partition_keys()
    tags = {"dagster/asset_partition_range_start": partitions[0], "dagster/asset_partition_range_end": partitions[-1]}
    with dg.DagsterInstance.local_temp(str(folder / "dagster")) as instance:
        started = time.perf_counter()
        result = job.execute_in_process(instance=instance, tags=tags, run_id=str(uuid.uuid4()))
        seconds = time.perf_counter() - started
        assert result.success
        assert len(instance.get_materialized_partitions(key)) == DAYS
    return seconds


def plain(folder: Path) -> float:
    """Materialise the range without Dagster; return seconds."""
    from lakehouse_assets.naming import TableName  # noqa: PLC0415
    from lakehouse_assets.pipeline.lake import open_lake  # noqa: PLC0415
    from lakehouse_assets.pipeline.run import materialise  # noqa: PLC0415
    from lakehouse_assets.settings import load_settings  # noqa: PLC0415

    _environment(folder, "plain")
    shutil.rmtree(folder / "lake-plain/silver", ignore_errors=True)
    lake = open_lake(load_settings(os.environ))
    table = TableName.parse(SILVER)
    started = time.perf_counter()
    results = list(materialise(lake, table, lake.partitions(table), run_id="bench"))
    assert len(results) == DAYS
    return time.perf_counter() - started


def _job(defs: dg.Definitions, key: dg.AssetKey) -> dg.JobDefinition:
    wanted = dg.Definitions.merge(defs, dg.Definitions(jobs=[dg.define_asset_job("range", selection=[key])]))
    return wanted.resolve_job_def("range")


if __name__ == "__main__":
    variant, where = sys.argv[1], Path(sys.argv[2])
    where.mkdir(parents=True, exist_ok=True)
    print(json.dumps({"seconds": {"prepare": prepare, "ours": ours, "plain": plain}[variant](where)}))
