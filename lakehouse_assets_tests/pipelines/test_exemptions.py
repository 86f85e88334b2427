"""Waivers and overrides on a real lake: what they publish, what they leave counted, and that both end.

Which rows are accepted is counted again in plain Python from the rows that were delivered.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from lakehouse_assets.cli.main import build_app
from lakehouse_assets.incidents.book import list_incidents
from lakehouse_assets.naming import quarantine_of
from lakehouse_assets.pipeline.absorb import absorb, store_of
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.dry_run import dry_run
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.outdated import find_outdated
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.refused.exempted import exempted_publishes, list_exemptions
from lakehouse_assets.results import PartitionRecord
from lakehouse_assets.state.store import Store
from lakehouse_assets_tests.lakes import (
    DAY,
    NEXT,
    ORDERS,
    deliver,
    order,
    orders_contract,
    refresh,
    rows_of,
    shop_lake,
    statuses,
)

Entries = Sequence[Mapping[str, object]]
CONTRACT = orders_contract(gate="{maxQuarantineRatio: 0.2, emptyPartition: allow}")
# Per day: 6 good rows, 2 with an unreadable amount, 1 out of bounds, 1 that is both too large and without a time.
ROWS = [
    *[order(number) for number in range(6)],
    *[order(number, amount="many") for number in (6, 7)],
    order(8, amount="5000"),
    order(9, amount="5000", changed_at=""),
]
WHO = {"owner": "ada@example.com", "reason": "The till is repaired; finance knows.", "expires": "2999-12-31"}
PARSE = {"rule": "amount.parse", **WHO}
RATIO = {"rules": ["quarantine_ratio"], "partitions": [DAY], **WHO}


def shop(folder: Path, *, waivers: Entries = (), overrides: Entries = ()) -> Lake:
    """Open the shop's lake with these exemptions in its configuration."""
    path = folder / "config/waivers/silver/orders.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"waivers": list(waivers), "overrides": list(overrides)}), encoding="utf-8")
    return shop_lake(folder, CONTRACT)


def ran(folder: Path, *days: str, **exemptions: Entries) -> dict[str, str]:
    return statuses(refresh(shop(folder, **exemptions), *days))


def word(lake: Lake, day: str = DAY) -> PartitionRecord:
    return served(lake, ORDERS)[day].of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lake = shop(tmp_path)
    for day in (DAY, NEXT):
        deliver(lake, day, ROWS)
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with store_of(shop(folder)) as opened:
        yield opened


def test_without_exemptions_both_days_are_blocked(folder: Path) -> None:
    assert ran(folder, DAY, NEXT) == {DAY: "blocked", NEXT: "blocked"}


def test_waived_rows_do_not_count_for_the_gate_and_stay_in_quarantine(folder: Path) -> None:
    assert ran(folder, DAY, NEXT, waivers=[PARSE]) == {DAY: "published", NEXT: "published"}

    lake = shop(folder)
    of = word(lake)
    assert (of.ledger.read, of.ledger.published, of.ledger.quarantined, of.waived_rows) == (10, 6, 4, 2)
    assert of.ledger.is_balanced
    assert of.waived == ("amount.parse",)
    assert len(rows_of(lake, quarantine_of(ORDERS))) == 2 * 4


def test_a_row_is_waived_only_when_all_its_reasons_are(folder: Path) -> None:
    lake = shop(folder, waivers=[{**PARSE, "rule": "amount.between"}])
    deliver(lake, DAY, [*ROWS, *[order(number) for number in range(20, 30)]])

    refresh(lake, DAY)

    assert word(lake).waived == ("amount.between",)
    assert word(lake).waived_rows == 1


def test_a_waiver_holds_for_its_partitions_only(folder: Path) -> None:
    only = {**PARSE, "partitions": [DAY]}

    assert ran(folder, DAY, NEXT, waivers=[only]) == {DAY: "published", NEXT: "blocked"}
    assert word(shop(folder)).waived_rows == 2


def test_a_waiver_takes_its_rule_out_of_the_score(folder: Path) -> None:
    ran(folder, DAY, overrides=[RATIO])
    before = word(shop(folder))

    ran(folder, DAY, overrides=[RATIO], waivers=[PARSE])

    after = word(shop(folder))
    results = {result.rule_id: (result.outcome, result.failed_rows) for result in after.results}
    assert after.score > before.score
    assert results["amount.parse"] == ("fail", 2)


def test_an_override_publishes_what_is_good_and_is_recorded_with_who_and_why(folder: Path) -> None:
    assert ran(folder, DAY, NEXT, overrides=[RATIO]) == {DAY: "published", NEXT: "blocked"}

    lake = shop(folder)
    (applied,) = word(lake).exemptions
    assert word(lake).overridden == ("quarantine_ratio",)
    assert (applied.kind, applied.rules, applied.owner) == ("override", ("quarantine_ratio",), "ada@example.com")
    assert (applied.reason, applied.expires_on) == (WHO["reason"], "2999-12-31")
    assert len(rows_of(lake, ORDERS)) == 6


