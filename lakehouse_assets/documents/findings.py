"""What a check of the configuration found: one value per problem, collected, never raised one by one.

The codes and their meaning live in `codes`; what is checked lives with the thing that is checked.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from lakehouse_assets.documents.codes import CODES, Level
from lakehouse_assets.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a file below the configuration folder; lines and columns start at 1, 0 means unknown."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        numbers = [str(number) for number in (self.line, self.column) if number]
        return ":".join([self.path, *numbers])


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem: a stable code, how bad it is, where it is, what it is and what to do about it."""

    code: str
    severity: Level
    spot: Spot
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.spot}: {self.severity} {self.code}: {self.message}{hint}"

    @property
    def is_error(self) -> bool:
        """Whether the configuration cannot be used because of this."""
        return self.severity is Level.ERROR


class Report:
    """Collects findings while a configuration is read; equal findings count once."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @property
    def errors(self) -> int:
        """How many findings make the configuration unusable."""
        return sum(finding.is_error for finding in self._found)

    def add(self, code: str, spot: Spot, message: str, hint: str = "") -> None:
        """Keep one finding; its level is the code's."""
        self._found.setdefault(Finding(code, CODES[code].level, spot, message, hint))

    def sorted(self) -> tuple[Finding, ...]:
        """Return all findings by file, line and code."""
        return tuple(sorted(self._found, key=_order))


def _order(finding: Finding) -> tuple[str, int, int, str, str]:
    spot = finding.spot
    return (spot.path, spot.line, spot.column, finding.code, finding.message)


def nearest(word: object, known: Iterable[str]) -> str:
    """Return "Did you mean 'x'?" for the known name closest to `word`, or the list of names when it is short."""
    names = sorted({str(name) for name in known})
    lowered = {name.lower(): name for name in names}
    match = get_close_matches(str(word).lower(), lowered, n=1, cutoff=0.6)
    if match:
        return f"Did you mean {lowered[match[0]]!r}?"
    if names and len(names) <= 12:  # noqa: PLR2004 - as many as fit on a line
        return "Known are " + ", ".join(names) + "."
    return ""


def raise_errors(findings: Iterable[Finding]) -> None:
    """Raise ConfigError with every error among `findings`; warnings alone pass."""
    errors = [str(finding) for finding in findings if finding.is_error]
    if errors:
        raise ConfigError(errors)
