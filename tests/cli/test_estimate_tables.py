"""`estimate --breakdown` and `--cheaper`, through the command."""

import json

import pytest
from tiny_runs import one_line

from search_spaces import space

SMALL = space("mbconv").choose(lambda name, values: values[-1])
WHERE = ("--hardware", "rpi4:int8", "--grid", "fr", "--inferences", "1e8", "--lifetime-years", "4")
OF = ("--space", "mbconv", "--task", "digits", "--architecture", json.dumps(SMALL))


def test_the_breakdown_sums_to_the_estimate(in_process):
    (row,) = json.loads(in_process("estimate", *OF, *WHERE, "--breakdown", "--json").stdout)
    groups = row["breakdown"]
    assert [group["group"] for group in groups][:2] == ["convolution", "feed-forward"]
    assert sum(group["macs"] for group in groups) == row["macs"]
    assert sum(group["params"] for group in groups) == row["params"]
    assert sum(group["latency_s"] for group in groups) == pytest.approx(row["latency_s"])
    assert sum(group["latency_share"] for group in groups) == pytest.approx(1)


def test_the_tables_are_printed(in_process):
    text = in_process("estimate", *OF, *WHERE, "--breakdown", "--cheaper").stdout
    assert "rpi4-int8-fr, by operators:" in text
    assert "convolution" in text
    assert "cheaper by one change" in text
    assert "carbon saved" in text
    assert "and " in text
    assert "more; --json has all" in text


def test_every_cheaper_one_is_cheaper(in_process):
    (row,) = json.loads(in_process("estimate", *OF, *WHERE, "--cheaper", "--json").stdout)
    saved = [item["saved_gco2e"] for item in row["cheaper"]]
    assert saved == sorted(saved, reverse=True)
    assert saved[-1] > 0
    change = row["cheaper"][0]["changes"][0]
    assert SMALL[change["choice"]] == change["before"] != change["now"]


def test_a_candidate_of_a_run_has_neighbours_too(tiny_run, in_process):
    key = next((tiny_run / "artifacts").glob("*/result.json")).parent.name
    done = in_process("estimate", "--run", str(tiny_run), "--candidate", key, "--cheaper", "--json")
    rows = json.loads(done.stdout)
    assert any(row["cheaper"] for row in rows)


def test_a_text_network_is_read_with_its_vocabulary(in_process):
    gpt = space("gpt").choose(lambda name, values: values[0])
    given = ("--space", "gpt", "--task", "shakespeare", "--architecture", json.dumps(gpt))
    text = in_process("estimate", *given, *WHERE, "--breakdown").stdout
    assert "attention" in text
    assert "embedding" in text


def test_no_space_no_neighbours(in_process):
    said = one_line(in_process("estimate", *WHERE, "--cheaper"))
    assert "give --space, --task and --architecture" in said
