"""What Dagster stores about a day: one check a dimension, its rules with rows and places, the trend, never a value."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import zstandard

from lakehouse_assets.defs.build import assemble
from lakehouse_assets.defs.lake import LakeResource
from lakehouse_assets.naming import TableName
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets_tests import scripted
from lakehouse_assets_tests.lakes import ORDERS, RAW, deliver, order, orders_contract, rows_of, shop_lake

pytestmark = pytest.mark.integration

QUALITY = """
      - {id: amounts_are_small, type: custom, engine: lakehouse, dimension: conformity, severity: warning,
         implementation: {rule: between, column: amount, max: 90}}
      - {id: names_are_short, type: custom, engine: lakehouse, dimension: conformity, severity: warning,
         implementation: {rule: length, column: customer, max: 12}}
      - {id: usual_volume, type: custom, engine: lakehouse, severity: warning,
         implementation: {rule: volume_anomaly, partitions: 7, method: z_score}}
"""
DAYS = [f"2010-12-{day:02}" for day in range(1, 11)]
ODD = DAYS[-1]
WEB = "https://example.com/shop/blob/main"
CONTRACT = "config/contracts/silver/orders.odcs.yaml"
# Values of a classified column: one breaks a rule that refuses it, one a rule that keeps it, one is fine.
REFUSED, KEPT, FINE = "CANARY-4711", "canarywithalongname", "canaryshort"


def shop(folder: Path) -> Lake:
    customer = "{name: customer, logicalType: string,"
    promised = f"{customer} classification: confidential, logicalTypeOptions: {{pattern: '[a-zA-Z]+'}},"
    text = orders_contract(quality=QUALITY).replace(customer, promised)
    lake = shop_lake(folder, text)
    for number, day in enumerate(DAYS[:-1]):
        deliver(lake, day, [order(n, customer=FINE, changed_at=f"{day} 10:00:00") for n in range(20 + number % 3)])
    at = f"{ODD} 10:00:00"
    odd = [order(0, customer=REFUSED), order(1, customer=KEPT), order(2, amount=95), order(3, amount="many"), order(4)]
    deliver(lake, ODD, [[*row[:3], at, *row[4:]] for row in odd])
    return replace(lake, settings=replace(lake.settings, repository_url=WEB))


def plain(path: Path) -> bytes:
    content = path.read_bytes()
    return zstandard.decompress(content) if path.suffix == ".zst" else content


class Stored:
    """A lake that Dagster ran, and what it stored in files of its own."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.folder, self.instance, self.lake = folder, instance, shop(folder)
        self.job = assemble(LakeResource(self.lake)).resolve_implicit_global_asset_job_def()
        self.run(RAW, DAYS[0], ODD)
        self.run(ORDERS, DAYS[0], DAYS[-2])
        self.run(ORDERS, ODD, ODD)

    def run(self, table: TableName, first: str, last: str) -> None:
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        key = dg.AssetKey(table.parts)
        ran = self.job.execute_in_process(instance=self.instance, asset_selection=[key], tags=tags)
        assert ran.success

    def evaluations(self) -> dict[str, list[dg.AssetCheckEvaluation]]:
        """Return what is stored of the checks of the last day, by their names, read back from the event log."""
        found: dict[str, list[dg.AssetCheckEvaluation]] = {}
        (run,) = self.instance.get_run_records(limit=1)
        for entry in self.instance.all_logs(run.dagster_run.run_id):
            event = entry.dagster_event
            if event is not None and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                data: Any = event.event_specific_data
                found.setdefault(data.check_name, []).append(data)
        return found

    def metadata(self, check: str) -> dict[str, Any]:
        """Return the metadata of one check of the last day as plain values."""
        (one,) = self.evaluations()[check]
        return {name: value.value for name, value in one.metadata.items()}

    def rule(self, check: str, rule_id: str) -> dict[str, Any]:
        """Return the row of one rule in the table of a check."""
        records = self.metadata(check)["rules"].records
        (found,) = [record.data for record in records if record.data["rule"] == rule_id]
        return dict(found)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    folder = tmp_path_factory.mktemp("checks")
    (folder / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(folder / "dagster")) as instance:
        yield Stored(folder, instance)


def test_each_dimension_is_one_check_and_says_one_thing_about_the_day(stored: Stored) -> None:
    said = stored.evaluations()

    assert sorted(said) == ["Completeness", "Consistency", "Score", "Validity"]
    assert {(check, one.partition) for check, each in said.items() for one in each} == {(check, ODD) for check in said}
    assert [len(each) for each in said.values()] == [1] * 4


