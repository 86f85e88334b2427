"""Appends and rollbacks in any order against plain Python: what was loaded is a set, and a version remembers it."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse_assets.errors import NothingToDoError
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.pipeline.rollback import roll_back
from lakehouse_assets_tests.lakes import DAY, RAW, deliver, order, rows_of, run, shop_lake

CONTENTS = (("1", "2"), ("3",), ("1", "2"), ())
_NAMES, _CONTENTS = st.sampled_from("abc"), st.integers(0, len(CONTENTS) - 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deliver"), _NAMES, _CONTENTS),
        st.tuples(st.just("remove"), _NAMES, st.just(0)),
        st.tuples(st.just("run"), st.just(""), st.just(0)),
        st.tuples(st.just("roll back"), st.just(""), st.integers(0, 9)),
    ),
    min_size=3,
    max_size=9,
)

Loaded = frozenset[tuple[str, tuple[str, ...]]]


class Model:
    """A lake, and what it must hold: the batches that count as loaded, now and at each version."""

    def __init__(self, folder: Path) -> None:
        self.lake = shop_lake(folder, source_also="    load: append_once\n")
        self.drop = folder / "drop"
        self.files: dict[str, tuple[str, ...]] = {}
        self.loaded: Loaded = frozenset()
        self.at: dict[int, Loaded] = {0: frozenset()}

    def do(self, what: str, name: str, number: int) -> None:
        if what == "deliver":
            self.files[name] = CONTENTS[number]
            deliver(self.lake, f"{DAY}-{name}", [order(one) for one in CONTENTS[number]])
        elif what == "remove":
            self.files.pop(name, None)
            Path(self.drop, f"{DAY}-{name}.csv").unlink(missing_ok=True)
        elif what == "run":
            run(self.lake, RAW, DAY)
            self.loaded |= set(self.files.items())
        else:
            self.roll_back(number)
        self.remember()

    def roll_back(self, number: int) -> None:
        table = self.lake.open(RAW)
        if table is None:
            return
        version = sorted(self.at)[number % len(self.at)]
        try:
            roll_back(self.lake, RAW, version, run_id="model")
        except NothingToDoError:
            assert self.at[version] == self.loaded
        self.loaded = self.at[version]

    def remember(self) -> None:
        table = self.lake.open(RAW)
        if table is not None:
            self.at[table.version] = self.loaded

    def check(self) -> None:
        expected = Counter(one for _, content in self.loaded for one in content)
        if self.lake.open(RAW) is None:
            assert not expected
            return
        rows = rows_of(self.lake, RAW)
        word = served(self.lake, RAW).get(DAY)
        assert Counter(rows["order_id"]) == expected
        assert rows["_row_id"].n_unique() == rows.height
        assert (word.of.ledger.published if word else 0) == rows.height


@settings(max_examples=20)
@given(STEPS)
def test_a_table_holds_the_batches_that_count_as_loaded(steps: list[tuple[str, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = Model(Path(folder))
        for what, name, number in steps:
            model.do(what, name, number)
            model.check()
        model.do("run", "", 0)
        model.check()
