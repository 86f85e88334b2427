"""The lake of the chosen environment, for every command; no command of its own."""

import os

from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.settings import load_settings


def current_lake() -> Lake:
    """Open the lake that `LAKEHOUSE_ENV` selects; raise ConfigError with every problem at once."""
    return open_lake(load_settings(os.environ))


def table_argument(text: str) -> TableName:
    """Read a table name as typed on a command line."""
    return TableName.parse(text)
