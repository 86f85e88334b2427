"""Schema on read: where the values of a declared raw column are in rows that landed before it was declared.

A row holds such a value once: in the column, among the unknown ones (`_unknown`), or under a former name. What landed
is never read from the source again. Reading text as types is `quality.parse`.
"""

from collections.abc import Iterator, Mapping

import narwhals as nw

from lakehouse_assets.contracts.model import Contract, SourceTable
from lakehouse_assets.contracts.odcs import upstream_of
from lakehouse_assets.engines import kit
from lakehouse_assets.naming import UNKNOWN
from lakehouse_assets.pipeline.built_in import RAW

READ = "__read_"
_TEXT = "string"


def raw_columns(contract: Contract) -> dict[str, str]:
    """Return the raw column of each promised column that comes straight from one."""
    pairs = ((column.name, upstream_of(column.sources[0])) for column in contract.columns if len(column.sources) == 1)
    return {name: found[1] for name, found in pairs if found is not None}


def lookups(contract: Contract, source: SourceTable, stored: Mapping[str, str]) -> dict[str, nw.Expr]:
    """Return an expression for each raw column that `RAW` alone does not give; `stored` has bronze's Delta types.

    A column that is declared and never landed is null. Values are looked for among the unknown ones only where the
    column is text: a typed column lands again (`schema: on_write`).
    """
    wanted = dict.fromkeys(name for name in raw_columns(contract).values() if name in source.columns)
    found = {name: _lookup(name, source, stored) for name in wanted}
    return {name: expr.alias(f"{READ}{name}") for name, expr in found.items() if expr is not None}


def _lookup(name: str, source: SourceTable, stored: Mapping[str, str]) -> nw.Expr | None:
    kept = stored.get(name)
    if source.schema == "on_write" or kept not in {None, _TEXT}:
        return None if kept else nw.lit(None, nw.String())
    places = list(_places(name, source, stored))
    return nw.coalesce(*places) if len(places) > 1 else places[0]


def _places(name: str, source: SourceTable, stored: Mapping[str, str]) -> Iterator[nw.Expr]:
    # The newest name first: where a sender used two names at once, the later word counts.
    for each in (name, *source.renamed_from.get(name, ())):
        if stored.get(each) == _TEXT:
            yield nw.col(f"{RAW}{each}")
        yield kit.json_field(nw.col(f"{RAW}{UNKNOWN}"), each)
