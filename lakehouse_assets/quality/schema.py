"""A contract as a Pandera schema that anyone can run by itself, all row rules in one pass.

Importing this costs as much as importing Pandera does, so nothing else in this room imports it. Pandera's own backend
looks at a lazy frame's types only; ours counts violations too, and its errors hold counts instead of values.
"""

import warnings
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import narwhals as nw
import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData
from pandera.backends.base import BaseSchemaBackend
from pandera.config import get_config_context
from pandera.errors import FailureCaseMetadata, SchemaError, SchemaErrorReason, SchemaErrors, SchemaWarning

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.engines.conform import to_narwhals
from lakehouse_assets.engines.kit import native_type
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.quality.judge import RowRule, Scope, bind, counts, flag, isolate, rule_errors, to_results
from lakehouse_assets.quality.rule import load_rules
from lakehouse_assets.results import OnFailure, Outcome, RuleResult


def to_pandera(contract: Contract, *, run_time: datetime | None = None) -> "ContractSchema":
    """Return the schema of a contract's columns and row rules; rules over whole partitions are not part of it.

    Without `run_time` rules that use it need the partition column in the frame.
    """
    scope = Scope(contract.columns, None if run_time is None else nw.lit(run_time))
    return ContractSchema(contract, bind(contract.rules, load_rules(), scope))


class ContractSchema(pa.DataFrameSchema):
    """A Pandera schema with the promised columns and types, and one check a row rule."""

    def __init__(self, contract: Contract, rules: Sequence[RowRule]) -> None:
        columns = {
            column.name: pa.Column(native_type(to_narwhals(column.type)), nullable=True) for column in contract.columns
        }
        super().__init__(columns, checks=[_check(rule) for rule in rules], name=str(contract.table))
        self.contract, self.rules = contract, tuple(rules)

    def validate(self, check_obj: Any, *args: Any, lazy: bool = True, **kwargs: Any) -> Any:  # noqa: ANN401 - Pandera's signature
        """Return the frame, or raise SchemaErrors with every violated rule; refuse to run switched off."""
        if not get_config_context().validation_enabled:
            raise LakehouseError("Pandera's validation is switched off.", fix="Unset PANDERA_VALIDATION_ENABLED.")
        return self.get_backend(check_obj).validate(check_obj, self, *args, lazy=lazy, **kwargs)

    @classmethod
    def get_backend(cls, *_: Any, **__: Any) -> "OnePassBackend":  # noqa: ANN401 - Pandera's signature
        """Return the backend of this schema, whatever the frame."""
        return OnePassBackend()


class OnePassBackend(BaseSchemaBackend):
    """Counts the violations of all rules in one select."""

    def validate(self, check_obj: Any, schema: ContractSchema, *, lazy: bool = True, **_: Any) -> Any:  # noqa: ANN401 - Pandera's signature
        """Return the frame; raise SchemaErrors, or the first SchemaError when not lazy."""
        frame = nw.from_native(check_obj).lazy()
        errors = _type_errors(frame, schema, check_obj)
        if not errors:
            results = _judged(frame, schema.rules)
            errors = [_error(result, schema, check_obj) for result in results if not result.passed]
        raised = [error for error in errors if not isinstance(error, SchemaWarning)]
        for error in errors:
            if isinstance(error, SchemaWarning):
                warnings.warn(error, stacklevel=3)
        if raised and not lazy:
            raise raised[0]
        if raised:
            raise SchemaErrors(schema=schema, schema_errors=raised, data=check_obj)
        return check_obj

    def failure_cases_metadata(self, schema_name: str, schema_errors: list[SchemaError]) -> FailureCaseMetadata:
        """Return counts by reason and one line a violated rule, without values."""
        by_reason = Counter(str(error.reason_code.name) for error in schema_errors)
        lines = [(str(error.column_name or schema_name), str(error.check), str(error)) for error in schema_errors]
        cases = pl.DataFrame(lines, schema=["column", "check", "failure_case"], orient="row")
        return FailureCaseMetadata(
            failure_cases=cases, message={schema_name: [line[2] for line in lines]}, error_counts=dict(by_reason)
        )


def _check(rule: RowRule) -> pa.Check:
    # The function serves Pandera's own tools; our backend evaluates the rules themselves, all together.
    def is_fine(data: PolarsData) -> pl.LazyFrame:
        fine: pl.LazyFrame = nw.from_native(data.lazyframe).select(fine=~rule.violated).to_native()
        return fine

    warns = rule.spec.on_failure is OnFailure.KEEP
    return pa.Check(is_fine, name=rule.spec.id, error=rule.spec.id, raise_warning=warns)


def _type_errors(frame: nw.LazyFrame, schema: ContractSchema, data: Any) -> list[Any]:  # noqa: ANN401 - any frame
    have = frame.collect_schema()
    errors = []
    for column in schema.contract.columns:
        want = to_narwhals(column.type)
        if column.name not in have:
            reason, message = SchemaErrorReason.COLUMN_NOT_IN_DATAFRAME, f"column {column.name!r} is missing"
        elif have[column.name] != want:
            reason = SchemaErrorReason.WRONG_DATATYPE
            message = f"column {column.name!r} is {have[column.name]}, not {want}"
        else:
            continue
        errors.append(_schema_error(schema, data, message, check="type", reason_code=reason, column_name=column.name))
    return errors


def _judged(frame: nw.LazyFrame, rules: Sequence[RowRule]) -> tuple[RuleResult, ...]:
    def count(bound: Sequence[RowRule]) -> dict[str, Any]:
        totals = flag(frame, bound).select(nw.len().alias("__rows"), *counts(bound)).collect("polars")
        return totals.rows(named=True)[0]

    try:
        counted = count(rules)
    except rule_errors():
        rules = isolate(frame, rules, lambda each: each.collect("polars"))
        counted = count(rules)
    return to_results(rules, counted, int(counted["__rows"]))


def _error(result: RuleResult, schema: ContractSchema, data: Any) -> SchemaError | SchemaWarning:  # noqa: ANN401 - any frame
    if result.outcome is not Outcome.FAIL:
        message = f"{result.rule_id}: {result.reason}"
        reason = SchemaErrorReason.CHECK_ERROR
    else:
        message = f"{result.rule_id} failed for {result.failed_rows} of {result.checked_rows} rows"
        reason = SchemaErrorReason.DATAFRAME_CHECK
        if result.on_failure is OnFailure.KEEP:
            return SchemaWarning(message)
    return _schema_error(schema, data, message, check=result.rule_id, reason_code=reason, column_name=result.column)


def _schema_error(schema: ContractSchema, data: Any, message: str, **details: Any) -> SchemaError:  # noqa: ANN401 - any frame
    error: SchemaError = SchemaError(schema, data, message, **details)  # type: ignore[no-untyped-call]
    return error
