"""`lakehouse validate`: what would be built, where plug-ins were found, and every finding with its line."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

from lakehouse_assets.cli.console import AsJson, console, print_json, print_table
from lakehouse_assets.contracts.loader import load_catalog
from lakehouse_assets.contracts.loading import Mode, Role
from lakehouse_assets.contracts.model import Catalog, Contract
from lakehouse_assets.contracts.vocabulary import Vocabulary
from lakehouse_assets.documents.codes import Level
from lakehouse_assets.documents.findings import Finding
from lakehouse_assets.naming import LAYERS
from lakehouse_assets.pipeline.vocabulary import collect_vocabulary, transforms
from lakehouse_assets.settings import read_settings

_COLOURS = {Level.ERROR: "red", Level.WARNING: "yellow", Level.INFO: "cyan"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("validate")(validate)


def validate(*, as_json: AsJson = False) -> None:
    """Check the whole configuration and show what it describes; fails when anything is wrong with it."""
    settings, of_settings = read_settings(os.environ)
    vocabulary = collect_vocabulary()
    folder = settings.config_dir if settings else Path(os.environ.get("LAKEHOUSE_CONFIG_DIR", "config")).absolute()
    catalog, of_catalog = load_catalog(folder, vocabulary, settings.sources if settings else {})
    findings = (*of_settings, *of_catalog)
    if as_json:
        print_json({"tables": _tables(catalog), "plugins": _plugins(vocabulary), "findings": _findings(findings)})
    else:
        _show(catalog, vocabulary, findings)
    if any(finding.is_error for finding in findings):
        raise typer.Exit(1)


def _show(catalog: Catalog, vocabulary: Vocabulary, findings: tuple[Finding, ...]) -> None:
    for layer in LAYERS:
        rows = [list(table.values())[1:] for table in _tables(catalog) if table["layer"] == layer]
        print_table(layer, ("table", "mode", "partitions", "columns", "rules", "upstreams"), map(_cells, rows))
    for kind, found in _plugins(vocabulary).items():
        print_table(kind, ("name", "module"), found.items())
    for finding in findings:
        colour = _COLOURS[finding.severity]
        console.print(f"[{colour}]{escape(str(finding))}[/{colour}]")
    counted = Counter(finding.severity for finding in findings)
    summary = ", ".join(_counted(counted[level], level) for level in Level)
    told = f"{_counted(len(catalog.contracts), 'table')} from {_counted(len(catalog.sources), 'source')}"
    console.print(f"{told}: {summary}")


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _cells(row: list[Any]) -> list[Any]:
    return [", ".join(cell) if isinstance(cell, list) else cell for cell in row]


def _tables(catalog: Catalog) -> list[dict[str, Any]]:
    return [_table(contract) for contract in catalog.contracts.values()]


def _table(contract: Contract) -> dict[str, Any]:
    return {
        "layer": contract.table.layer,
        "table": str(contract.table),
        "mode": contract.load.mode.value if contract.role is Role.TABLE else contract.role.value,
        "partitions": _partitions(contract),
        "columns": len(contract.columns),
        "rules": len(contract.rules),
        "upstreams": [str(upstream) for upstream in contract.upstreams],
    }


def _partitions(contract: Contract) -> str:
    if contract.load.mode is Mode.DERIVED and contract.load.buckets > 1:
        return f"{contract.load.buckets} buckets"
    if not contract.is_partitioned:
        return "one"
    calendar = contract.calendar
    if calendar is None:
        return "unknown"
    hours = ", hourly" if contract.is_hourly else ""
    return f"{contract.partition_column}, {calendar.starts} to {calendar.ends or 'now'}{hours}"


def _plugins(vocabulary: Vocabulary) -> dict[str, dict[str, str]]:
    return {
        "rules": {name: signature.module for name, signature in vocabulary.rules.items()},
        "sources": dict(vocabulary.source_kinds),
        "channels": dict(vocabulary.channels),
        "transforms": {str(table): plugin.module for table, plugin in transforms().items()},
    }


def _findings(findings: tuple[Finding, ...]) -> list[dict[str, Any]]:
    return [
        {
            "code": finding.code,
            "severity": finding.severity.value,
            "path": finding.spot.path,
            "line": finding.spot.line,
            "column": finding.spot.column,
            "message": finding.message,
            "hint": finding.hint,
        }
        for finding in findings
    ]
