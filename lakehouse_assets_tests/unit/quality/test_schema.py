"""A contract as a Pandera schema: finds what Pandera alone misses on lazy frames, and never shows values."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pandera.backends.base
import pandera.config
import pandera.errors
import pandera.polars as pa
import polars as pl
import pytest

from lakehouse_assets.contracts.loading import Gate, Load
from lakehouse_assets.contracts.model import Column, ColumnType, Contract, Kind, Place, RuleKind, RuleSpec
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.naming import TableName
from lakehouse_assets.quality.preconditions import require_pandera_enabled
from lakehouse_assets.quality.rule import load_rules
from lakehouse_assets.quality.schema import to_pandera
from lakehouse_assets.results import OnFailure, Severity


def test_a_lazy_frame_with_invalid_data_is_refused() -> None:
    frame = _orders(["o1", None], [1, -5])

    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        to_pandera(_contract()).validate(frame)

    assert caught.value.error_counts == {"DATAFRAME_CHECK": 2}


def test_a_valid_frame_comes_back_as_it_was() -> None:
    frame = _orders(["o1"], [1])

    assert to_pandera(_contract()).validate(frame) is frame


def test_errors_hold_counts_and_no_values() -> None:
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        to_pandera(_contract()).validate(_orders(["secret"], [-123_456]))

    assert "-123456" not in str(caught.value) + str(caught.value.failure_cases.rows())
    assert "quantity.between failed for 1 of 1 rows" in str(caught.value)


def test_a_missing_column_and_a_wrong_type_are_both_named() -> None:
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        to_pandera(_contract()).validate(pl.LazyFrame({"quantity": ["1"]}))

    assert caught.value.error_counts == {"COLUMN_NOT_IN_DATAFRAME": 1, "WRONG_DATATYPE": 1}


def test_a_rule_that_only_warns_warns() -> None:
    contract = _contract(on_failure=OnFailure.KEEP)

    with pytest.warns(pandera.errors.SchemaWarning, match="quantity.between failed for 1 of 1 rows"):
        to_pandera(contract).validate(_orders(["o1"], [-1]))


def test_a_rule_that_cannot_run_is_an_error() -> None:
    contract = _contract(arguments={"min": "many"})

    with pytest.raises(pandera.errors.SchemaErrors, match="not a value of type long"):
        to_pandera(contract).validate(_orders(["o1"], [1]))


def test_the_end_of_the_window_can_be_given_for_a_frame_without_partitions() -> None:
    column = Column("at", ColumnType(Kind.TIMESTAMP))
    contract = _contract(columns=(column,), rules=(_rule("not_after", "at", value="run_time"),))
    frame = pl.LazyFrame({"at": [datetime(2011, 1, 1, tzinfo=UTC)]}, schema={"at": pl.Datetime("us", "UTC")})

    with pytest.raises(pandera.errors.SchemaErrors, match=r"at\.not_after failed for 1 of 1 rows"):
        to_pandera(contract, run_time=datetime(2010, 12, 31, tzinfo=UTC)).validate(frame)


def test_pandera_itself_runs_the_same_checks_on_a_materialised_frame() -> None:
    schema = to_pandera(_contract())
    stock = pa.DataFrameSchema(schema.columns, checks=schema.checks)

    with pytest.raises(pandera.errors.SchemaErrors):
        stock.validate(_orders(["o1"], [-1]).collect(), lazy=True)


def test_validation_that_is_switched_off_is_refused() -> None:
    with pandera.config.config_context(validation_enabled=False), pytest.raises(LakehouseError, match="switched off"):
        to_pandera(_contract()).validate(_orders(["o1"], [-1]))


@pytest.mark.parametrize("value", ["False", "0", "false", "no"])
def test_an_environment_that_switches_validation_off_is_refused(value: str) -> None:
    with pytest.raises(LakehouseError, match="PANDERA_VALIDATION_ENABLED"):
        require_pandera_enabled({"PANDERA_VALIDATION_ENABLED": value})


@pytest.mark.parametrize("environ", [{}, {"PANDERA_VALIDATION_ENABLED": "True"}])
def test_an_ordinary_environment_is_accepted(environ: dict[str, str]) -> None:
    require_pandera_enabled(environ)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (pandera.backends.base.BaseSchemaBackend, "validate"),
        (pandera.backends.base.BaseSchemaBackend, "failure_cases_metadata"),
        (pandera.errors, "FailureCaseMetadata"),
        (pandera.errors, "SchemaErrorReason"),
        (pandera.config, "get_config_context"),
        (pa.DataFrameSchema, "get_backend"),
    ],
)
def test_the_names_of_pandera_that_are_not_public_are_still_there(owner: Any, name: str) -> None:  # noqa: ANN401 - modules and classes
    assert hasattr(owner, name)


def test_judging_does_not_import_pandera() -> None:
    code = (
        "import sys; import lakehouse_assets.quality.judge, lakehouse_assets.quality.parse, "
        "lakehouse_assets.quality.preconditions; print('pandera' in sys.modules)"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "False"


def _contract(
    *,
    columns: tuple[Column, ...] = (Column("id", ColumnType(Kind.STRING)), Column("quantity", ColumnType(Kind.LONG))),
    rules: tuple[RuleSpec, ...] = (),
    on_failure: OnFailure = OnFailure.QUARANTINE,
    arguments: dict[str, Any] | None = None,
) -> Contract:
    between = _rule("between", "quantity", on_failure, **(arguments or {"min": 0}))
    return Contract(
        TableName("silver", ("orders",)),
        "1.0.0",
        columns,
        rules or (_rule("required", "id"), between),
        Load(),
        Gate(),
        Place("x"),
    )


def _rule(rule: str, column: str, on_failure: OnFailure = OnFailure.QUARANTINE, **arguments: Any) -> RuleSpec:  # noqa: ANN401 - YAML values
    dimension = load_rules()[rule].signature.dimension
    return RuleSpec(
        f"{column}.{rule}", rule, RuleKind.ROW, dimension, Severity.ERROR, on_failure, "fp", column, arguments
    )


def _orders(ids: list[str | None], quantities: list[int]) -> pl.LazyFrame:
    return pl.LazyFrame({"id": ids, "quantity": quantities}, schema={"id": pl.String, "quantity": pl.Int64})
