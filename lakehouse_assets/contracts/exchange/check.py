"""Made contracts are read back with the loader of every contract, alone and strictly: what is written can be used."""

from lakehouse_assets.contracts.odcs import read_contract
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.vocabulary import Vocabulary
from lakehouse_assets.documents.findings import Report, raise_errors
from lakehouse_assets.documents.strict_yaml import parse_document
from lakehouse_assets.naming import TableName


def check_text(text: str, table: TableName, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return the warnings about a contract's text; raise ConfigError with every error."""
    report = Report()
    document = parse_document(text.encode(), f"{table.short}.odcs.yaml", report)
    if document is not None:
        read_contract(table, Reading(document, report, vocabulary, frozenset({table})))
    raise_errors(report.sorted())
    return tuple(f"{finding.message} {finding.hint}".strip() for finding in report.sorted())
