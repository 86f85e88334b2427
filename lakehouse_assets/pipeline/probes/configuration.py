"""Whether settings, sources and contracts can be used; `lakehouse validate` shows the same with more detail."""

from collections.abc import Iterator

from lakehouse_assets.contracts.loader import load_catalog
from lakehouse_assets.documents.codes import Level
from lakehouse_assets.pipeline.diagnosis import Diagnosis, Installation, fine, probe
from lakehouse_assets.pipeline.vocabulary import collect_vocabulary


@probe
def configuration(installation: Installation) -> Iterator[Diagnosis]:
    """Report every finding of the settings, and of sources and contracts once those can be found."""
    findings = installation.found
    tables = 0
    if installation.read is not None:
        catalog, of_catalog = load_catalog(
            installation.read.config_dir, collect_vocabulary(), installation.read.sources
        )
        findings, tables = (*findings, *of_catalog), len(catalog.contracts)
    for finding in findings:
        if finding.severity is not Level.INFO:
            what = f"{finding.code}: {finding.message}"
            yield Diagnosis(
                finding.severity, what, str(finding.spot), finding.hint or "`lakehouse validate` says more."
            )
    if not any(finding.is_error for finding in findings):
        yield fine(f"{tables} tables are described", str(installation.settings.config_dir))
