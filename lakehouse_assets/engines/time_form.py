"""What one form of written time is; `quality.patterns` makes them of chrono patterns, `times` reads texts by them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimeForm:
    """A chrono pattern, and what a whole text of it looks like; `leap` is the same with second 60, or "".

    `parts` is the shape with a group for each directive in `names`, with whatever second. A form with `has_offset`
    says its own distance from UTC, one with `is_utc` means UTC, others mean the zone.
    """

    pattern: str
    shape: str
    leap: str = ""
    parts: str = ""
    names: tuple[str, ...] = ()
    has_offset: bool = False
    is_utc: bool = False
