"""Runs that are interrupted, crash, or meet a full disk: nothing is lost, nothing trained twice."""

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import optuna
import psutil
import pytest
from tiny_runs import command, one_line, run_command, wait_until

from nas.engine.storage import STUDY_NAME, open_storage
from nas.runs import open_run

# Long enough to be met while it trains.
LONG = {"epochs": 4, "train_images": None}
FEW = {"extra_seeds": 0, "at_most": 0}


@pytest.fixture
def start(tmp_path):
    """A function that starts `carbon-nas` in a group of its own, its output in files."""
    started = []

    def begin(*arguments):
        number = len(started)
        with (
            (tmp_path / f"{number}.out").open("w") as out,
            (tmp_path / f"{number}.err").open("w") as err,
        ):
            process = subprocess.Popen(
                command(*arguments),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        started.append(process)
        process.out, process.err = tmp_path / f"{number}.out", tmp_path / f"{number}.err"
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def results(path):
    return sorted((path / "artifacts").glob("*/result.json"))


def training(path):
    """(candidate, process id) of what living workers train now, without touching the database."""
    if not (path / "study.db").exists():
        return []
    with closing(sqlite3.connect(f"file:{path / 'study.db'}?mode=ro", uri=True)) as database:
        try:
            rows = database.execute("SELECT candidate_key, pid FROM claims").fetchall()
        except sqlite3.OperationalError:  # not there yet
            return []
    return [(key, pid) for key, pid in rows if key != "ask" and psutil.pid_exists(pid)]


def check_finished(path, trainings):
    """Every training is there, none was done twice, none is left running."""
    run = open_run(path)
    candidates = run.candidates()
    trained = candidates[candidates["status"] != "untrained"]
    assert len(trained) == trainings
    assert trained["candidate"].is_unique
    study = optuna.load_study(study_name=STUDY_NAME, storage=open_storage(run.database_url))
    trials = study.get_trials(deepcopy=False)
    assert all(t.state.is_finished() for t in trials)
    told = [
        t.user_attrs["candidate"]
        for t in trials
        if t.state == optuna.trial.TrialState.COMPLETE
        and t.user_attrs["status"] != "infeasible"
        and not t.user_attrs.get("repeat")
    ]
    assert set(told) == set(trained["candidate"])
    assert training(path) == []
    assert not list(path.rglob("*.tmp"))
    return trained


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["group", "supervisor", "worker"])
def test_an_interrupted_search_says_how_to_resume_and_does(whom, config_file, start, tmp_path):
    workers = 1 if whom == "worker" else 2
    config = config_file(
        recipe=LONG, search={"workers": workers}, budget={"trainings": 3}, finalists=FEW
    )
    path = tmp_path / "run"
    process = start("search", config, "--out", path)
    wait_until(lambda: results(path) and training(path))
    before = {file: file.read_bytes() for file in results(path)}
    if whom == "group":
        os.killpg(process.pid, signal.SIGINT)
    elif whom == "supervisor":
        process.send_signal(signal.SIGINT)
    else:
        os.kill(training(path)[0][1], signal.SIGTERM)
    children = psutil.Process(process.pid).children()
    assert process.wait(timeout=60) == 130
    assert process.err.read_text() == ""
    assert f"nothing is lost. Resume with: carbon-nas resume {path}" in process.out.read_text()
    assert not any(child.is_running() for child in children)
    assert training(path) == []
    status = run_command("status", path)
    assert f"workers     none; continue with: carbon-nas resume {path}" in status.stdout
    again = run_command("resume", path)
    assert again.returncode == 0, again.stderr
    assert "finished: budget: 3 trainings" in again.stdout
    check_finished(path, 3)
    assert {file: file.read_bytes() for file in before} == before


@pytest.mark.slow
def test_an_interrupted_search_from_python_does_not_pass_for_a_whole_one(config_file, tmp_path):
    config = config_file(recipe=LONG, search={"workers": 1}, budget={"trainings": 3})
    code = f"import nas; nas.search({str(config)!r}, {str(tmp_path / 'run')!r}); print('went on')"
    words = [sys.executable, "-c", code]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: training(tmp_path / "run"))
    process.send_signal(signal.SIGTERM)
    said, fault = process.communicate(timeout=60)
    assert (process.returncode, said) == (-signal.SIGINT, "")  # as Python ends by Ctrl-C
    assert f"Resume with: carbon-nas resume {tmp_path / 'run'}" in fault
    assert training(tmp_path / "run") == []


