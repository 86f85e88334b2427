"""Two weeks of the shop as a sequence of mornings: what arrives, what is wrong with it, what has to be run.

Every mistake is planted and counted here. Nothing is read, written or run: `play` does that.
"""

import csv
import io
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from lakehouse_assets.demo.desk_files import Export, PlantedChanges, write_exports
from lakehouse_assets.demo.dirt import COLUMNS, MISTAKES, Planted, Row, plant, to_rows
from lakehouse_assets.demo.shop import SEED, Line, Shop

FIRST, LAST = date(2011, 11, 25), date(2011, 12, 9)
_SATURDAY = 5
_FEE = "AMAZONFEE"
_OFTEN = {1: "once", 2: "twice"}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file that appears in the drop folder."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Morning:
    """What happens on one morning, about the day before it.

    `announcement` says beforehand what goes wrong on purpose. `days` are run through bronze, silver and daily sales,
    and through the change log of customers; `restated` through daily sales only.
    """

    day: date
    title: str
    deliveries: tuple[Delivery, ...]
    days: tuple[str, ...]
    announcement: str = ""
    restated: tuple[str, ...] = ()


@dataclass(slots=True)
class Story:
    """The mornings in order, everything planted in them, and the revenue the till knows to be true.

    `planted_changes` is what was done to the exports of the customer desk, and what they say.
    """

    mornings: list[Morning] = field(default_factory=list)
    planted: Planted = field(default_factory=Planted)
    planted_changes: PlantedChanges = field(default_factory=PlantedChanges)
    true_revenue: Decimal = Decimal(0)


def write_story(seed: int = SEED) -> Story:
    """Simulate the two weeks and return what arrives on every morning; the same for the same seed."""
    author = _Author(seed)
    author.clean("2011-11-25", "An ordinary Friday")
    author.dirty("2011-11-27", "Typing errors", words=3, nothing=2, no_account=2)
    author.sent_twice("2011-11-28")
    author.unexpected_column("2011-11-29", british_date=3, negative=2)
    author.cut_off("2011-11-30")
    author.completed("2011-12-01", "2011-11-30", torn=3, shifted=2)
    author.missing("2011-12-02")
    author.completed("2011-12-04", "2011-12-02", journal=2, next_year=2, overflow=1, too_many=1)
    author.too_dirty("2011-12-05")
    author.completed("2011-12-06", "2011-12-05", no_invoice=2, no_product=2, no_country=1, lost_sign=3)
    author.late_lines("2011-12-07", "2011-12-06")
    author.typing_error("2011-12-08")
    author.clean("2011-12-09", "The last day of the season")
    return author.story


