"""Making mutants of a module: one small change each, at places where a change of meaning is possible.

Operators come from cosmic-ray. Annotations, decorators, imports and docstrings are left alone: changing them either
breaks the import, which any test would notice, or changes nothing.
"""

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

# Operators whose mutants say nothing here: there is no `break` to swap, variable names are ours to choose, and
# `is` instead of `==` (or the reverse) is no other meaning for None, for members of enums and for small numbers.
_LEFT_OUT = ("core/VariableReplacer", "core/VariableInserter", "core/RemoveDecorator")
_SAMENESS = {"Is", "IsNot"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed module: `before` and `after` are the changed line without blanks around it."""

    module: str
    line: int
    before: str
    after: str
    source: str

    @property
    def name(self) -> str:
        """What reasons for survivors are kept under; it does not move with line numbers."""
        return f"{self.before} -> {self.after}"


def mutants_of(module: str, source: str, seed: int) -> list[Mutant]:
    """Return one mutant for each place and family of operators, drawn by `seed` among the family's variants."""
    skipped = _skipped_lines(source)
    families: dict[tuple[object, ...], list[tuple[str, int]]] = {}
    for operator, occurrence, position in _places(source):
        if position[0] not in skipped:
            families.setdefault((position, operator.split("_")[0]), []).append((operator, occurrence))
    draw = random.Random(seed)  # noqa: S311 - a campaign must be repeatable
    drawn = []
    for _, family in sorted(families.items(), key=lambda item: str(item[0])):
        variants = draw.sample(family, len(family))
        drawn.append(next((m for variant in variants if (m := _mutated(module, source, *variant))), None))
    return [mutant for mutant in drawn if mutant is not None]


def _places(source: str) -> Iterator[tuple[str, int, tuple[int, int]]]:
    nodes = list(ast_nodes(get_ast(source)))
    for name in plugins.operator_names():
        kind = plugins.get_operator(name)
        if name.startswith(_LEFT_OUT) or kind.arguments() or _is_sameness(name):
            continue
        operator = kind()
        places = (start for node in nodes for start, _ in operator.mutation_positions(node))
        for occurrence, start in enumerate(places):
            yield name, occurrence, start


def _is_sameness(operator: str) -> bool:
    _, *words = operator.split("_")
    return len(words) == 2 and len(_SAMENESS.intersection(words)) == 1


def _mutated(module: str, source: str, operator: str, occurrence: int) -> Mutant | None:
    changed = mutate_code(source, plugins.get_operator(operator)(), occurrence)
    if changed is None or changed == source or not _compiles(changed):
        return None
    old, new = source.splitlines(), changed.splitlines()
    at = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)) - 1)
    return Mutant(module, at + 1, old[at].strip(), new[at].strip(), changed)


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _skipped_lines(source: str) -> set[int]:
    skipped: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node):
            skipped |= _lines(node)
        if isinstance(node, ast.FunctionDef):
            # The signature: annotations, defaults of types, decorators.
            skipped |= set(range(node.lineno, node.body[0].lineno))
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            skipped |= {line for decorator in node.decorator_list for line in _lines(decorator)}
        if isinstance(node, ast.AnnAssign):
            skipped |= _lines(node.annotation)
    return skipped


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _lines(node: ast.AST) -> set[int]:
    first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)
    return set(range(first, last + 1))
