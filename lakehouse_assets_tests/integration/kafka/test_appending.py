"""Topics of a real broker become hourly bronze, each record exactly once, whatever the topic goes through."""

import re
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from lakehouse_assets.naming import dead_letters_of
from lakehouse_assets.pipeline.content import content_of
from lakehouse_assets.pipeline.lake import Lake
from lakehouse_assets.pipeline.recorded import served
from lakehouse_assets.results import PUBLISHED, UNCHANGED
from lakehouse_assets_tests.kafka import Broker
from lakehouse_assets_tests.kafka_lakes import ELEVEN, EVENTS, HOURS, NINE, TEN, event, events, kafka_lake, landed
from lakehouse_assets_tests.lakes import rows_of, run, statuses

pytestmark = [pytest.mark.integration, pytest.mark.kafka]


@pytest.fixture
def lake(tmp_path: Path, broker: Broker, topic: str) -> Lake:
    return kafka_lake(tmp_path, broker.address, topic=topic)


def letters(lake: Lake) -> pl.DataFrame:
    return rows_of(lake, dead_letters_of("shop", "events"))


def message_of(lake: Lake, hour: str = ELEVEN) -> str:
    return run(lake, EVENTS, hour)[hour].message


def test_a_record_lands_in_the_hour_of_its_timestamp(lake: Lake, broker: Broker, topic: str) -> None:
    broker.send(topic, [event(1, hour=9), event(2, hour=10), event(3, hour=9)])

    run(lake, EVENTS, *HOURS)

    found = rows_of(lake, EVENTS).select("event_id", "_proc_date").sort("event_id").rows()
    assert found == [("1", NINE), ("2", TEN), ("3", NINE)]


def test_an_hour_in_which_nothing_came_is_empty_and_not_missing(lake: Lake, broker: Broker, topic: str) -> None:
    broker.send(topic, [event(1, hour=9)])

    said = run(lake, EVENTS, NINE, TEN)

    assert statuses(said) == {NINE: PUBLISHED, TEN: PUBLISHED}
    assert served(lake, EVENTS)[TEN].of.ledger.published == 0


def test_a_second_run_adds_nothing(lake: Lake, broker: Broker, topic: str) -> None:
    broker.send(topic, events(range(20)))
    run(lake, EVENTS, NINE)
    version = content_of(lake, EVENTS).hash

    assert statuses(run(lake, EVENTS, NINE)) == {NINE: UNCHANGED}
    assert (len(landed(lake)), content_of(lake, EVENTS).hash) == (20, version)


def test_a_run_of_one_hour_tells_what_it_added_to_others(lake: Lake, broker: Broker, topic: str) -> None:
    broker.send(topic, [event(1, hour=9), event(2, hour=11)])

    assert statuses(run(lake, EVENTS, NINE)) == {NINE: PUBLISHED, ELEVEN: PUBLISHED}


def test_a_late_record_joins_its_hour(lake: Lake, broker: Broker, topic: str) -> None:
    broker.send(topic, events("12"))
    run(lake, EVENTS, NINE)
    broker.send(topic, [event(3, hour=9)])

    run(lake, EVENTS, TEN)

    word = served(lake, EVENTS)[NINE].of
    assert (landed(lake), word.ledger.published, word.measures["records"]) == (["1", "2", "3"], 3, 3)


def test_aborted_transactions_are_never_seen(lake: Lake, broker: Broker, topic: str) -> None:
    broker.transact(topic, [(True, events("12")), (False, events("xy")), (True, events("3")), (False, events("z"))])

    run(lake, EVENTS, NINE)
    broker.transact(topic, [(True, events("4"))])
    run(lake, EVENTS, NINE)

    assert landed(lake) == ["1", "2", "3", "4"]
    assert served(lake, EVENTS)[NINE].of.measures["gaps"] > 0


def test_poison_goes_to_the_dead_letters_and_stops_nothing(lake: Lake, broker: Broker, topic: str) -> None:
    bad = {"value": b'{"event_id": 1, "event_id": 2}', "timestamp": event(0)["timestamp"], "partition": 1}
    broker.send(topic, [event(1, partition=1), bad, {**bad, "value": b"\xff\xfe"}, event(2, partition=1)])

    run(lake, EVENTS, NINE)

    found = letters(lake).sort("position")
    assert landed(lake) == ["1", "2"]
    assert found["position"].to_list() == [1, 2]
    assert found["content"].to_list() == [bad["value"], b"\xff\xfe"]
    assert "duplicate_key" in found["reason"][0]
    assert {one.rule_id: one.failed_rows for one in served(lake, EVENTS)[NINE].of.results}["decoded"] == 2


