"""The card tells what was asked for and what compares, and no 'unknown' of what was neither."""

import json

import pytest

from nas.carbon import Demand, Study
from nas.engine.exporting import _card
from nas.runs.tables import read_records, score_table

FIXED_TIME = Study(Demand(lifetime_years=4.0, busy_share=0.3))
FIXED_VOLUME = Study(Demand(lifetime_years=4.0, inferences=1e8))


@pytest.mark.parametrize(("study", "told"), [(FIXED_TIME, False), (FIXED_VOLUME, True)])
def test_the_card_tells_what_was_asked(study, told, make_run, tmp_path):
    run = make_run(tmp_path / "run", count=1, study=study)
    (record,) = read_records(run.artifacts)
    place = run.deployments[0]
    row = score_table([record], [place], study, {}).iloc[0]
    card = json.loads(json.dumps(_card(run, record, place, row, ())))
    assert ("lifecycle_gco2e" in card["scores"]) is told
    assert None not in card["study"]["demand"].values()
    assert ("inferences" in card["study"]["demand"]) is told
    assert card["inferences_over_the_life"] == pytest.approx(float(row["inferences"]))
    assert card["study"]["hash"] == study.hash
