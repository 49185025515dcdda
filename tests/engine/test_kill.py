"""A run survives kill -9 at any moment: nothing is lost, nothing is trained twice."""

import os
import random
import signal
import subprocess
import time

import optuna
import pandas as pd
import psutil
import pytest
from tiny_runs import command, facts_of

from nas.engine.storage import STUDY_NAME, open_storage
from nas.runs import open_run

KILLS = 10
TRAININGS = 8


def start(*arguments, log):
    return subprocess.Popen(
        command(*arguments),
        stdout=log,
        stderr=log,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
    )


def kill_something(process, rng):
    """Kill the whole group, only the supervisor, or only a worker; True if the run went on."""
    victim = rng.choice(["group", "supervisor", "worker"])
    children = psutil.Process(process.pid).children() if process.poll() is None else []
    if victim == "worker" and children:
        rng.choice(children).kill()
        return True
    if victim == "supervisor":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return False


def trained_so_far(path):
    return len(list(path.glob("artifacts/*/result.json")))


def run_with_kills(config, path, rng, log):
    """Search, and kill something ten times at random moments; resume until it is finished.

    No moment is so late that a fast machine could end the run before the last of the kills.
    """
    process = start("search", config, "--out", path, log=log)
    kills = 0
    while kills < KILLS:
        deadline = time.monotonic() + rng.uniform(0.2, 6.0)
        enough = TRAININGS * (kills + 1) / (KILLS + 2)
        while (
            time.monotonic() < deadline
            and process.poll() is None
            and trained_so_far(path) <= enough
        ):
            time.sleep(0.02)
        if process.poll() is not None:
            if process.returncode == 0:
                break
            if not (path / "frozen.json").exists():
                process = start("search", config, "--out", path, log=log)
                continue
        kills += 1
        if not kill_something(process, rng):
            arguments = (
                ("resume", path)
                if (path / "frozen.json").exists()
                else ("search", config, "--out", path)
            )
            process = start(*arguments, log=log)
    assert process.wait(timeout=400) == 0, log.name
    return kills


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_ten_kills_lose_nothing(workers, config_file, tmp_path, carbon_nas):
    config = config_file(search={"workers": workers}, budget={"trainings": TRAININGS})
    rng = random.Random(workers)
    with (tmp_path / "log").open("w") as log:
        kills = run_with_kills(config, tmp_path / "killed", rng, log)
    assert kills == KILLS
    run = open_run(tmp_path / "killed")
    candidates = run.candidates()
    trained = candidates[candidates["status"] != "untrained"]
    assert len(trained) == TRAININGS
    assert trained["candidate"].is_unique
    study = optuna.load_study(study_name=STUDY_NAME, storage=open_storage(run.database_url))
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    assert optuna.trial.TrialState.RUNNING not in states
    again = [
        t
        for t in study.get_trials(deepcopy=False)
        if t.user_attrs.get("trained") and not t.user_attrs.get("repeat")
    ]
    assert len({t.user_attrs["candidate"] for t in again}) == TRAININGS
    if workers == 1:
        assert carbon_nas("search", config, "--out", tmp_path / "whole").returncode == 0
        for killed, whole in zip(
            facts_of(tmp_path / "killed"), facts_of(tmp_path / "whole"), strict=True
        ):
            pd.testing.assert_frame_equal(killed, whole)
