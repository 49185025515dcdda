"""When a run may work: by the hours of its grid, by a signal, and by its deadline."""

import json
import subprocess
import time
from datetime import UTC, datetime

import pytest
from tiny_runs import command, facts_of, one_line, wait_until

from hardware_profiles.hours import hourly_means
from nas.engine.config import config_from_mapping
from nas.engine.decide import Decider
from nas.engine.schedule import Schedule, frozen_schedule, intensity_of, schedule_of
from nas.errors import ConfigError, RunError

NO_FINALISTS = {"extra_seeds": 0, "at_most": 0}
CAISO = {"hardware": "rpi4", "grid": "us-caiso"}
MARCH_10 = datetime(2026, 3, 10, 5, 30, tzinfo=UTC).timestamp()


def frozen(tiny, now_s=MARCH_10, **schedule):
    search = {"on": CAISO, "schedule": {"deadline_h": 12, **schedule}}
    return frozen_schedule(config_from_mapping(tiny(search=search)), now_s)


def test_the_hours_of_the_grid_are_frozen_from_that_of_the_launch(tiny):
    found = frozen(tiny)
    march = hourly_means("us-caiso")[2]
    assert found["gco2e_per_kwh"][:19] == pytest.approx(march[5:24].tolist())
    assert found["start_s"] == MARCH_10 - 1800
    assert found["deadline_s"] == MARCH_10 + 12 * 3600
    assert len(Schedule(None, found).forecast(MARCH_10)) == 13
    assert Schedule(None, found).forecast(MARCH_10 + 3600)[0] == pytest.approx(march[6])


def test_a_trace_stands_for_the_same_hours_of_this_year(tiny, tmp_path):
    rows = [f"2022-{month:02}-10T{hour:02}:00Z,{month * 10 + hour}" for month in (3,)
            for hour in range(24)]  # fmt: skip
    trace = tmp_path / "march.csv"
    trace.write_text("\n".join(["hour_utc,aer_gco2e_per_kwh", *rows]))
    on = {"hardware": "rpi4", "grid": {"trace": str(trace)}}
    config = config_from_mapping(tiny(search={"on": on, "schedule": {"deadline_h": 3}}))
    assert frozen_schedule(config, MARCH_10)["gco2e_per_kwh"][:3] == [35.0, 36.0, 37.0]


