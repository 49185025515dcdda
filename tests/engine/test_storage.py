"""The study's database: one file or server, several runs in it, faults as one line."""

import sqlite3
import threading

import optuna
import pytest
import sqlalchemy as sa
from tiny_runs import one_line, run_command

from nas.engine.config import config_from_mapping
from nas.engine.storage import database_faults, open_storage, open_study
from nas.errors import ConfigError, RunError, StorageError
from nas.objectives import objectives
from nas.runs import open_run

PAIR = objectives(("error", "latency"))


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'study.db'}"


def test_sqlite_keeps_a_write_ahead_log(url):
    storage = open_storage(url)
    open_study(storage, PAIR)
    with storage.engine.connect() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(sa.text("PRAGMA synchronous")).scalar_one() == 1


def test_a_study_is_opened_again(url):
    first = open_study(open_storage(url), PAIR)
    first.tell(first.ask(), [1.0, 2.0])
    again = open_study(open_storage(url), PAIR)
    assert [trial.values for trial in again.get_trials()] == [[1.0, 2.0]]
    assert again.directions == [optuna.study.StudyDirection.MINIMIZE] * 2


def test_tools_for_studies_see_names_and_units(url):
    assert open_study(open_storage(url), PAIR).metric_names == ["error", "latency [s]"]


def test_it_is_made_once_by_many_at_once(url):
    faults, all_there = [], threading.Barrier(4)

    def open_it():
        try:
            storage = open_storage(url)
            all_there.wait(60)
            open_study(storage, PAIR)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(optuna.get_all_study_summaries(open_storage(url))) == 1


@pytest.mark.parametrize(
    "wrong", ["sqlite:////nonexistent/folder/study.db", "nosql://x", "garbage"]
)
def test_what_cannot_be_opened_is_one_line(wrong):
    with pytest.raises(StorageError, match="cannot be opened") as caught:
        open_storage(wrong)
    assert "\n" not in str(caught.value)


def test_a_password_is_never_shown():
    with pytest.raises(StorageError) as caught:
        open_storage("postgresql+nodriver://me:secret@host/db")
    assert "secret" not in str(caught.value)


def test_a_fault_of_the_database_is_one_line(tmp_path):
    with pytest.raises(StorageError) as caught, database_faults(tmp_path):
        cause = sqlite3.OperationalError("database or disk is full\nand more")
        raise sa.exc.OperationalError("INSERT", {}, cause)
    assert "database or disk is full; see whether the disk is full" in str(caught.value)
    assert f"carbon-nas resume {tmp_path}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_faults_pass(tmp_path):
    with pytest.raises(ZeroDivisionError), database_faults(tmp_path):
        raise ZeroDivisionError


def test_runs_that_share_a_database_keep_apart(engine_run, url):
    changes = {"search": {"storage": url}, "finalists": {"extra_seeds": 0, "at_most": 0}}
    one, two = engine_run("one", **changes), engine_run("two", **changes)
    assert one.run.database_url == two.run.database_url == url
    first, second = one.decider.next_job(), two.decider.next_job()
    assert first.look.candidate == second.look.candidate  # the same seed, each its own history
    assert [claim.key for claim in one.claims.all()] == [first.look.candidate]
    one.train(first)
    assert one.claims.all() == []
    assert [claim.key for claim in two.claims.all()] == [second.look.candidate]
    one.finish()
    assert "stop_reason" not in two.study.user_attrs
    assert two.decider.spent().trainings == 1


def test_a_database_named_by_the_environment(engine_run, url, monkeypatch):
    monkeypatch.setenv("OUR_DATABASE", url)
    made = engine_run(search={"storage": "env:OUR_DATABASE"})
    assert "study.db" not in (made.run.path / "frozen.json").read_text()
    monkeypatch.delenv("OUR_DATABASE")
    with pytest.raises(RunError, match="OUR_DATABASE, which is not set"):
        _ = open_run(made.run.path).database_url
    assert "OUR_DATABASE" in one_line(run_command("status", made.run.path))


def test_a_password_in_a_configuration_is_refused(tiny):
    with pytest.raises(ConfigError, match=r"search\.storage: .*environment variable"):
        config_from_mapping(tiny(search={"storage": "postgresql://me:secret@host/db"}))
