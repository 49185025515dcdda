"""Every row of the paper beside what carbon-nas prints: docs/paper_checks.md.

python experiments/paper_checks/run.py [--check | --row ID]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from experiments.paper_checks import (
    bills,
    grids,
    methods,
    metrics,
    models,
    numbers_hardware,
    numbers_use,
    runs,
    workloads,
)
from experiments.paper_checks.document import differences, entries, entry, render

MODULES = (models, bills, runs, grids, metrics, methods, workloads, numbers_use, numbers_hardware)
ROWS = sorted(
    (row for module in MODULES for row in module.ROWS),
    key=lambda row: ("ADMSN".index(row.id[0]), int(row.id[1:])),
)
DOCUMENT = Path(__file__).parents[2] / "docs" / "paper_checks.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--check", action="store_true", help="fail if the document is out of date")
    only.add_argument("--row", choices=[row.id for row in ROWS], help="print one row")
    options = parser.parse_args()
    if options.row:
        found = entry(next(row for row in ROWS if row.id == options.row))
        print(found.line, found.transcript, sep="\n\n")
        return 0
    found = entries(ROWS)
    if not options.check:
        DOCUMENT.write_text(render(found), encoding="utf-8")
        print(f"wrote {DOCUMENT}")
        return 0
    changed = differences(DOCUMENT.read_text(encoding="utf-8"), found, ROWS)
    if changed:
        print(
            f"{DOCUMENT.name}: {', '.join(changed)} not as computed now; run {Path(__file__).name}"
            " and read what changed",
            file=sys.stderr,
        )
    return 1 if changed else 0


if __name__ == "__main__":
    raise SystemExit(main())
