"""What must hold before anything is judged. Imports nothing heavy: every start-up asks."""

from collections.abc import Mapping

from lakehouse_assets.errors import LakehouseError

PANDERA_SWITCH = "PANDERA_VALIDATION_ENABLED"


def require_pandera_enabled(environ: Mapping[str, str]) -> None:
    """Raise LakehouseError when the environment switches all of Pandera's validation off, which it does silently."""
    if environ.get(PANDERA_SWITCH, "True") not in {"true", "True", "1"}:
        raise LakehouseError(
            f"{PANDERA_SWITCH} switches validation off: every schema would pass.",
            where="environment",
            fix=f"Unset {PANDERA_SWITCH}.",
        )
