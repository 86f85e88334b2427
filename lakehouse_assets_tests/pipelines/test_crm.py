"""Both customer systems from their APIs to silver, as the example says: changes, deletions, kills, replays, secrets."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lakehouse_assets.defs.build import build_definitions
from lakehouse_assets.naming import PAGES_FOLDER, TableName
from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.settings import load_settings
from lakehouse_assets_tests.doubles.api import Api, Asked, Told
from lakehouse_assets_tests.doubles.crm_lake import Systems, configuration, running
from lakehouse_assets_tests.lakes import rows_of, run, statuses

pytestmark = pytest.mark.integration
DAYS = ("2026-01-05", "2026-01-06")
NAMES = ("accounts", "contacts", "opportunities", "sales_reps")
TABLES = {
    "salesforce": ("accounts", "contacts", "opportunities", "users"),
    "hubspot": ("companies", "contacts", "deals", "owners"),
}
SYSTEMS = {"salesforce": "bronze/salesforce/accounts", "hubspot": "bronze/hubspot/companies"}
_RUN = (
    "import os, sys; from lakehouse_assets.pipeline.lake import open_lake;"
    "from lakehouse_assets.settings import load_settings;"
    "from lakehouse_assets.pipeline.run import materialise; from lakehouse_assets.naming import TableName;"
    "lake = open_lake(load_settings(os.environ));"
    f"list(materialise(lake, TableName.parse(sys.argv[1]), ['{DAYS[0]}'], run_id='killed'))"
)


@pytest.fixture
def systems(monkeypatch: pytest.MonkeyPatch) -> Iterator[Systems]:
    with running() as served:
        for name, value in served.variables.items():
            monkeypatch.setenv(name, value)
        yield served


def environment(folder: Path) -> dict[str, str]:
    if not (folder / "config").exists():
        configuration(folder)
    return {
        "LAKEHOUSE_ENV": "local",
        "LAKEHOUSE_ROOT": str(folder / "lake"),
        "LAKEHOUSE_CONFIG_DIR": str(folder / "config"),
        "LAKEHOUSE_RUN_LOG": "off",
    }


def lake_in(folder: Path) -> Lake:
    return open_lake(load_settings(environment(folder), folder / "config"))


def silver(lake: Lake, name: str) -> dict[str, dict[str, Any]]:
    """Return a silver table by its key."""
    found = rows_of(lake, TableName.parse(f"silver/{name}"))
    key = next(column for column in found.columns if column.endswith("_id"))
    return {row[key]: row for row in found.rows(named=True)}


def test_the_example_is_materialised_through_dagster(
    systems: Systems, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    for table in SYSTEMS.values():
        run(lake_in(tmp_path), TableName.parse(table), DAYS[0])
    systems.org.objects["Account"][1] |= {"IsDeleted": True, "SystemModstamp": "2026-01-06T09:00:00.000+0000"}
    systems.account.objects["companies"][1]["archivedAt"] = "2026-01-06T09:00:00.000Z"
    settings = load_settings(environment(tmp_path), tmp_path / "config")
    job = build_definitions(settings).resolve_implicit_global_asset_job_def()
    bronze = [("bronze", source, table) for source, tables in TABLES.items() for table in tables]
    silvers = [f"crm_{name}_{source}" for source in TABLES for name in NAMES]
    tags = {"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[1]}
    changes = [dg.AssetKey(key) for key in (*bronze, *(("silver", f"{name}_changes") for name in silvers))]

    first = job.execute_in_process(instance=instance, asset_selection=changes, tags=tags)
    second = job.execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey(("silver", name)) for name in silvers]
    )

    assert (first.success, second.success) == (True, True)
    lake = lake_in(tmp_path)
    accounts, companies = silver(lake, "crm_accounts_salesforce"), silver(lake, "crm_accounts_hubspot")
    told = {"account_name": "Acme", "annual_revenue_amount": Decimal("1100.04"), "employee_count": 2822}
    assert {name: accounts["001A"][name] for name in told} == told
    assert {row["crm"] for row in accounts.values()} == {"salesforce"}
    assert accounts["001A"]["changed_at"] == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert [accounts[key]["is_deleted"] for key in ("001A", "001B")] == [False, True]
    assert [companies[key]["is_deleted"] for key in ("11", "12")] == [False, True]
    assert {row["crm"] for row in companies.values()} == {"hubspot"}
    assert set(silver(lake, "crm_contacts_salesforce")) == {"003A", "003B"}
    assert silver(lake, "crm_opportunities_salesforce")["006A"]["close_date"] == date(2026, 3, 1)
    assert silver(lake, "crm_opportunities_hubspot")["31"]["close_date"] == date(2026, 3, 1)
    assert silver(lake, "crm_opportunities_hubspot")["31"]["amount"] == Decimal("4514.00")
    # Who left before the first day was never here.
    assert [key for source in TABLES for key in silver(lake, f"crm_sales_reps_{source}")] == ["005A", "41"]


def test_both_systems_have_the_same_columns(systems: Systems, tmp_path: Path) -> None:
    lake = lake_in(tmp_path)

    for name in NAMES:
        first, second = (columns(lake, f"silver/crm_{name}_{source}") for source in TABLES)
        assert first == second


def columns(lake: Lake, table: str) -> list[tuple[str, str]]:
    return [(one.name, str(one.type)) for one in lake.catalog.contract(TableName.parse(table)).columns]


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_killed_extraction_goes_on_where_it_was_and_ends_the_same(
    system: str, systems: Systems, tmp_path: Path
) -> None:
    table = TableName.parse(SYSTEMS[system])
    served: Api = systems.org if system == "salesforce" else systems.account
    grow(systems)
    killed, undisturbed = lake_in(tmp_path / "killed"), lake_in(tmp_path / "other")
    (expected,) = run(undisturbed, table, DAYS[0]).values()
    before = len(served.asked)
    victims: list[subprocess.Popen[bytes]] = []

    def strike(api: Any, asked: Asked) -> Told:  # noqa: ANN401 - a fault
        victims[0].send_signal(signal.SIGKILL)
        victims[0].wait()
        told: Told = type(api).list(api, asked)
        return told

    served.faults[before + 3] = strike  # a token, one page, and then this
    command = [sys.executable, "-c", _RUN, str(table)]
    victims.append(subprocess.Popen(command, env=os.environ | environment(tmp_path / "killed")))
    assert victims[0].wait() == -signal.SIGKILL
    kept = len(killed.objects_of(table).names(PAGES_FOLDER))
    at_kill = len(served.asked)

    (found,) = run(killed, table, DAYS[0]).values()

    assert kept == 1
    assert found.record.content_hash == expected.record.content_hash
    assert len(served.asked) - at_kill < before
    assert killed.objects_of(table).names(PAGES_FOLDER) == []


@pytest.mark.parametrize(("system", "number"), [("salesforce", 4), ("hubspot", 4)])
def test_a_run_that_failed_goes_on_where_it_was(system: str, number: int, systems: Systems, tmp_path: Path) -> None:
    table, lake = TableName.parse(SYSTEMS[system]), lake_in(tmp_path)
    served: Api = systems.org if system == "salesforce" else systems.account
    grow(systems)
    served.faults[number] = lambda *_: Told(status=403)

    first, second = run(lake, table, DAYS[0]), run(lake, table, DAYS[0])

    assert (statuses(first), statuses(second)) == ({DAYS[0]: "blocked"}, {DAYS[0]: "published"})
    last = 1 if system == "salesforce" else 2  # the archived ones come last
    assert len(served.asked) == number + 1 + last


def test_a_bulk_job_that_was_begun_is_gone_on_with(systems: Systems, tmp_path: Path) -> None:
    environment(tmp_path)
    file = tmp_path / "config" / "sources" / "salesforce.yaml"
    bulk = file.read_text().replace("{object: Account,", "{object: Account, bulkAbove: 0, bulkSize: 2,")
    file.write_text(bulk)
    table, lake, systems.org.polls = TableName.parse(SYSTEMS["salesforce"]), lake_in(tmp_path), 0
    grow(systems)
    systems.org.faults[6] = lambda *_: Told(status=403)  # token, page, job, state, file, file

    first, second = run(lake, table, DAYS[0]), run(lake, table, DAYS[0])

    assert (statuses(first), statuses(second)) == ({DAYS[0]: "blocked"}, {DAYS[0]: "published"})
    assert rows_of(lake, table).height == 5
    assert [one.path for one in systems.org.asked].count("/services/data/v59.0/jobs/query") == 1


def test_a_query_that_is_forgotten_is_begun_anew(systems: Systems, tmp_path: Path) -> None:
    table, lake = TableName.parse(SYSTEMS["salesforce"]), lake_in(tmp_path)
    grow(systems)
    systems.org.faults[3] = lambda *_: Told(status=403)
    run(lake, table, DAYS[0])
    systems.org.forget()

    second, third = run(lake, table, DAYS[0]), run(lake, table, DAYS[0])

    (reason,) = (one.record.results[0].reason for one in second.values())
    assert "cursor_expired: " in reason
    assert (statuses(second), statuses(third)) == ({DAYS[0]: "blocked"}, {DAYS[0]: "published"})


def grow(systems: Systems) -> None:
    """Have five accounts and 250 companies, which are three pages each."""
    accounts, companies = systems.org.objects["Account"], systems.account.objects["companies"]
    accounts += [{**accounts[0], "Id": f"001{letter}"} for letter in "CDE"]
    companies += [{**companies[0], "hs_object_id": str(number)} for number in range(100, 348)]


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_record_that_changed_since_does_not_make_history_vanish(
    system: str, systems: Systems, tmp_path: Path
) -> None:
    table, lake = TableName.parse(SYSTEMS[system]), lake_in(tmp_path)
    run(lake, table, DAYS[0])
    systems.org.objects["Account"][0] |= {"Name": "Acme Inc", "SystemModstamp": "2026-01-06T09:00:00.000+0000"}
    systems.account.objects["companies"][0] |= {"name": "Acme Inc", "hs_lastmodifieddate": "2026-01-06T09:00:00.000Z"}

    again = run(lake, table, *DAYS)

    assert statuses(again) == {DAYS[0]: "unchanged", DAYS[1]: "published"}
    name = "Name" if system == "salesforce" else "name"
    assert sorted(rows_of(lake, table)[name]) == sorted([*before(system), "Acme Inc"])


def before(system: str) -> list[str]:
    return ["Acme", "Betasoloin"] if system == "salesforce" else ["Company 11", "Company 12"]


def test_secrets_are_nowhere_to_be_found(systems: Systems, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    lake = lake_in(tmp_path)
    systems.org.faults = {3: lambda *_: Told(b"canary-session-1 says no", status=403)}

    run(lake, TableName.parse(SYSTEMS["salesforce"]), *DAYS)
    run(lake, TableName.parse(SYSTEMS["hubspot"]), *DAYS)
    systems.account.tokens.append("gone")
    systems.account.answer = lambda *_: Told(b"canary-access-1", status=400)
    run(lake, TableName.parse(SYSTEMS["hubspot"]), *DAYS)

    everything = b"".join(file.read_bytes() for file in Path(lake.root).rglob("*") if file.is_file())
    assert b"canary" not in everything
    assert "canary" not in caplog.text
    assert rows_of(lake, TableName.parse(SYSTEMS["hubspot"])).height == 2