class _Author:
    """Writes one morning a method, in order; keeps what later mornings must bring."""

    def __init__(self, seed: int) -> None:
        self.story = Story()
        self._chance = random.Random(seed + 1)  # noqa: S311 - a simulation must be repeatable
        self._lines = _trade(seed)
        self._exports = _export(seed, self.story.planted_changes)
        self._owed: dict[str, bytes] = {}
        self.story.true_revenue = sum(map(_revenue, self._lines.values()), Decimal(0))
        self._late = self._hold_back("2011-12-06", count=25)

    def clean(self, day: str, title: str) -> None:
        self._tell(day, title, [_file(day, to_rows(self._lines[day]))])

    def dirty(self, day: str, title: str, **mistakes: int) -> None:
        rows = self._plant(day, mistakes)
        self._tell(day, title, [_file(day, rows)], f"The export holds {_listed(mistakes)}.")

    def sent_twice(self, day: str) -> None:
        rows = to_rows(self._lines[day])
        self.story.planted.repeated_rows += len(rows)
        files = [_file(day, rows), _file(day, rows, "_resent")]
        self._tell(
            day, "The same file twice", files, f"A nervous colleague sends the day again: {len(rows):,} rows too many."
        )

    def unexpected_column(self, day: str, **mistakes: int) -> None:
        rows = self._plant(day, mistakes)
        self.story.planted.unknown_columns.add("Discount")
        # Bronze promises little: one broken promise of few weighs more than a dozen bad rows among a thousand.
        self.story.planted.low_scores.add(f"bronze {day}")
        widened = [[*row, self._chance.choice(("0", "0.1", ""))] for row in rows]
        text = f"Nobody said that there would be a column `Discount`. And the export holds {_listed(mistakes)}."
        self._tell(day, "An unexpected column", [_file(day, widened, header=(*COLUMNS, "Discount"))], text)

    def cut_off(self, day: str) -> None:
        whole = _file(day, to_rows(self._lines[day])).content
        self._owed[day] = whole
        self.story.planted.rejected["truncated"] += 1
        self.story.planted.blocked[f"bronze {day}"] = "arrival"
        half = whole[: whole.index(b"\n", len(whole) * 2 // 3) - 9]
        text = "The connection breaks after two thirds of the file, in the middle of a line."
        self._tell(day, "A truncated file", [Delivery(f"{day}.csv", half)], text)

    def missing(self, day: str) -> None:
        self._owed[day] = _file(day, to_rows(self._lines[day])).content
        self.story.planted.rejected["missing"] += 1
        self.story.planted.blocked[f"bronze {day}"] = "arrival"
        self._tell(day, "No file at all", [], "The shop was open, but nothing arrives.")

    def too_dirty(self, day: str) -> None:
        lines = self._lines[day]
        self._owed[day] = _file(day, to_rows(lines)).content
        self.story.planted.blocked[f"silver {day}"] = "quarantine_ratio"
        wanted = len(lines) * 3 // 10
        rows = plant(Planted(), lines, {"comma": wanted}, self._chance)
        text = (
            f"After an update the till writes {wanted} prices with a decimal comma: far beyond the 5 % a day may lose."
        )
        self._tell(day, "A broken export", [_file(day, rows)], text)

    def completed(self, day: str, owed: str, **mistakes: int) -> None:
        """Deliver the good file of an earlier day together with an ordinary one of today."""
        files = [Delivery(f"{owed}.csv", self._owed.pop(owed)), _file(day, self._plant(day, mistakes))]
        text = f"The complete file of {owed} arrives as well. Today's holds {_listed(mistakes)}."
        self._tell(day, f"{owed} is made good", files, text, days=(owed, day))

    def late_lines(self, day: str, before: str) -> None:
        """Bring today, at the head of the file, the lines that the export of the day before did not have."""
        files = [_file(day, to_rows([*self._late, *self._lines[day]]))]
        text = (
            f"A till was offline: {len(self._late)} lines of {before} come a day late. Sales of {before} are restated."
        )
        self._tell(day, "Late lines", files, text, restated=(before,))

    def typing_error(self, day: str) -> None:
        """Book an absurd order and its cancellation: real events, kept with a warning."""
        lines = self._lines[day]
        sold = replace(next(line for line in lines if line.customer_id), invoice_no="579990", quantity=80_995)
        sold = replace(sold, unit_price=Decimal("2.08"))
        back = replace(sold, invoice_no="C579991", quantity=-sold.quantity)
        back = replace(back, invoiced_at=sold.invoiced_at + timedelta(minutes=12))
        self.story.planted.rules.update({"quantity_is_plausible": 2, "amount_is_plausible": 2})
        files = [_file(day, to_rows([sold, back, *lines]))]
        text = "Somebody orders 80,995 pieces and cancels at once. Both are real: kept, and warned about."
        self._tell(day, "A typing error of a customer", files, text)

    def _hold_back(self, day: str, *, count: int) -> list[Line]:
        late = self._chance.sample([line for line in self._lines[day] if line.unit_price > 0], k=count)
        for line in late:
            self._lines[day].remove(line)
        self.story.planted.late_rows += count
        return sorted(late, key=lambda line: (line.invoice_no, line.stock_code))

    def _plant(self, day: str, mistakes: Mapping[str, int]) -> list[Row]:
        return plant(self.story.planted, self._lines[day], mistakes, self._chance)

    def _tell(
        self,
        day: str,
        title: str,
        files: Sequence[Delivery],
        text: str = "",
        *,
        days: tuple[str, ...] = (),
        restated: tuple[str, ...] = (),
    ) -> None:
        run, export = days or (day,), self._exports[day]
        told = " ".join(sentence for sentence in (text, export.sentence) if sentence)
        brought = (*files, *(Delivery(f"customers-{day}{part}.csv", body) for part, body in export.files.items()))
        self.story.mornings.append(Morning(date.fromisoformat(day), title, brought, run, told, restated))


def _open_days() -> list[date]:
    days = (FIRST + timedelta(number) for number in range((LAST - FIRST).days + 1))
    return [day for day in days if day.weekday() != _SATURDAY]


def _trade(seed: int) -> dict[str, list[Line]]:
    shop = Shop(seed)
    return {day.isoformat(): shop.trade(day) for day in _open_days()}


def _export(seed: int, planted: PlantedChanges) -> dict[str, Export]:
    return write_exports(seed, _open_days(), planted)


def _revenue(lines: Sequence[Line]) -> Decimal:
    return sum((line.amount for line in lines if line.stock_code != _FEE), Decimal(0))


def _file(day: str, rows: Sequence[Row], suffix: str = "", *, header: Sequence[str] = COLUMNS) -> Delivery:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return Delivery(f"{day}{suffix}.csv", text.getvalue().encode())


def _listed(mistakes: Mapping[str, int]) -> str:
    told = [f"{_OFTEN.get(count, f'{count} times')} {MISTAKES[name].what}" for name, count in mistakes.items()]
    return _and(told)


def _and(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
