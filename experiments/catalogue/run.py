"""What the catalogue of devices says over the years, and beside published assessments.

    python experiments/catalogue/run.py [--check]

Writes beside itself `years.csv` (every device with a launch year: its highest dense peak in
tera-operations a second, two a MAC, over its load power, and its embodied carbon over that peak),
`lca.csv` (every device and component with a published assessment: the bill of materials beside it,
none left out), both as plots and tables in README.md. Where `CARBON_NAS_DATA` (by default
`../shared/data`) holds Boavizta's collection of makers' reports, ratios to it are printed too; it
is under the ODbL, so none of its figures is kept here. Nothing is measured: peaks are of
datasheets, power and carbon as the profiles have them, so a year's spread is of kinds and of
assumptions.
`--check` fails where the written files are not what is computed now. The last line is JSON.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hardware_profiles.catalog import hardware, hardware_names
from hardware_profiles.kinds import KINDS
from hardware_profiles.profile import HardwareProfile
from nas.carbon import device_embodied
from nas.carbon.embodied import beside_published
from nas.report.axes import Axis, axis_for
from nas.report.plot import Point, Series, marker, scatter, style_of

HERE = Path(__file__).parent
_STYLE = (
    "text{font:12px sans-serif;fill:#333}.tick{text-anchor:middle;font-size:11px}"
    ".tick.end{text-anchor:end}.label{text-anchor:middle}.grid{stroke:#e4e4e4}"
    ".axis{stroke:#888;fill:none}"
)
_YEARS = ["name", "kind", "year", "precision", "peak_tops", "load_w", "boundary", "tops_per_w",
          "embodied_kgco2e", "kgco2e_per_tops"]  # fmt: skip
OUTSIDE = "carbon/product_lca_boavizta.csv"
PRODUCTS = {
    "pixel3": "Pixel 3",
    "pixel6": "Pixel 6",
    "iphone14pro": "iPhone 14 Pro with 128GB",
    "fairphone_3": "Fairphone 3",
    "fairphone_4": "Fairphone 4",
    "macbook_air_m1": "MacBook Air (M1 2020) with 256GB",
    "macbook_air_m2": "MacBook Air (M2 2022) with 256GB",
}
_LCA = ["device", "what", "modelled_kgco2e", "published_kgco2e", "ratio", "source"]


def profiles() -> list[HardwareProfile]:
    """The shipped devices, oldest first; those without a launch year at the end."""
    found = [hardware(name) for name in hardware_names() if name != "host"]
    return sorted(found, key=lambda p: (_year(p) or 9999, KINDS.index(p.kind), p.name))


def _year(profile: HardwareProfile) -> int | None:
    return None if profile.launch_year is None else int(profile.launch_year.value)


def year_rows() -> list[dict[str, Any]]:
    """One row a device; what its profile lacks is None."""
    rows = []
    for profile in profiles():
        precision, rate = max(profile.macs_per_s.items(), key=lambda item: item[1].value)
        tops = 2.0 * rate.value / 1e12
        load = None if profile.load_w is None else profile.load_w.value
        made = None
        if profile.bill_of_materials is not None:
            made = device_embodied(profile).total_gco2e / 1000.0
        rows.append(
            {
                "name": profile.name,
                "kind": profile.kind,
                "year": _year(profile),
                "precision": precision,
                "peak_tops": tops,
                "load_w": load,
                "boundary": profile.energy_boundary,
                "tops_per_w": None if load is None else tops / load,
                "embodied_kgco2e": made,
                "kgco2e_per_tops": None if made is None else made / tops,
            }
        )
    return rows


def lca_rows() -> list[dict[str, Any]]:
    """One row for every production and component that a maker published."""
    rows = []
    for profile in profiles():
        published = profile.published_lca
        for row in beside_published(profile):
            assert published is not None
            whole = row.name == "production"
            said = published.total_kgco2e if whole else published.components[row.name]
            assert said is not None
            rows.append(
                {
                    "device": profile.name,
                    "what": row.name,
                    "modelled_kgco2e": row.bottom_up_gco2e / 1000.0,
                    "published_kgco2e": row.published_gco2e / 1000.0,
                    "ratio": row.ratio,
                    "source": said.source,
                }
            )
    return rows


def checked_outside(file: Path) -> list[str]:
    """Lines on the devices in Boavizta's collection; that it is absent, where it is."""
    if not file.is_file():
        return [f"no {OUTSIDE}: give its folder in CARBON_NAS_DATA to check further phones"]
    with file.open(encoding="utf-8") as handle:
        found = {row["product"]: row for row in csv.DictReader(handle)}
    lines = []
    for name, product in PRODUCTS.items():
        row = found.get(product)
        if row is None:
            lines.append(f"{name:22} {product} is not in {OUTSIDE}")
            continue
        theirs = float(row["lifecycle_kgco2e"]) * float(row["manufacturing_pct"]) / 100.0
        ours = device_embodied(hardware(name)).by_phase["manufacture"] / 1000.0
        lines.append(
            f"{name:22} {'production':18} {ours:>9.3f} kg of {theirs:>9.3f} kg, ratio"
            f" {ours / theirs:.2f} (checked outside the repository)"
        )
    return lines


