"""Bar charts as SVG: plain shapes and text, in colours that hold on a light and on a dark page."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LEFT, RIGHT, ROW, TOP, TOLD = 760, 190, 130, 28, 56, 110
_STYLE = """\
text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-size:15px;font-weight:600}.s,.v{fill:#59636e}
.bar{fill:#4078c0}.ours{fill:#1a7f37}.bad{fill:#cf222e}.line{stroke:#59636e;stroke-width:1;stroke-dasharray:3 3}
@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.s,.v{fill:#9198a1}.line{stroke:#9198a1}
.bar{fill:#539bf5}.ours{fill:#57ab5a}.bad{fill:#f47067}}"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name, its length, what stands at its end, and its kind (`ours`, `bar` or `bad`)."""

    name: str
    value: float
    told: str
    kind: str = "bar"


def bars(title: str, subtitle: str, items: Sequence[Bar], *, mark: float | None = None) -> str:
    """Return a chart of horizontal bars, with a dashed line at `mark`."""
    largest = max([*(bar.value for bar in items), mark or 0]) or 1
    scale = (WIDTH - LEFT - RIGHT) / largest
    height = TOP + ROW * len(items) + 12
    limit = None if mark is None else LEFT + mark * scale
    shapes = [_text(8, 20, title, "t"), _text(8, 40, subtitle, "s")]
    for number, bar in enumerate(items):
        top = TOP + ROW * number
        length = max(1.0, bar.value * scale)
        shapes += [
            _text(LEFT - 8, top + 17, bar.name, anchor="end"),
            f'<rect class="{bar.kind}" x="{LEFT}" y="{top + 4}" width="{length:.1f}" height="{ROW - 9}" rx="2"/>',
            _text(_beside(LEFT + length + 6, limit), top + 17, bar.told, "v"),
        ]
    if limit is not None:
        shapes.append(f'<line class="line" x1="{limit:.1f}" x2="{limit:.1f}" y1="{TOP - 6}" y2="{height - 8}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">\n'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>\n" + "\n".join(shapes) + "\n</svg>\n"
    )


def _beside(x: float, limit: float | None) -> float:
    # Words that the dashed line would strike through begin after it.
    return limit + 6 if limit is not None and x < limit < x + TOLD else x


def _text(x: float, y: float, words: str, kind: str = "", *, anchor: str = "start") -> str:
    shown = f' class="{kind}"' if kind else ""
    return f'<text{shown} x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(words)}</text>'
