"""Loads everything under `config/` that describes data: all files, all findings at once, then one catalog."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lakehouse_assets.contracts.bronze import bronze_contract
from lakehouse_assets.contracts.config_files import ConfigFiles, read_config_files
from lakehouse_assets.contracts.deletes import check_deletes
from lakehouse_assets.contracts.entities import expand, tables_in
from lakehouse_assets.contracts.exemption import Exemption
from lakehouse_assets.contracts.lineage import check_lineage, cycles, with_calendar
from lakehouse_assets.contracts.lint import check_runbook
from lakehouse_assets.contracts.model import Catalog, Contract, Source, SourceTable
from lakehouse_assets.contracts.odcs import read_contract
from lakehouse_assets.contracts.over_time import check_over_time
from lakehouse_assets.contracts.performance import read_performance
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.reconciled import check_reconciled
from lakehouse_assets.contracts.reference_lists import FOLDER, read_lists
from lakehouse_assets.contracts.reference_lists import SUFFIX as LIST
from lakehouse_assets.contracts.source_file import read_source
from lakehouse_assets.contracts.timing import check_timing, read_cadences, read_retry_policies
from lakehouse_assets.contracts.vocabulary import Vocabulary
from lakehouse_assets.contracts.waiver_file import read_waivers, table_of_waivers
from lakehouse_assets.documents.findings import Finding, Report, Spot, nearest, raise_errors
from lakehouse_assets.documents.strict_yaml import Document, parse_document
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import LAYERS, TableName, is_name
from lakehouse_assets.settings import SourceOverlay

SUFFIX = ".odcs.yaml"
Overlays = Mapping[str, SourceOverlay]
Sources = Mapping[str, tuple[Source, Reading]]


def load_catalog(
    config_dir: Path, vocabulary: Vocabulary, overlays: Overlays | None = None
) -> tuple[Catalog, tuple[Finding, ...]]:
    """Return what the configuration describes, as far as it could be read, and every finding."""
    report = Report()
    catalog = load_files(read_config_files(config_dir, report), vocabulary, report, overlays=overlays or {})
    return catalog, report.sorted()


def load_valid_catalog(config_dir: Path, vocabulary: Vocabulary, overlays: Overlays | None = None) -> Catalog:
    """Return the catalog, or raise ConfigError with every error."""
    catalog, findings = load_catalog(config_dir, vocabulary, overlays)
    raise_errors(findings)
    return catalog


def load_contract(path: Path, vocabulary: Vocabulary) -> Contract:
    """Return the contract in one file, wherever it lies, by itself; raise ConfigError when it is none."""
    report = Report()
    document = parse_document(path.read_bytes(), str(path), report)
    physical = (document.data.get("schema") or [{}])[0].get("physicalName", "") if document else ""
    found = None
    if document is not None and str(physical).partition(".")[0] in LAYERS:
        name = TableName.parse(str(physical))
        found = read_contract(name, Reading(document, report, vocabulary, frozenset({name}), _lists_near(path, report)))
    elif document is not None:
        report.add("LH207", document.spot(["schema"]), "physicalName does not say which table this is.")
    if found is None:
        raise_errors(report.sorted())
        msg = f"{path} is no contract."
        raise LakehouseError(msg)
    return found


def load_files(files: ConfigFiles, vocabulary: Vocabulary, report: Report, *, overlays: Overlays) -> Catalog:
    """Return what files that were already read describe; findings go to `report`."""
    return _Loader(files, vocabulary, report).load(overlays)


class _Loader:
    """One load: reads every document once, then looks at them together."""

    def __init__(self, files: ConfigFiles, vocabulary: Vocabulary, report: Report) -> None:
        self._files, self._vocabulary, self._report = files, vocabulary, report
        self._readings: dict[TableName, Reading] = {}
        self._arriving: set[TableName] = set()
        self._landing: dict[TableName, SourceTable] = {}
        lists = ((path, self._shown(path), files.contents[path]) for path in files.below(FOLDER))
        self._references = read_lists(lists, report)

    def load(self, overlays: Overlays) -> Catalog:
        cadences = read_cadences(self._document("schedules.yaml"), self._report)
        policies = read_retry_policies(self._document("retry_policies.yaml"), self._report)
        sources = self._sources(overlays)
        for source, reading in sources.values():
            check_timing(source, cadences, policies, reading)
        contracts = self._contracts(sources)
        self._check_together(contracts)
        complete = {
            name: with_calendar(contract, contracts, self._readings[name]) for name, contract in contracts.items()
        }
        found = {name: source for name, (source, _) in sources.items()}
        performance = read_performance(self._document("performance.yaml"), complete, self._report)
        waivers = self._waivers(complete)
        return Catalog(dict(sorted(complete.items())), found, cadences, policies, performance, waivers)

    def _document(self, path: str) -> Document | None:
        content = self._files.contents.get(path)
        return None if content is None else parse_document(content, self._shown(path), self._report)

    def _shown(self, path: str) -> str:
        return f"{self._files.folder}/{path}"

    def _sources(self, overlays: Overlays) -> Sources:
        found: dict[str, tuple[Source, Reading]] = {}
        stems: list[str] = []
        for path in self._files.below("sources"):
            stem = path.removeprefix("sources/").removesuffix(".yaml")
            if not is_name(stem) or not path.endswith(".yaml"):
                self._misplaced(path, "Write sources/<source>.yaml, in lower-case words joined by _.")
                continue
            stems.append(stem)
            document = self._document(path)
            if document is None:
                continue
            self._arriving |= _named_tables(stem, document)
            reading = Reading(document, self._report, self._vocabulary)
            source = read_source(stem, overlays.get(stem), reading)
            if source is not None:
                found[stem] = (source, reading)
        for name, overlay in overlays.items():
            if name not in stems:
                self._report.add("LH907", overlay.spot, f"there is no source {name!r}.", nearest(name, stems))
        return found

    def _contracts(self, sources: Sources) -> dict[TableName, Contract]:
        contracts: dict[TableName, Contract] = {}
        for source, reading in sources.values():
            for table in source.tables.values():
                self._landing[table.table] = table
                contracts[table.table] = bronze_contract(source, table, reading)
                self._readings[table.table] = reading
        documents = {name: self._document(path) for name, path in self._contract_files()}
        made = {name: tables_in(name, document.data if document else {}) for name, document in documents.items()}
        tables = frozenset({*self._arriving, *contracts, *(table for each in made.values() for table in each)})
        for name, document in documents.items():
            if document is None:
                continue
            reading = Reading(document, self._report, self._vocabulary, tables, self._references)
            contract = read_contract(name, reading)
            if contract is not None:
                check_runbook(contract, self._files.runbooks, reading)
                self._add(_with_arrival(contract, contracts.get(name)), contracts, documents, reading)
        return contracts

    def _add(
        self,
        contract: Contract,
        contracts: dict[TableName, Contract],
        files: Collection[TableName],
        reading: Reading,
    ) -> None:
        landing = [self._landing[name] for name in contract.upstreams if name in self._landing]
        for one in landing:
            check_deletes(contract, one, reading)
        for table in expand(contract, landing[0].deletes if landing else None):
            if table.table != contract.table and table.table in files:
                message = f"{contract.table} makes {table.table}, which has a contract of its own."
                reading.tell("LH527", ["schema", 0], message, "Rename one of them.")
                continue
            contracts[table.table] = table
            self._readings[table.table] = reading

    def _contract_files(self) -> Iterator[tuple[TableName, str]]:
        for path in self._files.below("contracts"):
            name = _table_of(path)
            if name is None:
                hint = "Write contracts/<layer>/<table>.odcs.yaml, or contracts/bronze/<source>.<table>.odcs.yaml."
                self._misplaced(path, hint)
            else:
                yield name, path

    def _waivers(self, contracts: Mapping[TableName, Contract]) -> dict[TableName, tuple[Exemption, ...]]:
        found: dict[TableName, tuple[Exemption, ...]] = {}
        today = datetime.now(UTC).date()
        for path in self._files.below("waivers"):
            name = table_of_waivers(path)
            document = self._document(path) if name else None
            if name is None:
                self._misplaced(
                    path, "Write waivers/<table>.yaml under the table's full name: waivers/silver/orders.yaml."
                )
            elif name not in contracts and name not in {*self._arriving, *dict(self._contract_files())}:
                hint = nearest(name, map(str, contracts))
                self._report.add("LH816", Spot(self._shown(path), 1), f"there is no table {str(name)!r}.", hint)
            elif document is not None and name in contracts:
                found[name] = read_waivers(contracts[name], Reading(document, self._report, self._vocabulary), today)
        return found

    def _misplaced(self, path: str, hint: str) -> None:
        self._report.add("LH213", Spot(self._shown(path)), "the file has no effect here.", hint)

    def _check_together(self, contracts: Mapping[TableName, Contract]) -> None:
        for name, contract in contracts.items():
            check_lineage(contract, contracts, self._readings[name])
            check_over_time(contract, self._readings[name])
            check_reconciled(contract, contracts, self._landing, self._readings[name])
        for circle in cycles(contracts):
            names = " <- ".join(map(str, (*circle, circle[0])))
            spot = self._readings[circle[0]].document.spot(["schema", 0])
            self._report.add("LH604", spot, f"these tables are made from each other: {names}.")


def _lists_near(path: Path, report: Report) -> dict[str, tuple[str, ...]]:
    """Return the reference lists of the configuration that a contract file lies in, if it lies in one."""
    folder = path.absolute().parent.parent.parent / FOLDER
    files = sorted(folder.glob(f"*{LIST}"))
    return read_lists(((f"{FOLDER}/{file.name}", str(file), file.read_bytes()) for file in files), report)


def _named_tables(stem: str, document: Document) -> set[TableName]:
    # Also of a source that is wrong elsewhere: its tables exist, so that contracts are not blamed for it.
    tables = document.data.get("tables")
    return {TableName("bronze", (stem, name)) for name in tables} if isinstance(tables, dict) else set()


def _table_of(path: str) -> TableName | None:
    _, layer, *rest = path.split("/")
    parts = path.rpartition("/")[2].removesuffix(SUFFIX).split(".")
    expected = 2 if layer == "bronze" else 1
    fits = path.endswith(SUFFIX) and len(rest) == 1 and len(parts) == expected and all(map(is_name, parts))
    return TableName(layer, tuple(parts)) if fits and layer in LAYERS else None


def _with_arrival(contract: Contract, derived: Contract | None) -> Contract:
    # A bronze contract file adds to what the source file says; bounds, calendar and way of loading stay the source's.
    if derived is None:
        return contract
    own = {rule.id for rule in derived.rules}
    rules = (*derived.rules, *(rule for rule in contract.rules if rule.id not in own))
    load = replace(contract.load, mode=derived.load.mode)
    return replace(contract, rules=rules, load=load, calendar=derived.calendar, owner=contract.owner or derived.owner)
