"""Plots: well-formed SVG that shows what it was given."""

from xml.etree import ElementTree

import numpy as np
import pytest

from nas.report.axes import axis_for
from nas.report.plot import PALETTE, Bar, Point, Series, bars, marker, scatter, style_of


def drawn(**options):
    series = Series(
        "pi & co",
        "#0072b2",
        "square",
        np.array([[1.0, 0.1], [2.0, 0.2], [4.0, 0.3]]),
        (Point(1.0, 0.3, "a <b>", "k1"), Point(4.0, 0.1, "c", "k2", ring=True)),
        line=True,
    )
    x, y = axis_for([1, 4], "x < y", "1"), axis_for([0.1, 0.3], "error", "1")
    return ElementTree.fromstring(scatter([series], x, y, title='says "so"', **options))


def test_scatter_is_well_formed_and_escaped():
    svg = drawn()
    assert svg.get("aria-label") == 'says "so"'
    titles = [node.text for node in svg.iter("title")]
    assert titles == ["a <b>", "c"]
    assert [node.get("data-key") for node in svg.iter("g")] == ["k1", "k2"]
    assert len([n for n in svg.iter("circle") if n.get("class") == "ring"]) == 1


def test_cloud_is_one_path_and_lines_step():
    svg = drawn()
    paths = {node.get("class"): node.get("d") for node in svg.iter("path") if node.get("class")}
    assert paths["cloud faint"].count("M") == 3
    assert "H" in paths["steps"]
    assert "V" in paths["steps"]


def test_points_stay_inside_the_frame():
    svg = drawn(width=500, height=300)
    for ring in (n for n in svg.iter("circle") if n.get("class") == "ring"):
        assert 74 <= float(ring.get("cx")) <= 500 - 16
        assert 14 <= float(ring.get("cy")) <= 300 - 52


def test_a_line_without_points_joins_the_cloud():
    series = Series("volume", "#000", cloud=np.array([[1.0, 0.0], [2.0, 1.0]]), line=True)
    axes = axis_for([1, 2], "x", "1"), axis_for([0, 1], "y", "1")
    svg = ElementTree.fromstring(scatter([series], *axes, title="t"))
    classes = [node.get("class") for node in svg.iter("path")]
    assert "steps" in classes
    assert "cloud" not in classes


def test_styles_differ_between_deployments_and_repeat_with_other_shapes():
    styles = [style_of(index) for index in range(2 * len(PALETTE))]
    assert len(set(styles)) == len(styles)


@pytest.mark.parametrize("shape", ["circle", "square", "triangle", "diamond"])
def test_markers_are_well_formed(shape):
    ElementTree.fromstring(marker(shape, "#fff", 10.0, 10.0))


def test_bars_show_shares_of_each_whole():
    rows = [Bar("a", "4 g", (("use", 1.0, "#111"), ("made", 3.0, "#222"))), Bar("none", "0 g", ())]
    svg = ElementTree.fromstring(bars(rows, title="parts"))
    widths = [float(node.get("width")) for node in svg.iter("rect")]
    assert widths[1] == pytest.approx(3 * widths[0])
    assert [node.text for node in svg.iter("title")] == ["use: 25.0%", "made: 75.0%"]
