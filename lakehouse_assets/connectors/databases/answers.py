"""One answer for every day asked for: a day that cannot be had never stops another one."""

from collections.abc import Callable, Iterable, Mapping

from lakehouse_assets.connectors.access import Access
from lakehouse_assets.connectors.file_formats.csv_header import HeaderError
from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.contracts.model import SourceTable
from lakehouse_assets.errors import SourceError


def answers(
    access: Access, table: SourceTable, days: Iterable[str], extract: Callable[[str], Extraction]
) -> Mapping[str, Extraction | Rejection]:
    """Return what `extract` says of each day, asked again as the source's policy allows."""
    return {day: _answer(access, table, day, extract) for day in days}


def _answer(
    access: Access, table: SourceTable, day: str, extract: Callable[[str], Extraction]
) -> Extraction | Rejection:
    try:
        return access.attempt(f"{table.source}.{table.name} of {day}", lambda: extract(day))
    except HeaderError as error:
        return Rejection(day, error, drift=error.drift)
    except SourceError as error:
        return Rejection(day, error)
