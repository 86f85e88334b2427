"""Nobody who has no table on Spark imports Spark, although contracts, settings and definitions know the engine."""

import os
from pathlib import Path

import pytest

from lakehouse_assets_tests.repository import ROOT, run, tool

HEAVY = ("pyspark", "py4j", "dagster_pyspark", "grpc_status", "pandas", "pyarrow")
SHOWN = f"import sys; print([name for name in {HEAVY!r} if name in sys.modules])"


@pytest.mark.parametrize(
    "imported",
    [
        "lakehouse_assets.definitions",
        "lakehouse_assets.pipeline.run, lakehouse_assets.pipeline.computing",
        "lakehouse_assets.engines.kit, lakehouse_assets.engines.spark_session",
    ],
)
@pytest.mark.parametrize("engine", ["polars", "spark"])
def test_definitions_and_verbs_load_without_spark(imported: str, engine: str, tmp_path: Path) -> None:
    environ = os.environ | {"LAKEHOUSE_ENGINE": engine, "LAKEHOUSE_ROOT": str(tmp_path)}
    done = run(tool("python"), "-c", f"import {imported}\n{SHOWN}", cwd=ROOT, env=environ)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