def test_an_override_leaves_the_score_where_it_was(folder: Path) -> None:
    blocked = refresh(shop(folder), DAY)[DAY].record

    published = refresh(shop(folder, overrides=[RATIO]), DAY)[DAY].record

    assert published.score == blocked.score
    assert published.low_score == blocked.low_score is not None


def test_an_override_of_one_rule_does_not_excuse_another(tmp_path: Path) -> None:
    quality = "[{id: enough, metric: rowCount, mustBeGreaterThan: 50}]"
    gate = "{maxQuarantineRatio: 0.2, emptyPartition: allow}"
    lake = shop(tmp_path, overrides=[RATIO])
    deliver(lake, DAY, ROWS)
    strict = shop_lake(tmp_path, orders_contract(gate=gate, quality=quality))

    result = refresh(strict, DAY)[DAY]

    assert result.is_blocked
    assert result.record.overridden == ("quarantine_ratio",)
    assert "enough failed" in result.message
    assert "quarantine_ratio" not in result.message


def test_the_same_exemptions_again_change_nothing_whoever_signs(folder: Path) -> None:
    ran(folder, DAY, NEXT, waivers=[PARSE])
    before = content_of(shop(folder), ORDERS).version
    renewed = {**PARSE, "owner": "grace@example.com", "expires": "2998-01-01"}

    assert ran(folder, DAY, NEXT, waivers=[renewed]) == {DAY: "unchanged", NEXT: "unchanged"}
    assert content_of(shop(folder), ORDERS).version == before


def test_another_set_of_waivers_is_another_publish_of_the_same_content(folder: Path) -> None:
    both = [PARSE, {"rule": "amount.between", **WHO}]
    ran(folder, DAY, NEXT, waivers=[PARSE])
    before = content_of(shop(folder), ORDERS)

    changed = ran(folder, DAY, NEXT, waivers=[PARSE, {**both[1], "partitions": [NEXT]}])

    after = content_of(shop(folder), ORDERS)
    assert changed == {DAY: "unchanged", NEXT: "published"}
    assert (after.hash, after.version) == (before.hash, before.version + 1)
    assert word(shop(folder), NEXT).waived == ("amount.between", "amount.parse")


def test_a_waiver_of_a_rule_that_refused_nothing_changes_nothing(folder: Path) -> None:
    ran(folder, DAY, waivers=[PARSE])

    assert ran(folder, DAY, waivers=[PARSE, {"rule": "amount.overflow", **WHO}]) == {DAY: "unchanged"}


def test_what_expired_has_no_effect_and_the_sentence_says_that_it_did(folder: Path) -> None:
    ran(folder, DAY, waivers=[PARSE])
    served_before = content_of(shop(folder), ORDERS)
    expired = {**PARSE, "expires": "2011-01-01"}

    result = refresh(shop(folder, waivers=[expired]), DAY)[DAY]

    assert result.is_blocked
    assert "quarantine_ratio failed (4 of 10 rows" in result.message
    assert "The waiver of amount.parse expired on 2011-01-01 (config/waivers/silver/orders.yaml:1)." in result.message
    assert content_of(shop(folder), ORDERS) == served_before


def test_a_withdrawn_override_blocks_again_and_what_was_published_stays(folder: Path) -> None:
    ran(folder, DAY, overrides=[RATIO])
    before = content_of(shop(folder), ORDERS)

    assert ran(folder, DAY) == {DAY: "blocked"}
    assert content_of(shop(folder), ORDERS) == before


def incidents(lake: Lake, store: Store) -> set[str]:
    absorb(lake, store)
    with store.reading() as connection:
        return {incident.rule_id for incident in list_incidents(connection, table=str(ORDERS))}


def test_a_waiver_closes_the_incident_of_its_rule_and_an_override_that_of_its_own(folder: Path, store: Store) -> None:
    refresh(shop(folder), DAY)
    opened = incidents(shop(folder), store)

    ran(folder, DAY, waivers=[PARSE], overrides=[{**RATIO, "rules": ["quarantine_ratio"]}])

    assert opened == {"amount.parse", "amount.between", "changed_at.required", "quarantine_ratio"}
    assert incidents(shop(folder), store) == {"amount.between", "changed_at.required"}


def test_a_low_score_opens_no_incident_of_its_own(folder: Path, store: Store) -> None:
    record = refresh(shop(folder), DAY)[DAY].record

    assert record.low_score is not None
    assert "score" not in incidents(shop(folder), store)


def test_entries_are_listed_with_what_is_served_under_them(folder: Path) -> None:
    ran(folder, DAY, NEXT, waivers=[PARSE], overrides=[RATIO])

    waiver, override = list_exemptions(shop(folder, waivers=[PARSE], overrides=[RATIO]))

    assert (waiver.state, waiver.served_partitions, waiver.waived_rows) == ("in force", (DAY, NEXT), 4)
    assert (override.state, override.served_partitions, override.waived_rows) == ("in force", (), 0)


