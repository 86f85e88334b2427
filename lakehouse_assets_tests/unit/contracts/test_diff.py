"""What readers are told about a change of a contract, one change at a time."""

import pytest

from lakehouse_assets.contracts.diff import Comparison, compare
from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.naming import TableName
from lakehouse_assets_tests.configuration import FILES, ORDERS, load

TABLE = TableName.parse("silver/orders")
STATE = """\
      - name: state
        logicalType: string
"""
NOTE = "      - {name: note, logicalType: string, transformSourceObjects: [bronze.shop.lines.State]}\n"
ROW_COUNT = "      - id: row_count"
MORE = "{id: more, type: custom, engine: lakehouse, implementation: {rule: between, column: line_amount, max: 9}}"
FORMER = "        customProperties: [{property: lakehouse.renamedFrom, value: state}]\n"
ENUM = "        enum: [{value: open}"


def contract(text: str) -> Contract:
    return load({**FILES, ORDERS: text})[0].contract(TABLE)


def changed(*pairs: tuple[str, str]) -> str:
    text = FILES[ORDERS]
    for old, new in pairs:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    return text


def difference(*pairs: tuple[str, str]) -> Comparison:
    return compare(contract(FILES[ORDERS]), contract(changed(*pairs)))


@pytest.mark.parametrize(
    ("old", "new", "subject", "sentence"),
    [
        ("decimal(18,4)", "decimal(18,2)", "line_amount", "has the narrower type decimal(18,2)"),
        ("decimal(18,4)", "decimal(20,4)", "line_amount", "has the other type decimal(20,4)"),
        ("name: state\n        logicalType: string", "name: mood\n        logicalType: string", "state", "is gone."),
        ("name: state\n", "name: state\n        required: true\n", "state", "is required now."),
        ("        required: true\n        transformSourceObjects: [bronze.shop.lines.OrderedAt]",
         "        transformSourceObjects: [bronze.shop.lines.OrderedAt]", "ordered_at", "may be null now."),
        ("keys: [order_id]", "keys: [order_id, state]", "lakehouse.load", "the key changed."),
        ("maximum: 5000", "maximum: 4999", "line_amount.between", "is narrower."),
        ("minimum: 0", "minimum: 1", "line_amount.between", "is narrower."),
        ("enum: [{value: open}, {value: paid}]", "enum: [{value: open}]", "state.in_set", "is narrower."),
        ("'[A-Z]?[0-9]+'", "'[0-9]+'", "order_id.matches", "is narrower."),
        ("        enum: [{value: open}, {value: paid}]\n", "", "state.in_set", "the guarantee is gone."),
        ("timeliness\n        severity: error\n", "timeliness\n        severity: info\n",
         "not_from_the_future", "bad rows are treated as keep instead of quarantine."),
    ],
)  # fmt: skip
def test_what_readers_can_break_on_is_major(old: str, new: str, subject: str, sentence: str) -> None:
    found = difference((old, new))

    assert found.needs == "major"
    assert any(one.subject == subject and sentence in one.sentence for one in found.changes), found.changes
    assert "a major version after 1.2.0 is due" in found.problem


