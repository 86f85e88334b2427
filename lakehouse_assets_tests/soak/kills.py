"""A lake under this repository's own configuration, and what it holds; for tests that run the retail chain."""

import os
from pathlib import Path

from lakehouse_assets.naming import quarantine_of
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.soak.chain import CHAIN, SILVER


def environment(root: Path, drop: Path) -> dict[str, str]:
    """Return what a child process needs to work on a lake of its own."""
    return os.environ | {
        "LAKEHOUSE_ENV": "local",
        "LAKEHOUSE_ROOT": str(root),
        "LAKEHOUSE_RUN_LOG": "off",
        "RETAIL_DROP": str(drop),
    }


def lake_at(root: Path, drop: Path) -> Lake:
    """Open the lake of a campaign in this process."""
    os.environ["RETAIL_DROP"] = str(drop)
    return open_lake(load_settings(environment(root, drop)))


def hashes(lake: Lake) -> dict[str, str]:
    """Return the content hash of every table of the chain and of the quarantine."""
    return {str(table): content_of(lake, table).hash for table in (*CHAIN, quarantine_of(SILVER))}
