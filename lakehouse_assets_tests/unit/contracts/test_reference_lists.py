"""Lists of values in `references/`: read when contracts load, part of the rules that name them."""

from lakehouse_assets.documents.findings import Finding
from lakehouse_assets.naming import TableName
from lakehouse_assets_tests.configuration import FILES, ORDERS, changed, load
from lakehouse_assets_tests.rule_faults import RULE

LIST = "references/states.txt"
IN_LIST = "implementation: {rule: in_reference, column: state, reference: states}"
NAMED = changed(ORDERS, RULE, IN_LIST)


def rule_of(text: str) -> tuple[tuple[str, ...], str]:
    catalog, found = load({**NAMED, LIST: text})
    assert found == ()
    rules = catalog.contracts[TableName.parse("silver/orders")].rules
    (rule,) = (each for each in rules if each.rule == "in_reference")
    return tuple(rule.arguments["entries"]), rule.fingerprint


def line_of(text: str, marker: str) -> int:
    return text[: text.index(marker)].count("\n") + 1


def only(text: str | bytes, path: str = LIST) -> Finding:
    content = text if isinstance(text, str) else text.decode("latin-1")
    (found,) = (each for each in load({**FILES, path: content})[1])
    return found


def test_a_line_is_a_value_and_a_comment_is_none() -> None:
    assert rule_of("# from somewhere\nopen\n\n  paid  \n")[0] == ("open", "paid")


def test_a_list_that_changes_is_another_rule_and_its_order_is_not() -> None:
    assert rule_of("open\npaid\n")[1] != rule_of("open\n")[1]
    assert rule_of("open\npaid\n")[1] == rule_of("paid\nopen\n")[1]


def test_a_list_that_is_not_there_is_told_with_the_nearest_name() -> None:
    files = {**changed(ORDERS, RULE, IN_LIST.replace("states", "statse")), LIST: "open\n"}

    (found,) = load(files)[1]

    assert (found.code, found.spot.line) == ("LH418", line_of(files[ORDERS], "id: not_from_the_future"))
    assert "'states'" in str(found)


def test_a_value_that_is_there_twice_is_told_with_its_lines() -> None:
    found = only("open\npaid\nopen\n")

    assert (found.code, found.spot.line) == ("LH418", 3)
    assert "line 1" in str(found)


def test_a_list_without_values_is_told() -> None:
    assert only("# nothing yet\n").code == "LH418"


def test_a_file_that_is_no_list_is_told() -> None:
    assert only("open\n", "references/States.csv").code == "LH213"
