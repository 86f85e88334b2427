"""Rows for tests of those who build on a contract: fine ones, one violation a rule, and deliveries that went wrong.

    kit = open_kit("config/contracts/silver/orders.odcs.yaml", seed=7)
    kit.fine(100), kit.violation("quantity.between"), kit.variant("late")

Equal seeds give equal rows. How they are made is in `quality.samples`; proving rules by them in `pipeline.canaries`.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random

import polars as pl

from lakehouse_assets.contracts.loader import load_contract
from lakehouse_assets.contracts.model import Contract, RuleKind, RuleSpec
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.errors import LakehouseError
from lakehouse_assets.pipeline.vocabulary import collect_vocabulary
from lakehouse_assets.quality.samples.promise import Promise, promise
from lakehouse_assets.quality.samples.reconciled import reconciliation_of
from lakehouse_assets.quality.samples.row_meaning import Row
from lakehouse_assets.quality.samples.rows import fine_rows
from lakehouse_assets.quality.samples.variants import variant_of
from lakehouse_assets.quality.samples.violations import Violation, violation_of


@dataclass(frozen=True)
class ContractKit:
    """A contract, a seed, and the partition its rows are of: the first of its calendar when none is named."""

    contract: Contract
    seed: int = 0
    partition: str = ""

    def fine(self, rows: int = 0) -> pl.DataFrame:
        """Return rows that keep every rule; a contract that promises more rows gets more."""
        return self._promise.frame(self._rows(rows))

    def violation(self, rule_id: str) -> Violation:
        """Return a partition that breaks one rule; raise LakehouseError when there is no such rule or violation."""
        found = {spec.id: spec for spec in self._broken_by_rows()}
        if rule_id not in found:
            raise LakehouseError(
                f"{self.contract.table} has no rule {rule_id!r} that rows break.", fix=nearest(rule_id, found)
            )
        violation = self._violation(found[rule_id], self._rows(0))
        if violation is None:
            raise LakehouseError(
                f"nothing was found that breaks {rule_id!r}.",
                where=str(found[rule_id].place),
                fix="Give a failing row in lakehouse.example.",
            )
        return violation

    def violations(self) -> tuple[Violation, ...]:
        """Return one violation a rule; rules that none was found for have none."""
        rows = self._rows(0)
        found = (self._violation(spec, rows) for spec in self._broken_by_rows())
        return tuple(violation for violation in found if violation is not None)

    def variant(self, name: str, rows: int = 0) -> pl.DataFrame:
        """Return rows that are fine as `drifted`, `late`, `duplicate`, `empty`, `all_null` or `all_duplicate`."""
        return variant_of(name, self._rows(rows), self._promise, self._random)

    @cached_property
    def _promise(self) -> Promise:
        return promise(self.contract, self.partition)

    @property
    def _random(self) -> Random:
        return Random(self.seed)  # noqa: S311 - samples, no secrets

    def _broken_by_rows(self) -> list[RuleSpec]:
        judged = {rule.spec.id for rule in self._promise.rules}
        return [spec for spec in self.contract.rules if spec.id in judged or spec.kind is RuleKind.RECONCILED]

    def _violation(self, spec: RuleSpec, rows: list[Row]) -> Violation | None:
        if spec.kind is RuleKind.RECONCILED:
            return reconciliation_of(spec, self._promise.functions[spec.rule], rows, self._promise)
        rule = next(rule for rule in self._promise.rules if rule.spec.id == spec.id)
        return violation_of(rule, rows, self._promise)

    def _rows(self, count: int) -> list[Row]:
        return fine_rows(self._promise, self._random, count)


def open_kit(path: Path | str, *, seed: int = 0, partition: str = "") -> ContractKit:
    """Return the kit of the contract in one file; raise ConfigError when it is none."""
    return ContractKit(load_contract(Path(path), collect_vocabulary()), seed, partition)