def test_a_record_out_of_the_calendar_is_a_dead_letter(lake: Lake, broker: Broker, topic: str) -> None:
    broker.send(topic, [event(1), {**event(2), "timestamp": 1}])

    run(lake, EVENTS, NINE)

    assert (landed(lake), letters(lake)["position"].len()) == (["1"], 1)


def test_a_value_of_another_type_is_a_row_with_a_defect(tmp_path: Path, broker: Broker, topic: str) -> None:
    lake = kafka_lake(tmp_path, broker.address, topic=topic, columns="{event_id: text, amount: long}")
    odd = {**event(2), "value": '{"event_id": "2", "amount": "many"}'}
    broker.send(topic, [event(1), odd])

    run(lake, EVENTS, NINE)

    rows = rows_of(lake, EVENTS).sort("event_id")
    assert rows["amount"].to_list() == [1, None]
    assert rows["_defect"].to_list() == [None, "wrong_type"]
    assert "many" in rows["_line"][1]


def test_what_is_not_declared_is_kept(lake: Lake, broker: Broker, topic: str) -> None:
    odd = {"value": '{"event_id": "1", "colour": "red"}', "headers": [("h", b"a"), ("h", b"b")], "key": b"k"}
    broker.send(topic, [{**event(1), **odd}])

    run(lake, EVENTS, NINE)

    kept = rows_of(lake, EVENTS)["_unknown"][0]
    assert '"colour":"red"' in kept
    assert r'"kafka_headers":"[[\"h\",\"a\"],[\"h\",\"b\"]]"' in kept
    assert '"kafka_key":"k"' in kept


def test_a_new_partition_is_read_from_its_beginning(lake: Lake, broker: Broker, topic: str) -> None:
    broker.send(topic, [event(1, partition=0)])
    run(lake, EVENTS, NINE)
    broker.widen(topic, 3)
    broker.send(topic, [event(2, partition=2)])

    run(lake, EVENTS, NINE)

    assert landed(lake) == ["1", "2"]


def test_lost_records_are_told_with_their_range_and_need_a_word(tmp_path: Path, broker: Broker, topic: str) -> None:
    lake = kafka_lake(tmp_path, broker.address, topic=topic)
    broker.send(topic, events("12", partition=0))
    run(lake, EVENTS, NINE)
    broker.send(topic, events("3456", partition=0))
    broker.forget(topic, 0, 5)

    said = message_of(lake)
    accepted = kafka_lake(tmp_path, broker.address, topic=topic, acceptLost=["0@2-4"])
    run(accepted, EVENTS, NINE)

    assert "offset_lost" in said
    assert "0@2-4" in said
    assert landed(accepted) == ["1", "2", "6"]


def test_a_topic_that_was_made_anew_needs_a_word(tmp_path: Path, broker: Broker, topic: str) -> None:
    lake = kafka_lake(tmp_path, broker.address, topic=topic)
    broker.send(topic, events("12", partition=0))
    run(lake, EVENTS, NINE)
    broker.delete(topic)
    broker.create(topic, partitions=2)
    broker.send(topic, events("789", partition=0))

    said = message_of(lake)
    (fresh,) = re.findall(r"topicId: ([\w-]+)", said)
    accepted = kafka_lake(tmp_path, broker.address, topic=topic, topicId=fresh)
    again = run(accepted, EVENTS, NINE)

    assert not again[NINE].message
    assert "recreated" in said
    assert landed(accepted) == ["1", "2", "7", "8", "9"]


def test_a_source_that_cannot_be_reached_blocks_and_loses_nothing(tmp_path: Path) -> None:
    lake = kafka_lake(tmp_path, "127.0.0.1:1", timeout="1s")

    assert "unreachable" in message_of(lake, NINE)


def test_many_small_commits_say_the_same_as_one(tmp_path: Path, broker: Broker, topic: str) -> None:
    broker.send(topic, events(range(50)))
    one, many = (kafka_lake(tmp_path / str(size), broker.address, topic=topic, maxRecords=size) for size in (1000, 7))
    run(one, EVENTS, NINE)
    run(many, EVENTS, NINE)

    words = [served(lake, EVENTS)[NINE].of for lake in (one, many)]
    assert words[0].content_hash == words[1].content_hash
    assert content_of(one, EVENTS).hash == content_of(many, EVENTS).hash
    assert Counter(landed(many)) == Counter(map(str, range(50)))
