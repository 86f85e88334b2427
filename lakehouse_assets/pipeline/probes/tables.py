"""Whether every table that is there can be opened: its log is whole and ends where it is known to end."""

from collections.abc import Iterator
from pathlib import Path

from lakehouse_assets.contracts.loader import load_valid_catalog
from lakehouse_assets.errors import StorageError
from lakehouse_assets.naming import TableName, probe_file
from lakehouse_assets.pipeline.diagnosis import Diagnosis, Installation, fine, of_error, probe
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.vocabulary import collect_vocabulary
from lakehouse_assets.storage.objects import Objects


@probe
def tables(installation: Installation) -> Iterator[Diagnosis]:
    """Open each table at its newest version."""
    settings = installation.settings
    # Not `open_lake`: what else keeps a lake from being opened is for other probes to say.
    catalog = load_valid_catalog(settings.config_dir, collect_vocabulary(), settings.sources)
    lake = Lake(settings.root, catalog, settings)
    if not settings.is_local:
        # A store that does not answer is said once, not once a table.
        Objects(lake.root, lake.options).names(probe_file(""))
    opened, damaged = 0, 0
    for name in lake.catalog.contracts:
        try:
            opened += _is_there(lake, name) and lake.open(name) is not None
        except StorageError as raised:
            damaged += 1
            yield of_error(raised)
    if not damaged:
        yield fine(f"{opened} of {len(lake.catalog.contracts)} tables are there and can be opened", lake.root)


def _is_there(lake: Lake, name: TableName) -> bool:
    # Looking for a table that is not there must not make its folder.
    return not lake.settings.is_local or Path(lake.root_of(name)).is_dir()
