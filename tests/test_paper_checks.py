"""The document of paper checks: complete, as computed now, and honest about what fails."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.paper_checks.data import Part, doubling_years
from experiments.paper_checks.document import (
    Entry,
    differences,
    entries,
    entry,
    parse,
    render,
    verdict_of,
)
from experiments.paper_checks.run import DOCUMENT, ROWS
from experiments.paper_checks.session import (
    ABSENT,
    AGREES,
    DIFFERS,
    SLIP,
    Finding,
    Row,
    Session,
    judged,
    shown,
)

RUN = Path(__file__).parents[1] / "experiments" / "paper_checks" / "run.py"
# Rows of notes/paper_systems.md: (a) models, data sets, metrics, methods; (b) numbers.
NOTES = {"A": 11, "D": 5, "M": 9, "S": 18, "N": 29}


def row(find=None, **values):
    return Row("N1", "I", "one says", find, **values)


def test_the_written_document_is_what_is_computed_now():
    done = subprocess.run(
        [sys.executable, RUN, "--check"], check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


def test_without_the_data_the_other_rows_are_compared(monkeypatch, tmp_path):
    monkeypatch.setenv("CARBON_NAS_DATA", str(tmp_path / "nowhere"))
    written = DOCUMENT.read_text(encoding="utf-8")
    found = parse(written) | entries([row for row in ROWS if row.needs_data])
    assert {key for key, each in found.items() if verdict_of(each.line) == ABSENT} == {
        "D4", "D5", "N2", "N27",
    }  # fmt: skip
    assert differences(written, found, ROWS) == []


def test_there_is_one_row_for_each_row_of_the_notes():
    wanted = [f"{letter}{number + 1}" for letter, count in NOTES.items() for number in range(count)]
    assert [row.id for row in ROWS] == wanted
    assert list(parse(DOCUMENT.read_text(encoding="utf-8"))) == wanted


def test_a_row_says_something_that_its_check_can_fail():
    for each in ROWS:
        assert (each.find is None) != (each.settled is None), each.id
        assert each.settled is None or each.settled.verdict != AGREES, each.id
        assert each.settled is None or each.settled.why, each.id


def test_a_verdict_stands_only_if_every_check_holds():
    held = judged("1 g", {"one": True, "two": np.bool_(True)}, verdict=SLIP, why="because")
    assert (held.verdict, held.why) == (SLIP, "because")
    failed = judged("1 g", {"one": True, "two": False, "three": False}, why="because")
    assert failed.verdict == DIFFERS
    assert failed.why == "does not hold: two; three. because"


def test_lines_are_run_as_they_are_shown():
    session = Session()
    value = session("a = 2\nb = [a,\n     3.25]\nsum(b)")
    assert value == 5.25
    assert session.transcript == [
        ">>> a = 2",
        ">>> b = [a,",
        "...      3.25]",
        ">>> sum(b)",
        "5.25",
    ]
    session.given("c = 7", "N7")
    assert session("b[0] + c") == 9
    assert "(names as in N7)" in session.transcript


def test_a_command_is_run_and_its_lines_are_picked():
    session = Session()
    said = session.command("carbon-nas hardware list", show=lambda line: line.startswith("rpi4"))
    assert "rpi4" in said
    assert session.transcript[0] == "$ carbon-nas hardware list"
    assert session.transcript[1].startswith("rpi4")
    assert session.transcript[-1].endswith("further lines)")
    assert session.json("carbon-nas hardware show rpi4 --json")
    with pytest.raises(RuntimeError, match="unknown"):
        session.command("carbon-nas hardware show nothing_known")
    with pytest.raises(ValueError, match="only carbon-nas"):
        session.command("ls")


def test_numbers_are_shown_to_six_digits_whatever_type_they_are():
    assert shown(np.array([1.23456789, 2.0])) == "[1.23457, 2]"
    assert (
        shown({"a": np.float64(1 / 3), "b": (True, None)}) == "{'a': 0.333333, 'b': (True, None)}"
    )
    assert shown("text") == "'text'"


def test_an_error_names_its_row():
    with pytest.raises(ZeroDivisionError) as caught:
        entry(row(lambda session: session("1 / 0")))
    assert "in row N1 of the paper checks" in caught.value.__notes__


def test_a_document_is_read_back_as_it_was_written():
    found = entries(ROWS[:3])
    assert parse(render(found)) == found
    assert "| " in found[ROWS[0].id].line


def test_a_pipe_in_a_cell_does_not_split_it():
    found = entry(row(lambda _: Finding("a | b", AGREES, "c | d")))
    assert verdict_of(found.line) == AGREES
    assert parse(render({"N1": found})) == {"N1": found}


def test_what_changed_is_named():
    rows = [
        row(lambda _: Finding("1 g", AGREES)),
        Row("N2", "I", "two", lambda _: Finding("2", SLIP)),
    ]
    written = render(entries(rows))
    assert differences(written, entries(rows), rows) == []
    rows[1] = Row("N2", "I", "two", lambda _: Finding("3", SLIP))
    assert differences(written, entries(rows), rows) == ["N2"]
    assert differences(written, entries(rows[:1]), rows[:1]) == ["N2"]
    assert differences(written.replace("# The paper", "# A paper"), parse(written), rows) == [
        "text"
    ]


def test_a_row_without_its_data_says_so_and_is_not_compared(monkeypatch, tmp_path):
    rows = [row(lambda _: Finding("1 g", AGREES), needs_data=True)]
    monkeypatch.setenv("CARBON_NAS_DATA", str(tmp_path))
    written = render(entries(rows))
    monkeypatch.setenv("CARBON_NAS_DATA", str(tmp_path / "gone"))
    absent = entries(rows)
    assert verdict_of(absent["N1"].line) == ABSENT
    assert differences(written, absent, rows) == []


def test_a_row_needs_a_computation_or_a_finding():
    with pytest.raises(ValueError, match="N1"):
        entry(row())
    settled = entry(row(settled=Finding("-", SLIP, "because")))
    assert settled == Entry("| N1 | one says (I) | - | **the paper's slip**: because |", "")


def test_doubling_is_exact_on_an_exponential():
    parts = [
        Part("x", year, 2.0 ** ((year - 2000) / 3.5), 1.0, 1.0, 1.0, 1.0)
        for year in range(2000, 2020)
    ]
    assert doubling_years(parts) == pytest.approx(3.5, rel=1e-9)
