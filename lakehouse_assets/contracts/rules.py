"""From a declared rule to a bound one: signature, severity, what happens on failure, fingerprint.

Where declarations come from: `derived` (properties), `entries` (quality entries), `foreign_keys`, `bronze`.
Whether arguments make sense is judged in `arguments`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lakehouse_assets.contracts.arguments import check_arguments
from lakehouse_assets.contracts.fingerprints import fingerprint
from lakehouse_assets.contracts.model import Column, RuleExample, RuleKind, RuleSpec
from lakehouse_assets.contracts.reading import Reading
from lakehouse_assets.contracts.reference_lists import with_entries
from lakehouse_assets.contracts.vocabulary import ArgumentError, RuleSignature
from lakehouse_assets.documents.findings import nearest
from lakehouse_assets.documents.strict_yaml import Steps
from lakehouse_assets.results import Dimension, OnFailure, Severity


@dataclass(frozen=True, slots=True)
class Declaration:
    """A rule as a file declares it; what is None is decided by the rule's kind and severity."""

    id: str
    rule: str
    steps: Steps
    column: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = Severity.ERROR
    dimension: Dimension | None = None
    on_failure: OnFailure | None = None
    scope: str = "partition"
    description: str = ""
    example: RuleExample = field(default_factory=RuleExample)


def bind_rules(declared: Iterable[Declaration], columns: Sequence[Column], reading: Reading) -> tuple[RuleSpec, ...]:
    """Return every rule that can run; the others, and ids that occur twice, become findings."""
    bound: dict[str, RuleSpec] = {}
    for declaration in declared:
        spec = _bind(declaration, columns, reading)
        if declaration.id in bound:
            first = bound[declaration.id].place.line
            message = f"the rule {declaration.id!r} is already declared in line {first}."
            reading.tell("LH410", declaration.steps, message, "Give it another id, or remove it.")
        elif spec is not None:
            bound[declaration.id] = spec
    return tuple(bound.values())


def to_spec(declaration: Declaration, kind: RuleKind, dimension: Dimension, reading: Reading) -> RuleSpec:
    """Return the bound rule of a kind, with its default action and its fingerprint."""
    action = declaration.on_failure or default_action(kind, declaration.severity)
    return RuleSpec(
        id=declaration.id,
        rule=declaration.rule,
        kind=kind,
        dimension=declaration.dimension or dimension,
        severity=declaration.severity,
        on_failure=action,
        fingerprint=fingerprint(
            declaration.rule,
            declaration.column,
            {**declaration.arguments, "scope": kind.value},
            on_failure=action,
            severity=declaration.severity,
        ),
        column=declaration.column,
        arguments=declaration.arguments,
        description=declaration.description,
        place=reading.place(declaration.steps),
        example=declaration.example,
    )


def default_action(kind: RuleKind, severity: Severity) -> OnFailure:
    """Return what happens to the data when nothing is written: what looks beyond a partition never decides about it."""
    if kind in {RuleKind.TABLE, RuleKind.OVER_TIME} or severity in {Severity.INFO, Severity.WARNING}:
        return OnFailure.KEEP
    if kind is RuleKind.FOREIGN_KEY:
        return OnFailure.QUARANTINE
    if severity is Severity.CRITICAL or kind in {RuleKind.PARTITION, RuleKind.RECONCILED}:
        return OnFailure.BLOCK
    return OnFailure.QUARANTINE


def _bind(declaration: Declaration, columns: Sequence[Column], reading: Reading) -> RuleSpec | None:
    signature = reading.vocabulary.rules.get(declaration.rule)
    if signature is None:
        hint = nearest(declaration.rule, reading.vocabulary.rules)
        reading.tell("LH401", declaration.steps, f"unknown rule {declaration.rule!r}.", hint)
        return None
    if not check_arguments(declaration.arguments, declaration.column, signature, (columns, declaration.steps), reading):
        return None
    _check_example(declaration, columns, reading)
    if declaration.column and any(parameter.name == "column" for parameter in signature.parameters):
        declaration = replace(declaration, arguments={**declaration.arguments, "column": declaration.column})
    arguments = _judged(declaration, signature, columns, reading)
    if arguments is None:
        return None
    declaration = replace(declaration, arguments=arguments)
    kind = RuleKind.TABLE if declaration.scope == "table" else signature.kind
    spec = to_spec(declaration, kind, signature.dimension, reading)
    return _checked_action(spec, signature, declaration, reading)


def _judged(
    declaration: Declaration, signature: RuleSignature, columns: Sequence[Column], reading: Reading
) -> Mapping[str, Any] | None:
    """Return the arguments as they mean, or None and a finding when the rule itself refuses them."""
    arguments = with_entries(declaration.arguments, declaration.steps, reading)
    if arguments is None or signature.check is None:
        return arguments
    try:
        return signature.check(arguments, columns)
    except ArgumentError as error:
        reading.tell(error.code, declaration.steps, f"{declaration.id!r}: {error.what}", error.fix)
        return None


def _check_example(declaration: Declaration, columns: Sequence[Column], reading: Reading) -> None:
    known = [column.name for column in columns]
    for row in (*declaration.example.failing, *declaration.example.passing):
        for name in row:
            if name not in known:
                message = f"lakehouse.example of {declaration.id!r} names {name!r}, which is no column."
                reading.tell("LH404", declaration.steps, message, nearest(name, known))


def _checked_action(
    spec: RuleSpec, signature: RuleSignature, declaration: Declaration, reading: Reading
) -> RuleSpec | None:
    if declaration.scope == "table" and signature.kind in {RuleKind.ROW, RuleKind.GROUP}:
        message = f"{spec.rule!r} looks at single rows; a whole table is not its scope."
        reading.tell("LH413", declaration.steps, message, "Remove lakehouse.scope.")
        return None
    if declaration.scope == "table" and signature.kind in {RuleKind.OVER_TIME, RuleKind.RECONCILED}:
        message = f"{spec.rule!r} looks at one partition after another; a whole table is not its scope."
        reading.tell("LH413", declaration.steps, message, "Remove lakehouse.scope.")
        return None
    check_action(spec, declaration.steps, reading)
    return spec


def check_action(spec: RuleSpec, steps: Steps, reading: Reading) -> None:
    """Find actions that a rule of this kind cannot take, and errors that only alert."""
    allowed = {
        RuleKind.ROW: set(OnFailure),
        RuleKind.GROUP: set(OnFailure),
        RuleKind.PARTITION: {OnFailure.KEEP, OnFailure.BLOCK},
        RuleKind.TABLE: {OnFailure.KEEP},
        RuleKind.OVER_TIME: {OnFailure.KEEP},
        RuleKind.RECONCILED: {OnFailure.KEEP, OnFailure.BLOCK},
        RuleKind.FOREIGN_KEY: {OnFailure.KEEP, OnFailure.QUARANTINE},
    }[spec.kind]
    if spec.on_failure not in allowed:
        hint = f"A {spec.kind.value.replace('_', ' ')} rule can {' or '.join(sorted(allowed))}."
        reading.tell("LH413", steps, f"{spec.id!r} cannot {spec.on_failure}.", hint)
    elif spec.kind is RuleKind.OVER_TIME:
        return  # Whatever its severity, it looks at other partitions: it alerts.
    elif spec.on_failure is OnFailure.KEEP and spec.severity in {Severity.ERROR, Severity.CRITICAL}:
        message = f"{spec.id!r} has severity {spec.severity}, but the data is published when it fails."
        reading.tell("LH414", steps, message, "Let it block or quarantine, or call it a warning.")
