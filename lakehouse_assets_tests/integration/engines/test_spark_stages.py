"""What Spark says of its own work: stages where its driver is this process, nodes of plans over Connect."""

import narwhals as nw
import polars as pl
import pytest

from lakehouse_assets.engines.protocol import EngineStage, TellsStages
from lakehouse_assets.engines.spark_engine import SparkEngine
from lakehouse_assets_tests.spark import KINDS, spark_engine

# A JVM on a busy machine takes its time.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
ROWS = 1_000


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest) -> SparkEngine:
    return spark_engine(request.getfixturevalue(request.param))


def computed(engine: SparkEngine) -> list[EngineStage]:
    """Count rows by group and return what is told of it, and not of anything before."""
    engine.last_stages()
    rows = engine.lift(pl.DataFrame({"id": range(ROWS)})).with_columns(group=nw.col("id") % 7)
    engine.collect(rows.group_by("group").agg(nw.len()))
    return engine.last_stages()


def test_an_engine_is_asked_for_its_stages(engine: SparkEngine) -> None:
    assert isinstance(engine, TellsStages)


@pytest.mark.spark
@pytest.mark.parametrize("engine", ["spark_classic"], indirect=True)
def test_stages_tell_their_tasks_rows_and_bytes(engine: SparkEngine) -> None:
    found = computed(engine)

    assert all(one.name.startswith("stage ") and " at " not in one.name and one.tasks for one in found)
    assert max(one.rows for one in found) >= 7
    assert max(one.bytes_written for one in found) > 0


@pytest.mark.spark
@pytest.mark.parametrize("engine", ["spark_connect"], indirect=True)
def test_nodes_of_a_plan_tell_the_rows_they_gave(engine: SparkEngine) -> None:
    found = computed(engine)

    assert 7 in {one.rows for one in found if "Aggregate" in one.name}
    assert ROWS in {one.rows for one in found}


def test_nothing_is_told_twice(engine: SparkEngine) -> None:
    computed(engine)

    assert engine.last_stages() == []
