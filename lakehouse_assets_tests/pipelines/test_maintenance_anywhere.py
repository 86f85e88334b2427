"""Maintenance on a disk and in object stores alike: same steps, same rows, old versions by number, nothing needless."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lakehouse_assets.engines.polars_engine import PolarsEngine
from lakehouse_assets.pipeline.content import content_of, served_quarantine
from lakehouse_assets.pipeline.upkeep.maintain import keep_version, maintain, plan_maintenance
from lakehouse_assets_tests.lakes import DAY, NEXT, ORDERS, deliver, order, refresh, shop_lake, statuses
from lakehouse_assets_tests.past import clustered_by, live_through
from lakehouse_assets_tests.places import Place

pytestmark = pytest.mark.integration

# Times of an object store cannot be changed, so maintenance is told that it is much later.
LATER = timedelta(days=30)


def test_a_lake_is_maintained_wherever_it_lies(place: Place, tmp_path: Path) -> None:
    lake = live_through(shop_lake(tmp_path, clustered_by("[amount]"), environ=place.environ))
    opened = lake.open(ORDERS)
    assert opened is not None
    keep_version(lake, ORDERS, "kept")
    before = content_of(lake, ORDERS)
    deliver(lake, NEXT, [order(1)])
    refresh(lake, NEXT)

    now = datetime.now(UTC)
    first, second = ({step.what for step in maintain(lake, ORDERS, at=now + LATER)} for _ in range(2))

    assert first >= {"rewrote", "pruned", "removed data files", "removed log entries"}
    assert "rewrote" not in second
    assert plan_maintenance(lake, ORDERS, at=now + LATER).is_empty
    assert content_of(lake, ORDERS).partitions[DAY] == before.partitions[DAY]
    rows = served_quarantine(lake, ORDERS)
    assert rows is not None
    assert len(lake.engine.collect(rows)) == 3
    assert statuses(refresh(lake, DAY, NEXT)) == {DAY: "unchanged", NEXT: "unchanged"}
    kept = lake.open(ORDERS, opened.version)
    assert kept is not None
    assert len(PolarsEngine(lake.options).collect(lake.scan(kept))) == before.rows
    left = [path for path in place.listing() if path.endswith(".parquet") and path.startswith("silver/orders/_proc")]
    newest = lake.open(ORDERS)
    assert newest is not None
    assert set(left) == {f"silver/orders/{file.path}" for file in (*newest.files, *kept.files)}
