"""Great Expectations on pandas: one expectation a rule; the numbers of unexpected rows are the answer."""

from pathlib import Path

import great_expectations as gx
import pyarrow.parquet as pq
from great_expectations import expectations as gxe

from benchmarks.peers.thirty import KEYS, RULES, Asked, Counts, count, moment

_MONEY = ("unit_price", "amount")


def work(source: Path) -> tuple[Counts, str]:
    """Read into pandas (money as floats: decimals would be Python objects) and validate one suite."""
    table = pq.read_table(source)
    for name in _MONEY:
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast("double"))
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("lines").add_dataframe_asset("lines")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": table.to_pandas()})
    expected = {rule.id: _expectation(rule) for rule in RULES}
    expected |= {name: _key(name, columns) for name, columns in KEYS.items()}
    suite = gx.ExpectationSuite(name="lines", expectations=list(expected.values()))
    told = batch.validate(suite, result_format={"result_format": "BASIC"})
    return {one.expectation_config.meta["id"]: one.result["unexpected_count"] for one in told.results}, gx.__version__


def _key(name: str, columns: tuple[str, ...]) -> gxe.Expectation:
    if len(columns) == 1:
        return gxe.ExpectColumnValuesToBeUnique(column=columns[0], meta={"id": name})
    return gxe.ExpectCompoundColumnsToBeUnique(column_list=list(columns), meta={"id": name})


def _expectation(rule: Asked) -> gxe.Expectation:
    if rule.rule == "compare_columns":
        return gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A=rule.arguments["other"],
            column_B=rule.column,
            or_equal=True,
            ignore_row_if="either_value_is_missing",
            meta={"id": rule.id},
        )
    kind, named = _EXPECTATIONS[rule.rule]
    return kind(column=rule.column, meta={"id": rule.id}, **named(rule.arguments))


_RANGE = gxe.ExpectColumnValuesToBeBetween
_EXPECTATIONS = {
    "required": (gxe.ExpectColumnValuesToNotBeNull, lambda _: {}),
    "matches": (gxe.ExpectColumnValuesToMatchRegex, lambda given: {"regex": f"^(?:{given['pattern']})$"}),
    "length": (
        gxe.ExpectColumnValueLengthsToBeBetween,
        lambda given: {"min_value": given["min"], "max_value": given["max"]},
    ),
    "between": (_RANGE, lambda given: {"min_value": given["min"], "max_value": given["max"]}),
    "in_set": (gxe.ExpectColumnValuesToBeInSet, lambda given: {"value_set": given["values"]}),
    "not_in_set": (gxe.ExpectColumnValuesToNotBeInSet, lambda given: {"value_set": given["values"]}),
    "not_before": (_RANGE, lambda given: {"min_value": moment(given["value"])}),
    "not_after": (_RANGE, lambda given: {"max_value": moment(given["value"])}),
}


if __name__ == "__main__":
    count(work)
