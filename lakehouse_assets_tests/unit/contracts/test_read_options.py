"""How files are read is checked when it is loaded: options of another format, ways out of the location, watching."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lakehouse_assets.contracts.model import ReadOptions
from lakehouse_assets_tests.configuration import SOURCE, VOCABULARY, changed, load

PATTERN = '"{partition}.csv"'


def told(options: str) -> list[str]:
    """Return what is found where `read` also says this."""
    found = load(changed(SOURCE, PATTERN, f"{PATTERN}, {options}"))[1]
    return [f"{finding.code} {finding.message}" for finding in found]


@pytest.mark.parametrize(
    "options",
    [
        "format: tsv, quote: '', trailer: 'END'",
        "format: jsonl, fields: {OrderNo: order.no}, nested: [State], compression: [gzip], finalNewline: false",
        "format: json, encoding: utf-8-sig",
        "format: parquet, nested: [State], maxExpansion: 1000",
        "format: excel, sheet: Data, headerRow: 3, mergedCells: fill, trimHeader: true",
        "successMarker: 'done/{partition}'",
    ],
)
def test_options_of_a_format_are_taken(options: str) -> None:
    assert told(options) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("format: tsv, delimiter: ';'", "LH925 delimiter is for csv; the format is tsv."),
        ("format: jsonl, header: false", "LH925 header is for csv and tsv and excel; the format is jsonl."),
        ("format: parquet, encoding: cp1252", "LH925 encoding is for csv and tsv and jsonl and json; the format is"),
        ("headerRow: 2", "LH925 headerRow is for excel; the format is csv."),
        ("format: jsonl, nested: [Stat]", "LH910 'Stat' is not among the columns."),
        ("format: jsonl, fields: {Stat: a.b}", "LH910 'Stat' is not among the columns."),
        ("successMarker: /done", "LH924 successMarker leads out of the location."),
    ],
)
def test_other_options_are_told(options: str, message: str) -> None:
    (found,) = told(options)

    assert found.startswith(message)


def test_tsv_is_csv_with_tabs() -> None:
    catalog = load(changed(SOURCE, PATTERN, f"{PATTERN}, format: tsv"))[0]

    read = catalog.sources["shop"].tables["lines"].read
    assert isinstance(read, ReadOptions)
    assert (read.format, read.delimiter) == ("tsv", "\t")


def test_a_source_of_files_can_be_watched() -> None:
    catalog, findings = load(changed(SOURCE, "kind: files", "watch: 30s\nkind: files"))

    assert catalog.sources["shop"].watch == timedelta(seconds=30)
    assert findings == ()


def test_a_source_without_files_cannot_be_watched() -> None:
    vocabulary = replace(VOCABULARY, source_kinds={"files": "", "sql": ""})

    findings = load(changed(SOURCE, "kind: files", "watch: 30s\nkind: sql"), vocabulary)[1]

    assert [finding.code for finding in findings] == ["LH926"]