@pytest.mark.slow
def test_an_interrupt_before_the_first_training(config_file, start, tmp_path):
    path = tmp_path / "run"
    process = start("search", config_file(budget={"trainings": 1}, finalists=FEW), "--out", path)
    wait_until((path / "frozen.json").exists)
    os.killpg(process.pid, signal.SIGINT)
    # A KeyboardInterrupt inside the import of an extension makes Python end by the signal itself.
    assert process.wait(timeout=60) in (130, -signal.SIGINT)
    assert process.err.read_text() == ""
    assert f"Resume with: carbon-nas resume {path}" in process.out.read_text()
    assert run_command("resume", path).returncode == 0
    check_finished(path, 1)


def test_an_interrupt_before_there_is_a_run(config_file, start, tmp_path):
    process = start("search", config_file(), "--out", tmp_path / "run")
    # The command line is read and numpy comes in: the launch is under way.
    wait_until(
        lambda: any("numpy" in file.path for file in psutil.Process(process.pid).memory_maps())
    )
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) in (130, -signal.SIGINT)
    assert process.err.read_text() == ""
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_crash_in_a_training_is_an_outcome(config_file, start, tmp_path):
    config = config_file(recipe=LONG, search={"workers": 2}, budget={"trainings": 3}, finalists=FEW)
    path = tmp_path / "run"
    process = start("search", config, "--out", path)
    candidate, pid = wait_until(lambda: training(path))[0]
    os.kill(pid, signal.SIGSEGV)
    assert process.wait(timeout=180) == 0, process.err.read_text()
    trained = check_finished(path, 3).set_index("candidate")
    assert trained.loc[candidate]["status"] == "crashed"
    assert trained.loc[candidate]["message"] == "the worker was killed by SIGSEGV"
    assert (trained["status"] == "trained").sum() == 2
    assert candidate not in set(open_run(path).scores()["candidate"])


@pytest.mark.slow
def test_a_third_worker_joins_by_hand(config_file, start, tmp_path):
    recipe = {**LONG, "epochs": 8}
    config = config_file(
        recipe=recipe, search={"workers": 2}, budget={"trainings": 9}, finalists=FEW
    )
    path = tmp_path / "run"
    process = start("search", config, "--out", path)
    wait_until((path / "study.db").exists)
    third = start("worker", path)
    wait_until(lambda: third.pid in [pid for _, pid in training(path)])
    status = run_command("status", path, "--json")
    assert third.pid in json.loads(status.stdout)["workers"]
    assert process.wait(timeout=300) == 0, process.err.read_text()
    assert third.wait(timeout=60) == 0
    assert third.out.read_text() == "done\n"
    check_finished(path, 9)
    assert len({json.loads(file.read_text())["worker"] for file in results(path)}) == 3


@pytest.mark.slow
def test_a_second_supervisor_keeps_off(config_file, start, tmp_path):
    config = config_file(recipe=LONG, budget={"trainings": 40}, finalists=FEW)
    path = tmp_path / "run"
    process = start("search", config, "--out", path)
    wait_until(lambda: training(path))
    assert "workers are at work on it (pid" in one_line(run_command("resume", path))
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130


@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", [50, 150, 800])
def test_a_full_disk_is_one_line_and_resume_works_after(kilobytes, config_file, tmp_path):
    path = tmp_path / "run"
    limit = (kilobytes * 1024,) * 2
    done = run_command(
        "search",
        config_file(search={"workers": 2}, budget={"trainings": 4}, finalists=FEW),
        "--out",
        path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert "carbon-nas resume" in one_line(done) or kilobytes == 50
    kept = {file: file.read_bytes() for file in results(path)}
    again = run_command("resume", path)
    assert again.returncode == 0, again.stderr
    check_finished(path, 4)
    assert {file: file.read_bytes() for file in kept} == kept


def test_a_disk_too_full_to_begin_leaves_nothing(config_file, tmp_path):
    done = run_command(
        "search",
        config_file(),
        "--out",
        tmp_path / "run",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)),
    )
    assert "could not be made: File too large" in one_line(done)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