def test_a_rule_that_refused_a_row_names_it_and_the_line_of_the_contract(stored: Stored) -> None:
    told = stored.rule("Validity", "customer.matches")

    lines = (stored.folder / CONTRACT).read_text().splitlines()
    assert (told["outcome"], told["failed_rows"], told["severity"]) == ("fail", 1, "error")
    assert told["sample_rows"] == f"{ODD}.csv#000000001"
    assert stored.metadata("Validity")["contract"].startswith(f"{WEB}/{CONTRACT}#L")
    assert "name: customer" in lines[told["line"] - 1]


def test_a_rule_that_kept_its_rows_names_them_too(stored: Stored) -> None:
    kept = rows_of(stored.lake, ORDERS).filter(amount=95)

    assert stored.rule("Validity", "amounts_are_small")["sample_rows"] == kept["_row_id"].item()
    assert stored.rule("Validity", "names_are_short")["sample_rows"] == f"{ODD}.csv#000000002"


def test_a_rule_that_held_names_no_rows(stored: Stored) -> None:
    assert stored.rule("Completeness", "order_id.required")["sample_rows"] == ""


def test_what_failed_is_a_list_with_links_to_the_lines(stored: Stored) -> None:
    listed = stored.metadata("Validity")["broken rules"]

    assert f"**amounts\\_are\\_small** (warning): 1 of 5 rows; rows `{ODD}.csv#000000003`; [{CONTRACT}:" in listed
    assert f"]({WEB}/{CONTRACT}#L" in listed


def test_a_day_like_no_other_is_shown_with_what_was_expected_and_a_plot(stored: Stored) -> None:
    shown = stored.metadata("Completeness")["beside earlier partitions"]

    (line,) = [row for row in shown.splitlines() if "usual_volume" in row]
    cells = [cell.strip() for cell in line.split("|")]
    assert cells[2:4] == ["3", "21"]
    assert "**unusual**" in cells[6]
    assert cells[7].startswith("`")
    assert len(cells[7].strip("`").replace("\u00a0", "")) == len(DAYS)


def test_the_score_is_shown_by_dimension_with_its_trend(stored: Stored) -> None:
    told = stored.metadata("Score")

    assert {"score", "coverage", "Validity", "Completeness", "trend"} <= set(told)
    assert told["score"] < 100
    assert "| Score | " in told["trend"]
    assert "| 100.00 | 100.00 | `█████████" in told["trend"]


def test_the_materialisation_has_the_score_of_each_dimension_as_a_number(stored: Stored) -> None:
    (record,) = stored.instance.fetch_materializations(dg.AssetKey(ORDERS.parts), limit=1).records

    event = record.asset_materialization
    assert event is not None
    assert event.metadata["lakehouse/score_validity"].value == stored.metadata("Score")["Validity"]


def test_no_value_of_a_classified_column_is_anywhere_but_in_the_data(stored: Stored) -> None:
    with store_of(stored.lake) as store:
        absorb(stored.lake, store)
    held = rows_of(stored.lake, ORDERS)["customer"].to_list()
    written = [path for path in stored.folder.rglob("*") if path.is_file() and path.suffix not in {".parquet", ".csv"}]

    # The canaries are in the data, and what is looked through is not nothing.
    assert {KEPT, FINE} <= set(held)
    assert any(path.name == "state.db" for path in written)
    assert any(path.stat().st_size > 100_000 for path in written if path.is_relative_to(stored.folder / "dagster"))
    leaks = [path for path in written for canary in (REFUSED, KEPT, FINE) if canary.encode() in plain(path)]
    assert leaks == []


def test_a_table_without_partitions_is_compared_with_its_earlier_publishes(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    customers = scripted.snapshot(TableName("gold", ("customers",)), scripted.ORDERS)
    lake = scripted.lake(tmp_path, scripted.Script(), *scripted.shop(), customers)
    job = assemble(lake).resolve_implicit_global_asset_job_def()

    ran = [
        job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey(customers.table.parts)])
        for _ in range(2)
    ]

    trends = [
        {name: value.value for name, value in one.metadata.items()}.get("trend")
        for run in ran
        for one in run.get_asset_check_evaluations()
        if one.check_name == "Score"
    ]
    assert trends[0] is None
    assert "the last 2, from 90 to 100" in str(trends[1])
