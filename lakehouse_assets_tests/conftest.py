"""What every test may ask for: a temporary lake, an ephemeral Dagster instance, a fixed clock, real data.

The network ends at this machine (`--allow-hosts` in pyproject.toml; a guard proves it). Builders of values are in
`builders`, the choice of tests that can run here in `tiers`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import settings

from lakehouse_assets_tests.tiers import (
    RETAIL,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

__all__ = [
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
]

RETAIL_FILES = 305

# A shared machine has slow moments; a seed is printed with every failure.
settings.register_profile("lakehouse", deadline=None, print_blob=True)
settings.load_profile("lakehouse")


@pytest.fixture
def lake_root(tmp_path: Path) -> Path:
    """Return the empty folder of a temporary lake."""
    root = tmp_path / "lake"
    root.mkdir()
    return root


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Yield a Dagster instance that keeps nothing."""
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as ephemeral:
        yield ephemeral


@pytest.fixture
def now() -> datetime:
    """Return the time it is in every test: a Monday noon in UTC."""
    return datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def retail_folder() -> Path:
    """Return the real data set, read in place; its tests carry the marker `real_data`.

    Raises when the folder is there but a file of it is not: an incomplete set would prove less than it says.
    """
    files = sorted(RETAIL.glob("*.csv"))
    if len(files) != RETAIL_FILES:
        pytest.fail(f"{RETAIL.name} has {len(files)} of {RETAIL_FILES} daily files")
    return RETAIL