def test_the_trail_keeps_who_accepted_what_after_the_file_is_gone(folder: Path) -> None:
    ran(folder, DAY, overrides=[RATIO])
    ran(folder, DAY, waivers=[{**PARSE, "owner": "grace@example.com"}])
    shop(folder)

    trail = exempted_publishes(shop(folder), ORDERS)

    assert [(one.partition, one.exemption.kind, one.exemption.owner) for one in trail] == [
        (DAY, "override", "ada@example.com"),
        (DAY, "waiver", "grace@example.com"),
    ]


def test_what_was_published_under_an_entry_is_outdated_once_that_has_expired(folder: Path) -> None:
    ran(folder, DAY, NEXT, waivers=[PARSE])
    expired = {**PARSE, "expires": "2011-01-01", "partitions": [DAY]}

    lake = shop(folder, waivers=[expired, {**PARSE, "partitions": [NEXT]}])

    assert find_outdated(shop(folder, waivers=[PARSE]), ORDERS) == []
    assert [(one.partition, one.why) for one in find_outdated(lake, ORDERS)] == [
        (DAY, "other waivers or overrides, or one has expired")
    ]
    assert [(one.state, one.served_partitions) for one in list_exemptions(lake)] == [
        ("expired", (DAY,)),
        ("in force", (NEXT,)),
    ]


def test_a_dry_run_knows_that_a_waiver_changes_what_is_decided(folder: Path) -> None:
    ran(folder, DAY, waivers=[PARSE])
    more = [PARSE, {"rule": "amount.between", **WHO}]

    (same,) = dry_run(shop(folder, waivers=[PARSE]), ORDERS, [DAY])
    (other,) = dry_run(shop(folder, waivers=more), ORDERS, [DAY])

    assert (same.outcome, other.outcome) == ("unchanged", "published")


def lakehouse(folder: Path, *words: str) -> tuple[int, str]:
    environ = {
        "LAKEHOUSE_CONFIG_DIR": str(folder / "config"),
        "LAKEHOUSE_ROOT": str(folder / "lake"),
        "LAKEHOUSE_RUN_LOG": "off",
        "COLUMNS": "200",
    }
    done = CliRunner().invoke(build_app(), list(words), env=environ)
    return done.exit_code, done.output


def test_the_gate_leaves_waived_rules_out_and_takes_overridden_ones_for_warnings(folder: Path) -> None:
    entries: dict[str, Entries] = {"waivers": [PARSE], "overrides": [{**RATIO, "partitions": [DAY]}]}
    lake = shop(folder, **entries)
    deliver(lake, DAY, [*ROWS, *[order(number, amount="5000") for number in range(20, 24)]])
    refresh(lake, DAY)

    strict = json.loads(lakehouse(folder, "gate", "--severity", "warning", "--json")[1])
    usual = json.loads(lakehouse(folder, "gate", "--json")[1])

    said = {one["rule"]: one["severity"] for one in strict}
    assert said["quarantine_ratio"] == "warning"
    assert "amount.parse" not in said
    assert {one["rule"] for one in usual} == {"amount.between", "changed_at.required", "score"}


def test_the_command_line_shows_waivers_and_their_trail(folder: Path) -> None:
    ran(folder, DAY, waivers=[PARSE])

    listed, trail = lakehouse(folder, "waivers", "list"), lakehouse(folder, "waivers", "history", "silver/orders")
    shown = lakehouse(folder, "partition", "silver/orders", DAY)

    assert (listed[0], "amount.parse" in listed[1], "in force" in listed[1]) == (0, True, True)
    assert (trail[0], "ada@example.com" in trail[1]) == (0, True)
    assert "waiver of amount.parse by ada@example.com until 2999-12-31, 2 rows stay in quarantine" in shown[1]


BREAKS = {
    "amount.parse": {"amount": "many"},
    "amount.between": {"amount": "5000"},
    "changed_at.required": {"changed_at": ""},
}
WRONG = st.sets(st.sampled_from(["amount.parse", "changed_at.required", "amount.between"]), max_size=2).filter(
    lambda broken: not {"amount.parse", "amount.between"} <= broken
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(WRONG, min_size=1, max_size=12), waived=st.sets(st.sampled_from(sorted(BREAKS))))
def test_rows_count_for_the_gate_unless_all_their_reasons_are_waived(rows: list[set[str]], waived: set[str]) -> None:
    with TemporaryDirectory() as name:
        entries = [{"rule": rule, **WHO} for rule in sorted(waived)]
        lake = shop(Path(name), waivers=entries)
        made = [{key: value for rule in broken for key, value in BREAKS[rule].items()} for broken in rows]
        deliver(lake, DAY, [order(number, **changes) for number, changes in enumerate(made)])

        of = refresh(lake, DAY)[DAY].record

        refused = [broken for broken in rows if broken]
        counted = [broken for broken in refused if broken - waived]
        ratio = next(result for result in of.results if result.rule_id == "quarantine_ratio")
        assert (of.ledger.quarantined, of.waived_rows) == (len(refused), len(refused) - len(counted))
        assert (ratio.failed_rows, ratio.passed) == (len(counted), len(counted) <= 0.2 * len(rows))
        assert set(of.waived) == waived & {rule for broken in refused for rule in broken}
        assert of.ledger.is_balanced