def plot(rows: Sequence[dict[str, Any]], column: str, label: str, unit: str) -> str:
    """The column against the year, by kind, as an SVG file with a legend."""
    known = [row for row in rows if row["year"] is not None and row[column] is not None]
    kinds = [kind for kind in KINDS if any(row["kind"] == kind for row in known)]
    # Kinds stand side by side within a year, so that they do not cover one another.
    beside = np.linspace(-0.33, 0.33, len(kinds))
    series = [
        Series(
            kind,
            *style_of(index),
            points=tuple(
                Point(
                    row["year"] + beside[index],
                    row[column],
                    f"{row['name']}: {row[column]:.3g} {unit}",
                )
                for row in known
                if row["kind"] == kind
            ),
        )
        for index, kind in enumerate(kinds)
    ]
    years = np.array([row["year"] for row in known], dtype=float)
    ticks = tuple((float(y), str(y)) for y in range(int(years.min()), int(years.max()) + 1))
    x = Axis("launch year", years.min() - 0.5, years.max() + 0.5, False, None, ticks)
    y = axis_for([row[column] for row in known], label, "1", tick=lambda value: f"{value:g}")
    width, height = 680, 420
    drawn = scatter(series, x, y, width=width, height=height, title=f"{label} by launch year")
    body = drawn[drawn.index(">") + 1 : drawn.rindex("</svg>")]
    legend = "".join(
        f"{marker(row.shape, row.colour, width + 12, 24 + 20 * index)}"
        f'<text x="{width + 24}" y="{28 + 20 * index}">{row.label}</text>'
        for index, row in enumerate(series)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 120} {height}" '
        f'width="{width + 120}" height="{height}"><style>{_STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{body}{legend}</svg>\n'
    )


def _csv(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_number(row[column]) for column in columns] for row in rows)
    return out.getvalue()


def _number(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    lines = [columns, ["---"] * len(columns)]
    lines += [[_number(row[column]) or "unknown" for column in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def readme(years: Sequence[dict[str, Any]], lca: Sequence[dict[str, Any]]) -> str:
    """The page with both tables."""
    whole = [row["ratio"] for row in lca if row["what"] == "production"]
    return f"""# The catalogue over the years, and beside published assessments

```console
$ python experiments/catalogue/run.py
```

writes this page, its plots and tables from `hardware_profiles/data/devices/`; `--check` fails where
they are out of date. Nothing is measured here. Peaks are dense and of the datasheet, at the
precision in which a device is fastest (two operations a MAC). Load power is that of the profile, at
its boundary: a chip, a board, or a whole machine with its share of a server at the wall. Embodied
carbon is that of the bill of materials with ACT's factors of 2022; for processors, cards and chips
of a data centre the machine around them is in it, assumed from their kind over wide ranges. So
kinds differ by what is counted, and years within one kind say more than kinds within one year.

![performance per watt](performance_per_watt.svg)

![embodied carbon per peak rate](embodied_per_tops.svg)

{_table(years, _YEARS)}

## Modelled beside published
Production as the bill of materials gives it, and as the maker published it; every device of the
catalogue that has both, none left out; of the Fairphone 3 only components. Further phones are in a
collection under the ODbL, whose figures are not kept here: the command prints ratios to it where
`CARBON_NAS_DATA` holds it. {len(whole)} productions: ratios from {min(whole):.2f} to
{max(whole):.2f}, median {float(np.median(whole)):.2f}. The bill is below every published
production: it lacks display, cameras and enclosure of phones, for which ACT has no factor, and
its newest factors of memory are far below those of assessments (notes of `dell_r740`; its bill and
that of `fairphone_3` have the older nodes that ACT chose to mimic the assessments). Totals of
phones are lower bounds. What a laptop has around its chips is assumed from its kind; it was set
before these ratios were known, and not changed after.

{_table(lca, [name for name in _LCA if name != "source"])}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail if the files are out of date")
    check = parser.parse_args().check
    years, lca = year_rows(), lca_rows()
    files = {
        "years.csv": _csv(years, _YEARS),
        "lca.csv": _csv(lca, _LCA),
        "performance_per_watt.svg": plot(years, "tops_per_w", "peak TOPS per W of load", "TOPS/W"),
        "embodied_per_tops.svg": plot(
            years, "kgco2e_per_tops", "embodied kgCO2e per peak TOPS", "kgCO2e/TOPS"
        ),
        "README.md": readme(years, lca),
    }
    stale = []
    for name, text in files.items():
        path = HERE / name
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"experiments/catalogue: {', '.join(stale)} out of date; run run.py", file=sys.stderr)
        return 1
    for row in lca:
        print(
            f"{row['device']:22} {row['what']:18} {row['modelled_kgco2e']:>9.3f} kg of "
            f"{row['published_kgco2e']:>9.3f} kg published, ratio {row['ratio']:.2f}"
        )
    data = Path(os.environ.get("CARBON_NAS_DATA", HERE.parents[2] / "shared" / "data"))
    print("\n".join(checked_outside(data / OUTSIDE)))
    ratios = {row["device"]: round(row["ratio"], 3) for row in lca if row["what"] == "production"}
    print(json.dumps({"devices": len(years), "kinds": len({row["kind"] for row in years}),
                      "modelled_over_published": ratios}))  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