@pytest.mark.parametrize(
    ("schedule", "on", "said"),
    [
        ({"deadline_h": 0}, CAISO, "search.schedule.deadline_h"),
        ({"deadline_h": 5, "signal": "x"}, CAISO, "signal and pause_above go together"),
        ({"deadline_h": 5, "signal": "/none", "pause_above": 1}, CAISO, "does not hold one number"),
        ({"deadline_h": 5}, {"hardware": "rpi4", "grid": "fr"}, "one mean for all hours"),
        ({"deadline_h": 5}, {"hardware": "rpi4", "grid": 300}, "one mean for all hours"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused(schedule, on, said, tiny):
    with pytest.raises(ConfigError, match=said) as refused:
        frozen_schedule(config_from_mapping(tiny(search={"on": on, "schedule": schedule})), 0.0)
    assert "\n" not in str(refused.value)


def scheduled(tmp_path, hours, **changes):
    now = time.time()
    return Schedule(
        tmp_path / "schedule.json",
        {"deadline_s": now + 3600 * len(hours), "start_s": now - 1, "gco2e_per_kwh": hours,
         "signal": None, "pause_above": None, "work_s": None, **changes},
    )  # fmt: skip


def test_a_run_works_in_the_cleanest_hours_that_it_needs(tmp_path):
    assert not scheduled(tmp_path, [300.0, 200.0, 100.0, 400.0]).may_run(left_s=60)
    assert not scheduled(tmp_path, [300.0, 200.0, 100.0, 400.0]).may_run(left_s=1.6 * 3600)
    assert scheduled(tmp_path, [300.0, 200.0, 100.0, 400.0]).may_run(left_s=2.2 * 3600)
    assert scheduled(tmp_path, [300.0, 200.0, 100.0, 400.0], work_s=9e3).may_run(left_s=None)


def test_a_signal_pauses_until_the_deadline_forbids_it(tmp_path):
    signal = tmp_path / "now.txt"
    told = {"signal": str(signal), "pause_above": 200.0}
    schedule = scheduled(tmp_path, [0.0] * 9, **told)
    signal.write_text("450.5")
    assert not schedule.may_run(left_s=60)
    signal.write_text("")  # as while it is being written: the last number counts
    assert not schedule.may_run(left_s=60)
    assert schedule.may_run(left_s=9 * 3600)
    signal.write_text("120")
    assert schedule.may_run(left_s=60)
    assert [value for _, value in json.loads(schedule.file.read_text())["seen"]] == [450.5, 120]


def test_a_damaged_record_of_pauses_is_one_line(tmp_path):
    (tmp_path / "schedule.json").write_text('{"seen": [1]}')
    with pytest.raises(RunError, match="is damaged; delete it"):
        scheduled(tmp_path, [1.0]).paused()


def simulated(made, at_s, seconds):
    """Let this worker have been at work for so long, as its row in the database tells."""
    with made.claims._engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE workers SET started_at = {at_s}, seen_at = {at_s + seconds}"
        )


@pytest.mark.parametrize("grid", ["us-caiso", "us-pjm"])
def test_a_budget_of_20_grams_stops_within_one_training(grid, engine_run):
    made = engine_run(
        space="mbconv",
        search={"on": {"hardware": "rpi4", "grid": grid}, "schedule": {"deadline_h": 400}},
        budget={"trainings": None, "gco2e": 20},
        finalists=NO_FINALISTS,
    )
    made.claims.start()
    start_s = made.run.frozen["search"]["schedule"]["start_s"]
    simulated(made, start_s, 0)
    used, at_work_s = [0.0], 0.0
    while (job := made.decider.next_job()).trial is not None:
        seconds = 3000.0 + 9000.0 * (len(used) % 3)
        made.train(job, 0.5, seconds=seconds)
        at_work_s += seconds
        simulated(made, start_s, at_work_s)
        used.append(made.decider.spent().gco2e)
    assert made.study.user_attrs["stop_reason"] == "budget: 20 gCO2e"
    assert used[-2] < 20 <= used[-1]
    # the same by hand: hour by hour, use at the hour's intensity, and manufacture
    intensity, power = intensity_of(made.run), made.decider.power
    hours = [intensity.at(start_s + 3600 * hour) for hour in range(int(at_work_s // 3600))]
    rest = at_work_s % 3600 / 3600 * intensity.at(start_s + at_work_s - 1)
    use = power.power_w / 1000 * power.overhead * (sum(hours) + rest)
    made_share = power.gco2e(at_work_s) - power.energy_j(at_work_s) / 3.6e6 * (
        power.overhead * power.grid_gco2e_per_kwh
    )
    assert used[-1] == pytest.approx(use + made_share, rel=1e-6)


def test_pausing_changes_nothing_that_is_decided(engine_run):
    changes = {"budget": {"trainings": 5}, "finalists": NO_FINALISTS}
    whole = [job.look.candidate for job in engine_run("whole", **changes).finish()]
    part = engine_run(
        "part", search={"on": CAISO, "schedule": {"deadline_h": 24}}, **changes
    )  # fmt: skip
    assert isinstance(part.decider, Decider)
    assert schedule_of(part.run) is not None
    assert [job.look.candidate for job in part.finish()] == whole


@pytest.mark.slow
def test_a_run_that_its_signal_paused_equals_one_that_was_not(
    config_file, tmp_path, carbon_nas, in_process
):
    plain = config_file(budget={"trainings": 3}, finalists=NO_FINALISTS)
    assert carbon_nas("search", plain, "--out", tmp_path / "whole").returncode == 0
    signal = tmp_path / "now.txt"
    signal.write_text("500")
    schedule = {"deadline_h": 5, "signal": "now.txt", "pause_above": 200}
    paused = config_file(
        budget={"trainings": 3}, finalists=NO_FINALISTS, search={"schedule": schedule}
    )
    folder = tmp_path / "paused"
    state = folder / "schedule.json"
    running = subprocess.Popen(command("search", paused, "--out", folder), text=True)
    try:
        wait_until(lambda: state.exists() and json.loads(state.read_text())["paused"])
        assert "paused until the grid is cleaner" in in_process("status", folder).stdout
        assert not list(folder.glob("artifacts/*/result.json"))
        signal.write_text("100")
        wait_until(lambda: list(folder.glob("artifacts/*/result.json")))
        signal.write_text("500")
        wait_until(lambda: json.loads(state.read_text())["pauses"] == 2 or running.poll() == 0)
        signal.write_text("100")
        assert running.wait(timeout=120) == 0
    finally:
        running.kill()
    for mine, other in zip(facts_of(folder), facts_of(tmp_path / "whole"), strict=True):
        assert mine.equals(other)


def test_a_signal_without_a_number_is_one_line(config_file, carbon_nas, tmp_path):
    (tmp_path / "now.txt").write_text("clean")
    schedule = {"deadline_h": 5, "signal": "now.txt", "pause_above": 200}
    done = carbon_nas("search", config_file(search={"schedule": schedule}), "--out", tmp_path / "r")
    assert "search.schedule.signal" in one_line(done)
