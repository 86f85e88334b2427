"""Rows a partition's source has, counted again after the run, against rows that were read."""

from collections.abc import Mapping, Sequence

from lakehouse_assets.connectors.protocol import Extraction, Rejection
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.backfills.journal import Reconciliation
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import Recorded, recorded


def reconcile(lake: Lake, table: TableName, partitions: Sequence[str]) -> dict[str, Reconciliation]:
    """Return, for published partitions whose source can be counted, what it has and what was read.

    Of bronze that is the source itself, of silver its bronze table; gold is computed, there is nothing to count.
    """
    contract, opened = lake.contract(table), lake.open(table)
    if opened is None or not contract.is_partitioned:
        return {}
    words = recorded(lake.objects_of(table), opened, partitions, skip_damaged=True)
    if table.layer == "bronze":
        return _with_source(lake, table, words)
    return _with_bronze(lake, contract, words)


def _with_source(lake: Lake, table: TableName, words: Mapping[str, Recorded]) -> dict[str, Reconciliation]:
    source = lake.catalog.sources[table.path[0]]
    if source.replay == "snapshot":
        note = "a snapshot of the past is not extracted again"
        return {key: Reconciliation(None, word.of.ledger.read, note) for key, word in words.items()}
    answers = lake.connector(source.name).extract(source.tables[table.path[1]], sorted(words)) if words else {}
    return {partition: _counted(answers[partition], word) for partition, word in words.items()}


def _counted(answer: Extraction | Rejection, word: Recorded) -> Reconciliation:
    of = word.of
    # Rows that an earlier extraction of a `state` source left are no part of what this one read.
    read = of.measures.get("rows", of.ledger.published) + of.ledger.deduplicated
    if isinstance(answer, Rejection):
        return Reconciliation(None, read, f"the source cannot be read any more: {answer.error.what}")
    note = ""
    if {one.sha256 for one in answer.objects} != {one.sha256 for one in of.objects}:
        note = "the source was changed since it was read"
    return Reconciliation(answer.rows + answer.deduplicated, read, note)


def _with_bronze(lake: Lake, contract: Contract, words: Mapping[str, Recorded]) -> dict[str, Reconciliation]:
    bronze = [name for name in contract.upstreams if name.layer == "bronze"]
    opened = lake.open(bronze[0]) if len(bronze) == len(contract.upstreams) == 1 else None
    if opened is None:
        return {}
    landed = {key: sum(file.rows for file in opened.files_of([key])) for key in words}
    return {key: Reconciliation(landed[key], word.of.ledger.read) for key, word in words.items()}
