"""What an object store tells of new objects: messages of a queue (Amazon SQS), each naming objects of a bucket.

What belongs here: reading and deleting messages in the three shapes they come in. What does not: which partition an
object belongs to (`arrivals`), and whether it was told before: who asks compares what is there.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from lakehouse_assets.errors import MissingExtraError, PassingSourceError

# Key of the connection that names the queue.
QUEUE = "notifications"
_PER_REQUEST, _REQUESTS = 10, 20
_OPTIONS = {
    "region_name": ("region", "aws_region", "AWS_REGION", "AWS_DEFAULT_REGION"),
    "aws_access_key_id": ("access_key_id", "aws_access_key_id", "AWS_ACCESS_KEY_ID"),
    "aws_secret_access_key": ("secret_access_key", "aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
    "aws_session_token": ("session_token", "aws_session_token", "AWS_SESSION_TOKEN"),
}


@dataclass(frozen=True, slots=True)
class Notices:
    """Objects that were told of, as (bucket, key), and the receipts of the messages that did."""

    objects: tuple[tuple[str, str], ...]
    receipts: tuple[str, ...]


class Queue:
    """A queue of notifications, at its URL; `options` are those of the connection."""

    def __init__(self, url: str, options: Mapping[str, Any], environ: Mapping[str, str], *, where: str) -> None:
        try:
            import boto3
        except ModuleNotFoundError as error:
            msg = "notifications come from Amazon SQS, and boto3 is not installed."
            raise MissingExtraError(msg, where=where, fix="Run pip install 'lakehouse-assets[aws]'.") from error
        parts = urlsplit(url)
        given = {**environ, **options}
        found = {option: next(filter(None, map(given.get, names)), None) for option, names in _OPTIONS.items()}
        told = {option: value for option, value in found.items() if value}
        self._url, self._where = url, where
        self._client = boto3.client("sqs", endpoint_url=f"{parts.scheme}://{parts.netloc}", **told)

    def receive(self) -> Notices:
        """Return what was told since; messages come again unless they are deleted."""
        objects: list[tuple[str, str]] = []
        receipts: list[str] = []
        for _ in range(_REQUESTS):
            answer = self._ask("receive_message", MaxNumberOfMessages=_PER_REQUEST, WaitTimeSeconds=0)
            messages = answer.get("Messages", [])
            for message in messages:
                receipts.append(message["ReceiptHandle"])
                objects.extend(read_notice(message["Body"]))
            if len(messages) < _PER_REQUEST:
                break
        return Notices(tuple(objects), tuple(receipts))

    def delete(self, receipts: tuple[str, ...]) -> None:
        """Delete messages whose objects were seen to."""
        for start in range(0, len(receipts), _PER_REQUEST):
            some = receipts[start : start + _PER_REQUEST]
            entries = [{"Id": str(number), "ReceiptHandle": one} for number, one in enumerate(some)]
            self._ask("delete_message_batch", Entries=entries)

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - arguments of the library
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: dict[str, Any] = getattr(self._client, operation)(QueueUrl=self._url, **arguments)
        except (BotoCoreError, ClientError) as error:
            raise PassingSourceError(
                "unreachable",
                f"the queue of notifications did not answer as it should ({type(error).__name__}).",
                where=self._where,
                fix="Check `notifications` of the connection, and that this worker may receive and delete messages.",
            ) from error
        return answer


def read_notice(body: str) -> Iterator[tuple[str, str]]:
    """Yield the objects that a message tells of: from S3 itself, through SNS, or through EventBridge.

    Anything else, such as the message S3 sends when notifications are switched on, tells of none.
    """
    try:
        event = json.loads(body)
        if isinstance(event, dict) and isinstance(event.get("Message"), str):
            event = json.loads(event["Message"])
    except ValueError:
        return
    if not isinstance(event, dict):
        return
    for record in event.get("Records", []):
        stored = record.get("s3", {})
        if str(record.get("eventName", "")).removeprefix("s3:").startswith("ObjectCreated") and stored:
            yield stored["bucket"]["name"], unquote_plus(stored["object"]["key"])
    detail = event.get("detail")
    if event.get("detail-type") == "Object Created" and isinstance(detail, dict):
        yield detail["bucket"]["name"], detail["object"]["key"]
