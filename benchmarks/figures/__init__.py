"""Every figure of the project, in the order of the page: what it must reach and what it aims at."""

from benchmarks.figure import Figure
from benchmarks.figures import anomalies, judged, peers, sources, tables, transforms

FIGURES: tuple[Figure, ...] = (
    *tables.FIGURES,
    *judged.FIGURES,
    *anomalies.FIGURES,
    *transforms.FIGURES,
    *peers.FIGURES,
    *sources.FIGURES,
)