@pytest.mark.parametrize(
    ("old", "new", "subject"),
    [
        (STATE, NOTE + STATE, "note"),
        ("maximum: 5000", "maximum: 5001", "line_amount.between"),
        ("{minLength: 1, maxLength: 9,", "{minLength: 1,", "order_id.length"),
        ("enum: [{value: open}, ", "enum: [{value: open}, {value: lost}, ", "state.in_set"),
        ("severity: warning", "severity: info", "state_is_upper"),
        ("maxQuarantineRatio: 0.05", "maxQuarantineRatio: 0.04", "lakehouse.publishGate"),
        ("lateness: 2d", "lateness: 3d", "lakehouse.load"),
        ("%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "ordered_at"),
        (ROW_COUNT, f"      - {MORE}\n{ROW_COUNT}", "more"),
    ],
)  # fmt: skip
def test_what_adds_or_widens_is_minor(old: str, new: str, subject: str) -> None:
    found = difference((old, new))

    assert [(one.level, one.subject) for one in found.changes] == [("minor", subject)]
    assert "a minor version after 1.2.0 is due" in found.problem


def test_a_new_required_column_is_major() -> None:
    found = difference((STATE, NOTE.replace("string,", "string, required: true,") + STATE))

    assert [(one.level, one.sentence) for one in found.changes] == [("major", "a new required column.")]


def test_a_column_that_is_filled_under_both_names_is_minor_and_ending_that_is_major() -> None:
    renamed = changed(("name: state\n", "name: status\n"), (ENUM, FORMER + ENUM))

    begun = compare(contract(FILES[ORDERS]), contract(renamed))
    ended = compare(contract(renamed), contract(changed(("name: state\n", "name: status\n"))))

    assert [one.sentence for one in begun.changes if one.subject == "state"] == [
        "is called status and still filled (lakehouse.renamedFrom)."
    ]
    assert begun.needs == "minor"
    assert [(one.level, one.subject) for one in ended.changes] == [("major", "state")]


def test_words_are_a_patch_and_nothing_is_nothing() -> None:
    words = difference(("Orders of the shop.", "Orders."))

    assert (words.needs, words.problem) == (
        "patch",
        "version 1.2.0 does not say so: a patch version after 1.2.0 is due.",
    )
    assert difference() == Comparison((), "", "")


@pytest.mark.parametrize(
    ("version", "change", "is_fine"),
    [
        ("2.0.0", ("maximum: 5000", "maximum: 10"), True),
        ("1.3.0", ("maximum: 5000", "maximum: 10"), False),
        ("1.3.0", ("maximum: 5000", "maximum: 9000"), True),
        ("2.0.0", ("maximum: 5000", "maximum: 9000"), True),
        ("1.2.1", ("maximum: 5000", "maximum: 9000"), False),
        ("1.2.1", ("Orders of the shop.", "Orders."), True),
        ("1.1.9", ("Orders of the shop.", "Orders."), False),
        ("10.0.0", ("maximum: 5000", "maximum: 10"), True),
    ],
)
def test_the_version_must_say_as_much_as_the_change(version: str, change: tuple[str, str], is_fine: bool) -> None:  # noqa: FBT001 - a parameter of cases
    found = difference(("version: 1.2.0", f"version: {version}"), change)

    assert (found.problem == "") is is_fine


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [("never-break", "make a new table beside it"), ("notify-30-days", "consumers are told 30 days before")],
)
def test_the_policy_of_breaking_changes_is_kept(policy: str, sentence: str) -> None:
    tier = "lakehouse.tier, value: 2}"
    promised = f"{tier}\n  - {{property: lakehouse.breakingChangePolicy, value: {policy}}}"

    found = difference((tier, promised), ("maximum: 5000", "maximum: 10"))

    assert sentence in found.problem


@pytest.mark.parametrize(
    ("pair", "kind", "compatibility"),
    [
        ((STATE, NOTE + STATE), "additive", "full"),
        ((STATE, NOTE.replace("string,", "string, required: true,") + STATE), "breaking", "forward"),
        ((STATE, f"{STATE}        required: true\n"), "breaking", "forward"),
        (("decimal(18,4)", "decimal(16,4)"), "breaking", "forward"),
        (("decimal(18,4)", "decimal(20,4)"), "breaking", "backward"),
        (("decimal(18,4)", "decimal(16,6)"), "breaking", "none"),
        (("maximum: 5000", "maximum: 4999"), "breaking", "forward"),
        (("maximum: 5000", "maximum: 5001"), "additive", "backward"),
        (("minimum: 0, maximum: 5000", "minimum: 1, maximum: 5001"), "breaking", "none"),
        (("        enum: [{value: open}, {value: paid}]\n", ""), "breaking", "backward"),
        ((ROW_COUNT, f"      - {MORE}\n{ROW_COUNT}"), "additive", "forward"),
        (("keys: [order_id]", "keys: [order_id, state]"), "breaking", "none"),
        (("Orders of the shop.", "Orders."), "cosmetic", "full"),
    ],
)  # fmt: skip
def test_a_change_is_compatible_as_a_schema_registry_says_it(
    pair: tuple[str, str], kind: str, compatibility: str
) -> None:
    found = difference(pair)

    assert (found.changes[0].kind, found.compatibility) == (kind, compatibility)


def test_changes_in_both_directions_are_compatible_in_none() -> None:
    found = difference(("maximum: 5000", "maximum: 4999"), ("        enum: [{value: open}, {value: paid}]\n", ""))

    assert {one.compatibility for one in found.changes} == {"forward", "backward"}
    assert found.compatibility == "none"


def test_a_draft_may_change_as_it_likes() -> None:
    draft = ("status: active", "status: draft")

    before, after = contract(changed(draft)), contract(changed(draft, ("maximum: 5000", "maximum: 10")))

    assert compare(before, after).problem == ""
    assert compare(contract(FILES[ORDERS]), after).problem != ""


def test_a_change_cannot_free_itself_of_the_promise_never_to_break() -> None:
    tier = "lakehouse.tier, value: 2}"
    promised = (tier, f"{tier}\n  - {{property: lakehouse.breakingChangePolicy, value: never-break}}")

    found = compare(contract(changed(promised)), contract(changed(("maximum: 5000", "maximum: 10"))))

    assert "never to happen" in found.problem
