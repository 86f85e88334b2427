"""Times as records write them. No database here: the run log needs this without one."""

from datetime import UTC, datetime


def to_utc(text: str) -> datetime:
    """Return the time an ISO text names; without a zone it is UTC."""
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
