"""The lake of the chosen environment, for every command; no command of its own."""

import os
from dataclasses import replace
from pathlib import Path

from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.computing import POLARS, SPARK
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.settings import load_settings


def current_lake() -> Lake:
    """Open the lake that `LAKEHOUSE_ENV` selects; raise ConfigError with every problem at once."""
    return open_lake(load_settings(os.environ))


def other_lake(config_dir: Path) -> Lake:
    """Open the same lake under contracts and sources of another folder; the settings stay those of `LAKEHOUSE_ENV`."""
    if not config_dir.is_dir():
        raise LakehouseError(f"there is no folder {str(config_dir)!r}.", fix="Name a folder like config/.")
    return open_lake(replace(load_settings(os.environ), config_dir=config_dir.absolute()))


def computed_by(engine: str, lake: Lake) -> Lake:
    """Return the lake with an engine chosen for this command; none is chosen by an empty name."""
    if engine not in {"", POLARS, SPARK}:
        raise LakehouseError(f"there is no engine {engine!r}.", fix=f"Write {POLARS} or {SPARK}.")
    return replace(lake, engine_name=engine) if engine else lake


def table_argument(text: str) -> TableName:
    """Read a table name as typed on a command line."""
    return TableName.parse(text)
