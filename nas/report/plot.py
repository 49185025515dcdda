"""Scatter plots, lines and bars as inline SVG: no library, no network, a few kilobytes each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
import numpy.typing as npt

from nas.report.axes import Axis

__all__ = ["Bar", "PALETTE", "Point", "Series", "bars", "marker", "scatter", "style_of"]

Values = npt.NDArray[np.float64]

# Okabe and Ito (2008), readable with colour blindness; yellow is left out, as it is weak on white.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b4b8a", "#333333")
_SHAPES = ("circle", "square", "triangle", "diamond")
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 16, 14, 52


def style_of(index: int) -> tuple[str, str]:
    """Colour and shape of the index-th deployment, the same in every plot."""
    return PALETTE[index % len(PALETTE)], _SHAPES[(index + index // len(PALETTE)) % len(_SHAPES)]


@dataclass(frozen=True)
class Point:
    """One marked point.

    Attributes:
        x: Value along the horizontal axis.
        y: Value along the vertical axis.
        title: What a pointer that rests on it is told.
        key: Candidate key: points and table rows of one key light up together.
        ring: Whether it is circled.
    """

    x: float
    y: float
    title: str
    key: str = ""
    ring: bool = False


@dataclass(frozen=True)
class Series:
    """Points of one colour and shape.

    Attributes:
        label: Name of the series.
        colour: CSS colour.
        shape: circle, square, triangle or diamond.
        cloud: Shape (n, 2): small dots, faint where points stand out from them.
        points: Marked points, drawn over all clouds.
        line: Whether steps join the points in their order (without points: the cloud, undrawn).
    """

    label: str
    colour: str
    shape: str = "circle"
    cloud: Values = field(default_factory=lambda: np.zeros((0, 2)))
    points: tuple[Point, ...] = ()
    line: bool = False


def scatter(
    series: Sequence[Series], x: Axis, y: Axis, *, width: int = 560, height: int = 400, title: str
) -> str:
    """A plot of points, as an ``<svg>`` element.

    Args:
        series: Drawn in their order: first all clouds, then lines, then points.
        x: Horizontal axis.
        y: Vertical axis.
        width: In CSS pixels.
        height: In CSS pixels.
        title: What it shows, for those who do not see it.
    """
    frame = _Frame(x, y, width, height)
    parts = [frame.grid()]
    parts += [_cloud(row, frame) for row in series if len(row.cloud)]
    parts += [_steps(row, frame) for row in series if row.line]
    parts += [_mark(row, point, frame) for row in series for point in row.points]
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


@dataclass(frozen=True)
class _Frame:
    x: Axis
    y: Axis
    width: int
    height: int

    def across(self, values: npt.ArrayLike) -> Values:
        pixels: Values = _LEFT + self.x.place(values) * (self.width - _LEFT - _RIGHT)
        return pixels

    def down(self, values: npt.ArrayLike) -> Values:
        pixels: Values = (
            self.height - _BOTTOM - self.y.place(values) * (self.height - _TOP - _BOTTOM)
        )
        return pixels

    def grid(self) -> str:
        bottom, right = self.height - _BOTTOM, self.width - _RIGHT
        parts = []
        for value, text in self.x.ticks:
            at = f"{float(self.across(value)):.1f}"
            parts.append(f'<path class="grid" d="M{at} {_TOP}V{bottom}"/>')
            parts.append(f'<text class="tick" x="{at}" y="{bottom + 17}">{escape(text)}</text>')
        for value, text in self.y.ticks:
            at = f"{float(self.down(value)):.1f}"
            parts.append(f'<path class="grid" d="M{_LEFT} {at}H{right}"/>')
            parts.append(
                f'<text class="tick end" x="{_LEFT - 8}" y="{at}" dy="4">{escape(text)}</text>'
            )
        middle = (_TOP + bottom) / 2
        parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>')
        parts.append(
            f'<text class="label" x="{(_LEFT + right) / 2}" y="{self.height - 12}">'
            f"{escape(_named(self.x))}</text>"
            f'<text class="label" transform="translate(14 {middle}) rotate(-90)">'
            f"{escape(_named(self.y))}</text>"
        )
        return "".join(parts)


def _named(axis: Axis) -> str:
    return f"{axis.label}, log scale" if axis.log else axis.label


def _cloud(row: Series, frame: _Frame) -> str:
    if row.line and not row.points:
        return ""
    across, down = frame.across(row.cloud[:, 0]), frame.down(row.cloud[:, 1])
    faint = " faint" if row.points else ""
    dots = {f"M{a:.0f} {d:.0f}h0" for a, d in zip(across, down, strict=True)}
    return f'<path class="cloud{faint}" stroke="{row.colour}" d="{"".join(sorted(dots))}"/>'


def _steps(row: Series, frame: _Frame) -> str:
    places = np.array([(point.x, point.y) for point in row.points]) if row.points else row.cloud
    if len(places) < 2:
        return ""
    across, down = frame.across(places[:, 0]), frame.down(places[:, 1])
    path = f"M{across[0]:.1f} {down[0]:.1f}" + "".join(
        f"H{a:.1f}V{d:.1f}" for a, d in zip(across[1:], down[1:], strict=True)
    )
    return f'<path class="steps" stroke="{row.colour}" d="{path}"/>'


def _mark(row: Series, point: Point, frame: _Frame) -> str:
    at = (float(frame.across(point.x)), float(frame.down(point.y)))
    ring = f'<circle class="ring" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="8"/>' if point.ring else ""
    return (
        f'<g class="point" data-key="{escape(point.key)}">{ring}'
        f"{marker(row.shape, row.colour, *at)}<title>{escape(point.title)}</title></g>"
    )


def marker(shape: str, colour: str, x: float, y: float, radius: float = 4.5) -> str:
    """One marker, as an SVG element around (x, y), in CSS pixels."""
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"/>'
    r = radius
    outline = {
        "square": f"M{x - r:.1f} {y - r:.1f}h{2 * r}v{2 * r}h-{2 * r}z",
        "triangle": f"M{x:.1f} {y - 1.2 * r:.1f}l{1.2 * r:.1f} {2.1 * r:.1f}h-{2.4 * r:.1f}z",
        "diamond": f"M{x:.1f} {y - 1.3 * r:.1f}l{1.3 * r:.1f} {1.3 * r:.1f}l-{1.3 * r:.1f} "
        f"{1.3 * r:.1f}l-{1.3 * r:.1f} -{1.3 * r:.1f}z",
    }[shape]
    return f'<path d="{outline}" fill="{colour}"/>'


@dataclass(frozen=True)
class Bar:
    """One horizontal bar of a whole.

    Attributes:
        label: Before it.
        note: After it, such as the total.
        parts: Name, value and CSS colour of each part; values >= 0.
    """

    label: str
    note: str
    parts: tuple[tuple[str, float, str], ...]


def bars(rows: Sequence[Bar], *, width: int = 1130, title: str) -> str:
    """Bars that show each whole's parts as shares, as an ``<svg>`` element.

    Args:
        rows: One bar each; one whose parts are all 0 stays empty.
        width: In CSS pixels.
        title: What it shows, for those who do not see it.
    """
    # A letter at 12 pixels is about 6.7 wide; longer labels take room from the bars.
    left = max([120.0, *(6.7 * len(row.label) + 16 for row in rows)])
    right = max([150.0, *(6.7 * len(row.note) + 16 for row in rows)])
    step, span = 34, width - left - right
    parts = []
    for index, row in enumerate(rows):
        top = index * step + 6
        total = sum(value for _, value, _ in row.parts)
        parts.append(
            f'<text class="tick end" x="{left - 10:.0f}" y="{top + 15}">{escape(row.label)}</text>'
            f'<text class="tick start" x="{width - right + 10:.0f}" y="{top + 15}">'
            f"{escape(row.note)}</text>"
        )
        start = left
        for name, value, colour in row.parts:
            if total <= 0.0 or value <= 0.0:
                continue
            share = value / total
            parts.append(
                f'<rect x="{start:.1f}" y="{top}" width="{share * span:.1f}" height="22" '
                f'fill="{colour}"><title>{escape(name)}: {share:.1%}</title></rect>'
            )
            if share >= 0.06:
                parts.append(
                    f'<text class="inbar" x="{start + share * span / 2:.1f}" y="{top + 15}">'
                    f"{share:.0%}</text>"
                )
            start += share * span
    height = len(rows) * step + 6
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )
