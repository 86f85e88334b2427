"""Writes the reference of all rules from the rules themselves: claim, arguments, and an example that is tested."""

import json
from collections.abc import Iterable

from lakehouse_assets.contracts.model import RuleKind
from lakehouse_assets.contracts.vocabulary import FILLED
from lakehouse_assets.quality.rule import RuleFunction, load_rules
from lakehouse_assets.results import LABELS, Dimension

_HEAD = """# Rules

A function in `lakehouse_assets/quality/rules/` is a rule; a new one there is all it takes.
A null passes every rule but those of completeness.
NaN and infinity pass none.
"""

_SUBJECTS = {
    RuleKind.GROUP: "a row beside the others of its partition",
    RuleKind.OVER_TIME: "a partition beside earlier ones",
}


def render_rules_reference() -> str:
    """Return the Markdown of `docs/reference/rules.md`."""
    rules = load_rules().values()
    sections = [_section(dimension, rules) for dimension in Dimension]
    return _HEAD + "".join(section for section in sections if section)


def _section(dimension: Dimension, rules: Iterable[RuleFunction]) -> str:
    mine = [each for each in rules if each.signature.dimension is dimension]
    if not mine:
        return ""
    word, label = dimension.value.capitalize(), LABELS[dimension]
    shown = "" if word == label else f" (shown as {label})"
    return f"\n## {word}{shown}\n" + "".join(_entry(each) for each in mine)


def _entry(function: RuleFunction) -> str:
    signature, example = function.signature, function.example
    arguments = [
        f"`{each.name}`{'' if each.required else ' (optional)'}" for each in signature.parameters if each.name != FILLED
    ]
    subject = "one column" if signature.needs_column else _SUBJECTS.get(signature.kind, f"a {signature.kind.value}")
    written = {"rule": signature.name, **({"column": "…"} if signature.needs_column else {}), **example.arguments}
    written.pop(FILLED, None)
    return (
        f"\n### `{signature.name}`\n\n"
        f"{signature.summary}\n"
        f"Looks at {subject}.\n"
        f"Arguments: {', '.join(arguments) or 'none'}.\n\n"
        f"```yaml\nimplementation: {json.dumps(written, ensure_ascii=False)}\n```\n\n"
        f"Passes: `{_shown(example.passing)}`.\n"
        f"Fails: `{_shown(example.failing)}`.\n"
    )


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
