"""Whether the environment switches all validation off, which Pandera does without a word."""

from collections.abc import Iterator

from lakehouse_assets.pipeline.diagnosis import Diagnosis, Installation, fine, probe
from lakehouse_assets.quality.preconditions import require_pandera_enabled


@probe
def validation(installation: Installation) -> Iterator[Diagnosis]:
    """Ask what every run asks before it starts."""
    require_pandera_enabled(installation.environ)
    yield fine("schemas are validated")
