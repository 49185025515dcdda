"""Numbers that look like ones in another unit get a line on stderr, and are used."""

import pytest

SEARCH = [
    "search", "--task", "digits", "--space", "mbconv", "--hardware", "rpi4:int8",
    "--inferences", "1e8", "--lifetime-years", "4", "--dry-run",
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--limit", "error=3"], "an error is at most 1, and 3 % is 0.03"),
        (["--limit", "latency=30"], "is in seconds and admits all, as the largest latency is"),
        (["--limit", "latency_s=30"], "30 ms is 0.03"),
    ],
)
def test_select_warns_and_selects(tiny_run, in_process, arguments, said):
    done = in_process("select", tiny_run, *arguments)
    assert done.returncode == 0
    assert done.stdout.startswith("candidate")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_sensible_limits_are_silent(tiny_run, in_process):
    done = in_process("select", tiny_run, "--limit", "error=0.99", "--limit", "latency=0.5")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_grid_in_kg_is_asked_about(tiny_run, in_process):
    done = in_process("rescore", tiny_run, "--grid", "0.4")
    assert done.returncode == 0
    assert (
        done.stderr == "carbon-nas: grid 0.4: is below 1 g/kWh; is that kg/kWh? 400 is in g/kWh\n"
    )
    assert in_process("rescore", tiny_run, "--grid", "0").stderr == ""


def test_a_dry_run_tells_its_folder_grids_and_workers(in_process, tmp_path):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "file").touch()
    done = in_process(*SEARCH, "--grid", "fr", "--grid", "0.4", "--workers", "200", "--out", taken)
    assert done.returncode == 0
    assert f"run folder: {taken}: exists and is not empty" in done.stdout
    assert "rpi4-int8-fr:" in done.stdout
    assert "rpi4-int8-0.4" in done.stdout
    workers, grid = done.stderr.splitlines()
    assert workers.startswith("carbon-nas: workers 200: this machine has")
    assert "is that kg/kWh?" in grid
    free = in_process(*SEARCH, "--grid", "fr", "--workers", "1", "--out", tmp_path / "free")
    assert free.stdout.endswith(f"run folder: {tmp_path / 'free'}\n")
    assert free.stderr == ""


def test_constraints_of_a_file_too(in_process, tmp_path):
    path = tmp_path / "config.yaml"
    in_process("init", path)
    text = path.read_text(encoding="utf-8")
    bounded = text.replace("constraints: {}", "constraints: {latency_s: 5000}")
    path.write_text(bounded, encoding="utf-8")
    done = in_process("search", path, "--dry-run", "--workers", "1")
    assert done.returncode == 0
    assert done.stderr.startswith("carbon-nas: limit latency_s=5000: is in seconds")


def test_the_help_says_what_goes_with_a_file(in_process):
    told = " ".join(in_process("search", "--help").stdout.split())
    assert "With a configuration file go --objective, --sampler" in told
