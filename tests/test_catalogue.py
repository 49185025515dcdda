"""The tables and plots of the catalogue are those of the profiles as they are."""

import csv
import os
import subprocess
import sys
from pathlib import Path

from hardware_profiles.catalog import hardware, hardware_names

FOLDER = Path(__file__).parents[1] / "experiments" / "catalogue"


def test_what_is_written_is_what_is_computed_now_whatever_lies_outside(tmp_path):
    (tmp_path / "carbon").mkdir()
    (tmp_path / "carbon" / "product_lca_boavizta.csv").write_text(
        "product,lifecycle_kgco2e,manufacturing_pct\nPixel 6,100,50\n", encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, FOLDER / "run.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CARBON_NAS_DATA": str(tmp_path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    # pixel6 by hand in tests/carbon/test_embodied.py: 11.027 kg, of 50 kg.
    assert "of    50.000 kg, ratio 0.22 (checked outside the repository)" in done.stdout
    assert "Pixel 3 is not in carbon/product_lca_boavizta.csv" in done.stdout


def test_no_device_and_no_published_assessment_is_left_out():
    with (FOLDER / "years.csv").open(encoding="utf-8") as file:
        years = {row["name"] for row in csv.DictReader(file)}
    with (FOLDER / "lca.csv").open(encoding="utf-8") as file:
        ratios = {row["device"] for row in csv.DictReader(file) if float(row["ratio"]) > 0}
    devices = [hardware(name) for name in hardware_names() if name != "host"]
    assert years == {device.name for device in devices}
    assert len(years) >= 50
    both = [device for device in devices if device.published_lca and device.bill_of_materials]
    assert ratios == {device.name for device in both}
