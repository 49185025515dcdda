"""Claims: one holder at a time, dead processes let go at once, other hosts by lease."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import sqlalchemy as sa
from tiny_runs import wait_until

from nas.engine.claims import ASK_LOCK, GRACE_S, LEASE_S, Claims


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'study.db'}"


@pytest.fixture
def claims(url):
    return Claims(sa.create_engine(url))


@pytest.fixture
def other_process(url):
    """A function that runs lines with `claims` in a process of its own; it tells by its output."""
    started = []

    def start(lines):
        program = (
            "import sys, time\n"
            "from nas.engine.claims import ASK_LOCK, Claims\n"
            "import sqlalchemy\n"
            f"claims = Claims(sqlalchemy.create_engine({url!r}))\n" + textwrap.dedent(lines)
        )
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


HOLD = """
    claims.start()
    print(claims.take("a"), flush=True)
    sys.stdin.read()
"""


def execute(claims, statement, **values):
    with claims._engine.begin() as connection:
        connection.execute(sa.text(statement), values)


def test_only_one_of_two_processes_holds_a_key(claims, other_process):
    holder = other_process(HOLD)
    assert holder.stdout.readline() == "True\n"
    assert not claims.take("a")
    assert claims.take("b")
    (claim,) = [claim for claim in claims.all() if claim.key == "a"]
    assert claim.pid == holder.pid
    assert claim.alive
    assert claims.remove_dead() == []


def test_many_processes_race_for_one_key(other_process):
    racers = [
        other_process("print('ready', flush=True)\nsys.stdin.readline()\nprint(claims.take('a'))")
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    assert sorted(racer.communicate()[0] for racer in racers) == ["False\n"] * 3 + ["True\n"]


def test_a_holder_frees_only_its_own_claim(claims, other_process):
    holder = other_process(HOLD)
    holder.stdout.readline()
    claims.free("a")
    assert not claims.take("a")
    assert claims.take("b")
    claims.free("b")
    assert claims.take("b")


def test_a_killed_process_frees_its_claim_at_once(claims, other_process):
    holder = other_process(HOLD)
    holder.stdout.readline()
    holder.kill()
    holder.wait()
    assert [claim.key for claim in claims.remove_dead()] == ["a"]
    assert claims.take("a")
    assert [worker.alive for worker in claims.workers()] == [False]


def test_its_supervisor_knows_of_a_death_before_it_collects(claims, other_process):
    holder = other_process(HOLD)
    holder.stdout.readline()
    holder.kill()
    wait_until(lambda: claims.of_dead(holder.pid))
    assert [claim.key for claim in claims.of_dead(holder.pid)] == ["a"]


def test_others_leave_a_death_to_the_supervisor_until_it_has_collected(other_process):
    holder = other_process(HOLD)
    holder.stdout.readline()
    onlooker = other_process(
        """
        for line in sys.stdin:
            print([claim.key for claim in claims.remove_dead()], flush=True)
        """
    )

    def seen():
        onlooker.stdin.write("look\n")
        onlooker.stdin.flush()
        return onlooker.stdout.readline()

    os.kill(holder.pid, signal.SIGSEGV)
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
    assert seen() == "[]\n"
    holder.wait()
    assert seen() == "['a']\n"


def test_a_reused_pid_is_another_process(claims, other_process):
    holder = other_process(HOLD)
    holder.stdout.readline()
    execute(claims, "UPDATE claims SET pid_start = pid_start - 100")
    assert [claim.alive for claim in claims.all()] == [False]


@pytest.mark.parametrize(
    ("since_s", "alive"), [(0, True), (GRACE_S - 20, True), (GRACE_S + 20, False)]
)
def test_another_host_keeps_its_claim_for_lease_and_grace(since_s, alive, claims):
    claims.start()
    claims.take("a", trial=7)
    execute(claims, "UPDATE claims SET host = 'elsewhere', worker = 'elsewhere-1-1'")
    execute(claims, "UPDATE claims SET lease_until = :t", t=time.time() - since_s)
    (claim,) = claims.all()
    assert (claim.key, claim.trial, claim.alive) == ("a", 7, alive)
    assert bool(claims.remove_dead()) is not alive


def test_a_beat_renews_leases_and_is_seen(claims):
    claims.start()
    claims.take("a")
    execute(claims, "UPDATE claims SET lease_until = 0")
    execute(claims, "UPDATE workers SET seen_at = 0, host = 'elsewhere'")
    assert [worker.alive for worker in claims.workers()] == [False]
    before = time.time()
    claims.beat()
    with claims._engine.connect() as connection:
        lease = connection.execute(sa.text("SELECT lease_until FROM claims")).scalar_one()
    assert lease >= before + LEASE_S
    (worker,) = claims.workers()
    assert worker.alive
    assert worker.seen_at >= before
    claims.beat(stopped=True)
    assert [worker.alive for worker in claims.workers()] == [False]


def test_the_ask_lock_is_held_by_one(claims, other_process):
    waiting = other_process(
        """
        print("waits", flush=True)
        with claims.ask_lock():
            print("has it", flush=True)
        """
    )
    with claims.ask_lock():
        assert waiting.stdout.readline() == "waits\n"
        assert not claims.take(ASK_LOCK)
        assert waiting.poll() is None
        assert claims.all() == []
    assert waiting.stdout.readline() == "has it\n"


def test_the_ask_lock_is_free_after_an_error(claims):
    with pytest.raises(ZeroDivisionError), claims.ask_lock():
        raise ZeroDivisionError
    assert claims.take(ASK_LOCK)


def test_the_ask_lock_of_a_killed_holder_is_broken(claims, other_process):
    holder = other_process(
        """
        with claims.ask_lock():
            print("has it", flush=True)
            sys.stdin.read()
        """
    )
    assert holder.stdout.readline() == "has it\n"
    holder.send_signal(signal.SIGKILL)
    with claims.ask_lock():  # also before it is collected: it is this process's child
        assert not claims.take(ASK_LOCK)
