"""Bringing a state store to the newest revision. Alembic is imported only here."""

from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse_assets.state import schema
from lakehouse_assets.state.store import Store

if TYPE_CHECKING:
    from alembic.config import Config


def migrate(store: Store, *, revision: str = "head") -> tuple[str, str]:
    """Run all revisions the store lacks in one transaction; return the revision before and after."""
    from alembic import command  # noqa: PLC0415 - 0.2 s that only a migration needs

    before = store.version() or "none"
    configuration = migrations()
    with store.transaction() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, revision)
    return before, store.version() or "none"


def newest() -> str:
    """Return the revision this program needs."""
    return schema.HEAD


def migrations() -> "Config":
    """Return Alembic's configuration for the revisions inside this package."""
    from alembic.config import Config  # noqa: PLC0415

    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return configuration
