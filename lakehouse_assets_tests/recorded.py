"""A small shop whose sender writes down what it sends: control files beside the daily ones, and what they say."""

import hashlib
import json
from pathlib import Path
from typing import Any

from lakehouse_assets.pipeline.lake import Lake, open_lake
from lakehouse_assets.results import PartitionResult, RuleResult
from lakehouse_assets_tests.lakes import deliver, order, orders_contract, shop_lake

PROMISED = "{sums: [amount], sha256: true}"
CONTROL = "control/{partition}.json"
_READ = 'read: {pattern: "{partition}*.csv", '


def recorded_shop(
    folder: Path,
    reconcile: str = PROMISED,
    *,
    control: str = CONTROL,
    trailer: str = "",
    quality: str = "[]",
    also: str = "",
) -> Lake:
    """Return a shop whose source promises to record what `reconcile` says; without one its `control` implies it."""
    settings = shop_lake(folder).settings
    source, silver = (settings.config_dir / path for path in ("sources/shop.yaml", "contracts/silver/orders.odcs.yaml"))
    text = source.read_text() + (f"    reconcile: {reconcile}\n" if reconcile else "") + also
    source.write_text(text.replace(_READ, f'{_READ}control: "{control}", trailer: "{trailer}", '))
    silver.write_text(orders_contract(quality=quality))
    return open_lake(settings)


def orders_of(*amounts: object) -> list[list[str]]:
    """Return one raw order an amount."""
    return [order(number, amount=amount) for number, amount in enumerate(amounts, 1)]


def word(lake: Lake, path: str, **said: Any) -> None:  # noqa: ANN401 - what senders write
    """Write a control file below the drop."""
    file = _drop(lake) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(said), encoding="utf-8")


def send(lake: Lake, day: str, *amounts: object, **said: Any) -> None:  # noqa: ANN401 - what senders write
    """Deliver a day with a true control file, but for what is said otherwise; None leaves something out."""
    path = deliver(lake, day, orders_of(*amounts))
    numbers = [amount for amount in amounts if isinstance(amount, int)]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    truth = {"rows": len(amounts), "sums": {"amount": sum(numbers)}, "sha256": digest, "sent_by": "the shop"}
    word(lake, f"control/{day}.json", **{key: value for key, value in (truth | said).items() if value is not None})


def judged(result: PartitionResult, rule_id: str) -> RuleResult:
    """Return what one rule said of a partition."""
    (found,) = [one for one in result.record.results if one.rule_id == rule_id]
    return found


def _drop(lake: Lake) -> Path:
    return Path(lake.catalog.sources["shop"].connection["location"])
