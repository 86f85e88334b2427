"""Whether the state store answers and has the schema this program needs; it is not created, and not migrated."""

from collections.abc import Iterator

from lakehouse_assets.pipeline.diagnosis import Diagnosis, Installation, fine, probe, warning
from lakehouse_assets.state.database import check_version, sqlite_file
from lakehouse_assets.state.store import Store


@probe
def state_store(installation: Installation) -> Iterator[Diagnosis]:
    """Ask for its revision."""
    settings = installation.settings
    file = sqlite_file(settings.state_url)
    if file is not None and not settings.is_local:
        yield warning(
            "SQLite keeps the state of a lake in an object store: only one machine can see it.",
            where=settings.state_url,
            fix="Set `stateUrl` to a PostgreSQL database as soon as a second machine runs this lake.",
        )
    if file is not None and not file.exists():
        yield fine("not there yet; the first command that needs it makes it", settings.state_url)
        return
    with Store(settings.state_url) as store:
        revision, name = store.version(), store.name
    if revision is None:
        yield fine("empty; the first command that needs it fills it", name)
        return
    check_version(revision, where=name)
    yield fine(f"revision {revision}", name)
