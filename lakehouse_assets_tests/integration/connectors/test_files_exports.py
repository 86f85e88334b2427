"""Real exports, read in place: each lands whole, and Python's own readers find the same in it."""

import csv
import gzip
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.files import Files
from lakehouse_assets_tests.drops import arrived, typed_source
from lakehouse_assets_tests.tiers import RETAIL

pytestmark = [pytest.mark.integration, pytest.mark.real_data]

DATA = RETAIL.parent
EXPORTS = [
    path
    for name in ("salesforce_export", "hubspot_export", "crm", "rees46_events")
    for path in sorted((DATA / name).glob("*.csv"))
    if path.name != "data_dictionary.csv"  # a drawing of the tables, no table
]
EVENTS = sorted((DATA / "gharchive").glob("*.json.gz"))


def landed(path: Path, columns: Mapping[str, str], **options: Any) -> pl.DataFrame:  # noqa: ANN401 - of `read`
    """Return the rows of a file, which is a partition by itself."""
    source = typed_source(path.parent, columns, **{"pattern": "{partition}", "final_newline": False, **options})
    return arrived(Files(source, Access(environ={})).extract(source.tables["orders"], [path.name])[path.name])


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_export_lands_whole(path: Path) -> None:
    content = path.read_text(encoding="utf-8-sig")
    header, *records = csv.reader(io.StringIO(content))
    # Names that begin with _ are ours: what a tool adds under such a name is set aside.
    declared = [name for name in header if not name.startswith("_")]

    rows = landed(path, dict.fromkeys(declared, "text"), min_rows=0)

    whole = [record for record in records if len(record) == len(header)]
    assert rows.height == len(records)
    assert rows["_defect"].count() == len(records) - len(whole)
    expected = [tuple(record[header.index(name)] for name in declared) for record in whole]
    assert rows.filter(pl.col("_defect").is_null()).select(pl.col(declared).fill_null("")).rows() == expected
    if len(declared) < len(header) and whole:
        asides = [json.loads(text) for text in rows["_unknown"].drop_nulls()]
        assert [set(aside) for aside in asides] == [set(header) - set(declared)] * len(whole)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_an_hour_of_events_lands_whole(path: Path) -> None:
    events = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]

    rows = landed(
        path,
        {
            "id": "text",
            "type": "text",
            "actor": "text",
            "payload": "text",
            "public": "boolean",
            "created_at": "timestamp",
        },
        format="jsonl",
        compression=("gzip",),
        fields={"actor": "actor.login"},
        nested=("payload",),
    )

    assert rows["_defect"].null_count() == rows.height == len(events)
    assert rows["id"].to_list() == [event["id"] for event in events]
    assert rows["actor"].to_list() == [event["actor"]["login"] for event in events]
    assert [json.loads(text) for text in rows["payload"]] == [event["payload"] for event in events]
    assert [json.loads(text)["repo"] for text in rows["_unknown"]] == [event["repo"] for event in events]
    assert rows["created_at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ").to_list() == [event["created_at"] for event in events]
