"""Loads everything under `config/` that describes data: all files, all findings at once, then one catalog."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from lakehouse_assets.contracts.bronze import bronze_contract
from lakehouse_assets.contracts.lineage import check_lineage, cycles, with_calendar
from lakehouse_assets.contracts.lint import check_runbook
from lakehouse_assets.contracts.model import Catalog, Contract, Source
from lakehouse_assets.contracts.odcs import read_contract
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.source_file import read_source
from lakehouse_assets.contracts.timing import check_timing, read_cadences, read_retry_policies
from lakehouse_assets.contracts.vocabulary import Vocabulary
from lakehouse_assets.documents.findings import Finding, Report, Spot, nearest, raise_errors
from lakehouse_assets.documents.strict_yaml import Document, read_document
from lakehouse_assets.naming import LAYERS, TableName, is_name
from lakehouse_assets.settings import SourceOverlay

SUFFIX = ".odcs.yaml"


def load_catalog(
    config_dir: Path, vocabulary: Vocabulary, overlays: Mapping[str, SourceOverlay] | None = None
) -> tuple[Catalog, tuple[Finding, ...]]:
    """Return what the configuration describes, as far as it could be read, and every finding."""
    return _Loader(config_dir, vocabulary, overlays or {}).load()


def load_valid_catalog(
    config_dir: Path, vocabulary: Vocabulary, overlays: Mapping[str, SourceOverlay] | None = None
) -> Catalog:
    """Return the catalog, or raise ConfigError with every error."""
    catalog, findings = load_catalog(config_dir, vocabulary, overlays)
    raise_errors(findings)
    return catalog


class _Loader:
    """One load: reads every file once, then looks at them together."""

    def __init__(self, config_dir: Path, vocabulary: Vocabulary, overlays: Mapping[str, SourceOverlay]) -> None:
        self._config, self._vocabulary, self._overlays = config_dir, vocabulary, overlays
        self._report = Report()
        self._readings: dict[TableName, Reading] = {}

    def load(self) -> tuple[Catalog, tuple[Finding, ...]]:
        cadences = read_cadences(*self._named("schedules.yaml"), self._report)
        policies = read_retry_policies(*self._named("retry_policies.yaml"), self._report)
        sources = self._sources()
        for source, reading in sources.values():
            check_timing(source, cadences, policies, reading)
        contracts = self._contracts(sources)
        self._check_together(contracts)
        complete = {
            name: with_calendar(contract, contracts, self._readings[name]) for name, contract in contracts.items()
        }
        found = {name: source for name, (source, _) in sources.items()}
        catalog = Catalog(dict(sorted(complete.items())), found, cadences, policies)
        return catalog, self._report.sorted()

    def _path(self, file: Path) -> str:
        return f"{self._config.name}/{file.relative_to(self._config).as_posix()}"

    def _named(self, name: str) -> tuple[Document | None, str]:
        file = self._config / name
        return (read_document(file, self._path(file), self._report) if file.exists() else None), self._path(file)

    def _sources(self) -> dict[str, tuple[Source, Reading]]:
        found: dict[str, tuple[Source, Reading]] = {}
        files = _files(self._config / "sources", ".yaml")
        for stem, file in files:
            document = read_document(file, self._path(file), self._report)
            if document is None:
                continue
            reading = Reading(document, self._report, self._vocabulary)
            source = read_source(stem, self._overlays.get(stem), reading)
            if source is not None:
                found[source.name] = (source, reading)
        known = [stem for stem, _ in files]
        for name, overlay in self._overlays.items():
            if name not in known:
                self._report.add("LH907", overlay.spot, f"there is no source {name!r}.", nearest(name, known))
        return found

    def _contracts(self, sources: Mapping[str, tuple[Source, Reading]]) -> dict[TableName, Contract]:
        contracts: dict[TableName, Contract] = {}
        for source, reading in sources.values():
            for table in source.tables.values():
                contracts[table.table] = bronze_contract(source, table, reading)
                self._readings[table.table] = reading
        files = dict(self._contract_files())
        tables = frozenset({*contracts, *files})
        runbooks = [file.stem for file in (self._config.parent / "docs" / "runbooks").glob("*.md")]
        for name, file in files.items():
            document = read_document(file, self._path(file), self._report)
            if document is None:
                continue
            reading = Reading(document, self._report, self._vocabulary, tables)
            contract = read_contract(name, reading)
            if contract is not None:
                check_runbook(contract, runbooks, reading)
                contracts[name] = _with_arrival(contract, contracts.get(name))
                self._readings[name] = reading
        return contracts

    def _contract_files(self) -> Iterator[tuple[TableName, Path]]:
        root = self._config / "contracts"
        for file in sorted(root.rglob("*.yaml")) if root.is_dir() else []:
            name = _table_of(file, root)
            if name is None:
                hint = "Write contracts/<layer>/<table>.odcs.yaml, or contracts/bronze/<source>.<table>.odcs.yaml."
                self._report.add("LH213", Spot(self._path(file)), "the file names no table.", hint)
            else:
                yield name, file

    def _check_together(self, contracts: Mapping[TableName, Contract]) -> None:
        for name, contract in contracts.items():
            check_lineage(contract, contracts, self._readings[name])
        for circle in cycles(contracts):
            names = " <- ".join(map(str, (*circle, circle[0])))
            spot = self._readings[circle[0]].document.spot(["schema", 0])
            self._report.add("LH604", spot, f"these tables are made from each other: {names}.")


def _files(folder: Path, suffix: str) -> list[tuple[str, Path]]:
    found = sorted(folder.glob(f"*{suffix}")) if folder.is_dir() else []
    return [(file.name.removesuffix(suffix), file) for file in found]


def _table_of(file: Path, root: Path) -> TableName | None:
    layer, *rest = file.relative_to(root).parts
    parts = file.name.removesuffix(SUFFIX).split(".")
    expected = 2 if layer == "bronze" else 1
    fits = file.name.endswith(SUFFIX) and len(rest) == 1 and len(parts) == expected and all(map(is_name, parts))
    return TableName(layer, tuple(parts)) if fits and layer in LAYERS else None


def _with_arrival(contract: Contract, derived: Contract | None) -> Contract:
    # A bronze contract file adds to what the source file says; arrival bounds and calendar stay the source's.
    if derived is None:
        return contract
    rules = (*derived.rules, *(rule for rule in contract.rules if rule.id not in {each.id for each in derived.rules}))
    return replace(contract, rules=rules, calendar=derived.calendar, owner=contract.owner or derived.owner)
