"""What is kept of a refused row: every reason, and the row as it was in bronze, lossless.

Which rows are refused is decided in `judge`; where they are written to in the pipeline.
"""

from collections.abc import Mapping, Sequence

import narwhals as nw

from lakehouse_assets.contracts.model import Contract
from lakehouse_assets.engines import kit
from lakehouse_assets.naming import ROW_ID
from lakehouse_assets.quality.judge import RowRule, flag_of
from lakehouse_assets.results import OnFailure

COLUMNS = (ROW_ID, "reasons", "contract_version", "rule_set", "raw")
REASON_FIELDS = ("rule_id", "fingerprint", "column", "dimension", "severity")


def quarantine_rows(
    flagged: nw.LazyFrame, rules: Sequence[RowRule], raw_columns: Mapping[str, str], contract: Contract
) -> nw.LazyFrame:
    """Return the refused rows of a flagged frame as the quarantine table stores them, partition column last.

    `raw_columns` maps names in the JSON object `raw` to columns of `flagged`; nulls are kept.
    """
    return flagged.select(
        nw.col(ROW_ID),
        _reasons_of(rules).alias("reasons"),
        nw.lit(contract.version).alias("contract_version"),
        nw.lit(contract.rule_set).alias("rule_set"),
        kit.row_as_json(raw_columns).alias("raw"),
        nw.col(contract.partition_column),
    )


def _reasons_of(rules: Sequence[RowRule]) -> nw.Expr:
    reasons = _reasons(rules)
    if reasons:
        return kit.reasons_of(reasons)
    return nw.lit(None).cast(nw.List(nw.Struct(dict.fromkeys(REASON_FIELDS, nw.String()))))


def _reasons(rules: Sequence[RowRule]) -> dict[str, dict[str, str | None]]:
    return {
        flag_of(number): {
            "rule_id": rule.spec.id,
            "fingerprint": rule.spec.fingerprint,
            "column": rule.spec.column,
            "dimension": rule.spec.dimension.value,
            "severity": rule.spec.severity.value,
        }
        for number, rule in enumerate(rules)
        if rule.spec.on_failure is OnFailure.QUARANTINE
    }
