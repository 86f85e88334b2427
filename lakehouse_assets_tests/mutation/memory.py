"""What earlier campaigns found, so that one that was interrupted goes on: files below `.lake/mutants`.

A kill counts as long as the mutant and the test file that noticed it are the same; a survival as long as all tests of
the module are. Other modules and the helpers of tests do not count: delete the folder to try everything again.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lakehouse_assets_tests.mutation.mutants import Mutant, mutants_of
from lakehouse_assets_tests.mutation.targets import Target


@dataclass(frozen=True)
class Memory:
    """The verdicts on one module's mutants: mutant -> (killer or nothing, what the tests were then, commit)."""

    tree: Path
    tests: Sequence[str]
    commit: str
    file: Path
    known: dict[str, list[str]] = field(default_factory=dict)

    def killer_of(self, mutant: Mutant) -> str | None:
        """Return which test noticed a mutant, nothing for none, or None when that is not known."""
        killer, tests, _ = self.known.get(_mark(mutant.source), ["", "", ""])
        return killer if tests == self._state(killer) else None

    def commits_of(self, mutants: Iterable[Mutant]) -> set[str]:
        """Return the commits at which mutants were tried."""
        return {self.known[_mark(mutant.source)][2] for mutant in mutants}

    def keep(self, mutant: Mutant, killer: str) -> None:
        """Remember a verdict."""
        self.known[_mark(mutant.source)] = [killer, self._state(killer), self.commit]
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self.known), encoding="utf-8")

    def _state(self, killer: str) -> str:
        files = [killer] if killer.endswith(".py") else self.tests
        return _mark(*(_content(self.tree / name.split("::")[0]) for name in files))


def memory_of(folder: Path, tree: Path, target: Target, commit: str) -> Memory:
    """Return what a folder tells of a target's mutants; `tree` holds the tests as they are run now."""
    file = folder / f"{target.module.replace('/', '.')}.json"
    return Memory(tree, target.tests, commit, file, json.loads(file.read_text("utf-8")) if file.is_file() else {})


def remembered_mutants(folder: Path, module: str, source: str, seed: int) -> list[Mutant]:
    """Return a module's mutants, made only when this text was never seen: making them takes a second or two."""
    made_by = Path(__file__).with_name("mutants.py").read_text(encoding="utf-8")
    file = folder / f"{_mark(module, source, str(seed), made_by)}.json"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps([asdict(mutant) for mutant in mutants_of(module, source, seed)]), encoding="utf-8")
    return [Mutant(**told) for told in json.loads(file.read_text(encoding="utf-8"))]


def _content(path: Path) -> str:
    found = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return "".join(file.read_text(encoding="utf-8") for file in found)


def _mark(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
