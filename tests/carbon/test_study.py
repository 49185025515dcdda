import dataclasses
import json
import subprocess
import sys

import pytest

from nas.carbon import Baseline, Demand, Study, study_from_dict, study_to_dict
from nas.errors import HardwareError, StudyError

STUDY = Study(Demand(lifetime_years=4, inferences=1e9))
TODAY = Baseline("the model in use", 2e-3)


def test_a_study_comes_back_from_json():
    plain = json.loads(json.dumps(study_to_dict(STUDY)))
    assert study_from_dict(plain) == STUDY
    assert study_from_dict(plain).hash == STUDY.hash


def test_a_consequence_comes_back_from_json():
    study = Study(STUDY.demand, view="consequence", baseline=TODAY, sunk=("rpi4", "pixel3"))
    plain = json.loads(json.dumps(study_to_dict(study)))
    assert plain["sunk"] == ["pixel3", "rpi4"]
    assert study_from_dict(plain) == study
    assert hash(study_from_dict(plain)) == hash(study)


def test_a_study_of_before_there_were_these_choices_is_read_with_its_defaults():
    # Profiles frozen beside it have no sizes, so that memory counts as built.
    plain = {
        "demand": {
            "lifetime_years": 4.0,
            "inferences": None,
            "busy_share": 0.3,
            "devices": 1,
            "powered_share": 1.0,
        },
        "functional_unit": "one inference",
        "boundary": "manufacture and use of the devices; no transport, no end of life",
        "view": "footprint",
        "fab_table": "act-2022",
        "grid_table": "grids-2",
    }
    study = study_from_dict(plain)
    assert study.demand == Demand(lifetime_years=4, busy_share=0.3)
    assert (study.memory, study.sunk, study.baseline) == ("smallest_variant", (), None)


def test_a_fab_table_of_ones_own_enters_the_hash_with_what_it_holds(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: act-2022\nname: mine\n")
    study = Study(STUDY.demand, fab_table=str(path))
    first = study.hash
    assert first == study.hash
    path.write_text("# the same figures\nextends: act-2022\nname: mine\n")
    assert study.hash == first
    path.write_text("extends: act-2023\nname: mine\n")
    assert study.hash != first
    path.unlink()
    with pytest.raises(HardwareError, match=r"mine\.yaml: the fab table cannot be read"):
        _ = study.hash


def test_numbers_written_differently_are_the_same_study():
    again = study_from_dict({"demand": {"lifetime_years": 4.0, "inferences": 1000000000}})
    assert again == STUDY
    assert again.hash == STUDY.hash


def test_the_hash_is_short_stable_and_holds_every_field():
    other = {
        "functional_unit": "one batch of 8",
        "boundary": "use only",
        "fab_table": "act-2023",
        "grid_table": "grids-0",
        "sunk": ("rpi4",),
        "memory": "resident_share",
    }
    hashes = {dataclasses.replace(STUDY, **{name: text}).hash for name, text in other.items()}
    demands = [
        Demand(lifetime_years=5, inferences=1e9),
        Demand(lifetime_years=4, inferences=2e9),
        Demand(lifetime_years=4, busy_share=0.3),
        Demand(lifetime_years=4, inferences=1e9, devices=2),
        Demand(lifetime_years=4, inferences=1e9, powered_share=0.5),
        Demand(lifetime_years=4, inferences=1e9, users=1),
        Demand(lifetime_years=4, inferences=1e9, peak_per_s=50),
        Demand(lifetime_years=4, inferences=1e9, peak_per_s=50, peak_busy_share=0.5),
        Demand(lifetime_years=4, inferences=1e9, peak_per_s=50, spares=1),
        Demand(lifetime_years=4, inferences=1e9, other_busy_share=0.5),
    ]
    hashes |= {Study(demand).hash for demand in demands} | {STUDY.hash}
    changed = {"view": "consequence", "baseline": TODAY}
    hashes.add(dataclasses.replace(STUDY, **changed).hash)
    changed["baseline"] = Baseline("the model in use", 3e-3)
    hashes.add(dataclasses.replace(STUDY, **changed).hash)
    changed = {"embodied_basis": "published", "memory": "as_built"}
    hashes.add(dataclasses.replace(STUDY, **changed).hash)
    assert len(hashes) == len(other) + len(demands) + 4
    assert all(len(text) == 12 and int(text, 16) >= 0 for text in hashes)
    code = (
        "from nas.carbon import Demand, Study;"
        "print(Study(Demand(lifetime_years=4, inferences=1e9)).hash)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == STUDY.hash


_PLAIN = {"demand": {"lifetime_years": 4, "inferences": 1}}


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({}, r"study\.demand: missing"),
        ({"demand": {"inferences": 1e9}}, r"demand\.lifetime_years: missing"),
        ({"demand": {"lifetime": 4}}, "demand: 'lifetime' is unknown; the keys are lifetime_ye"),
        ({"demand": 4}, "demand: got 4; give a mapping"),
        ({"deman": {}}, "study: 'deman' is unknown"),
        (
            {"demand": {"lifetime_years": 4, "inferences": 1}, "view": "attributional"},
            r"study\.view: got 'attributional'; use footprint or consequence",
        ),
        (
            {"demand": {"lifetime_years": 4, "inferences": 1}, "functional_unit": " "},
            r"study\.functional_unit: got ' '; give a text",
        ),
        (_PLAIN | {"view": "consequence"}, r"study\.baseline: missing, and a consequence"),
        (_PLAIN | {"baseline": {"name": "a"}}, r"study\.baseline\.carbon_gco2e: missing"),
        (_PLAIN | {"baseline": 4}, "baseline: got 4; give a mapping"),
        (_PLAIN | {"baseline": {"name": "a", "grams": 1}}, "baseline: 'grams' is unknown"),
        (
            _PLAIN | {"baseline": {"name": "a", "carbon_gco2e": -1}},
            r"study\.baseline\.carbon_gco2e: got -1",
        ),
        (
            _PLAIN | {"baseline": {"name": "a", "carbon_gco2e": float("nan")}},
            r"study\.baseline\.carbon_gco2e: got nan",
        ),
        (
            _PLAIN | {"baseline": {"name": "a", "carbon_gco2e": 1}},
            r"study\.baseline: given, but a footprint is not a change",
        ),
        (_PLAIN | {"memory": "all"}, r"study\.memory: got 'all'; use smallest_variant or as_built"),
        (_PLAIN | {"sunk": "rpi4"}, r"study\.sunk: got 'rpi4'; give a list"),
        (_PLAIN | {"sunk": [4]}, r"study\.sunk: got 4; give a text"),
        (
            _PLAIN | {"embodied_basis": "published"},
            r"study\.memory: got 'smallest_variant', but a published assessment is of the device",
        ),
    ],
)
def test_a_damaged_study_is_refused_in_one_line(plain, message):
    with pytest.raises(StudyError, match=message) as caught:
        study_from_dict(plain)
    assert "\n" not in str(caught.value)


def test_carbon_loads_neither_torch_nor_optuna():
    code = (
        "import sys, nas.carbon;"
        "print([m for m in ('torch', 'optuna', 'pandas', 'moocore') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
