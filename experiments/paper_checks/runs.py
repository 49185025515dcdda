"""Rows that read a finished search, kept in `run/`: A10, A11, M7, S1."""

from __future__ import annotations

from experiments.paper_checks.session import (
    Finding,
    Row,
    Session,
    judged,
    near,
)

OPEN = "from nas.runs import open_run\nrun = open_run('experiments/paper_checks/run')"


def telemetry(run: Session) -> Finding:
    run(OPEN)
    run("from nas.report.emissions import emission_rows")
    run("from nas.report.statement_machine import search_facts")
    run("rows, search = emission_rows(run), search_facts(run)")
    each = run("len(rows), sum(row['energy_consumed'] for row in rows)  # kWh")
    total = run("search['energy_kwh']")
    known = run("search['power_known']")
    trainings = each[0] - 1
    return judged(
        f"{trainings} trainings and the time between them: {1000 * each[1]:.3f} Wh; the search:"
        f" {1000 * total:.3f} Wh; {known}",
        {
            "the rows of emissions.csv sum to the search": near(each[1], total),
            "the method is named": bool(known),
        },
        why="modelled here: meters come with issue 6",
    )


def statement(run: Session) -> Finding:
    run(OPEN)
    run("from nas.report import carbon_statement, recompute\nfrom nas.report.totals import field")
    run("said = carbon_statement(run)")
    sections = run("list(said)")
    totals = run("totals = recompute(said)\nlen(totals)")
    same = run(
        "sum(abs(field(said, name) - grams) <= 1e-9 * grams for name, grams in totals.items())"
    )
    asked = (
        "said['search'][x]"
        " for x in ('hours', 'machine', 'mean_power_w', 'overhead', 'grid', 'energy_kwh', 'gco2e')"
    )
    fields = run(f"all({asked.replace(' for', ' is not None for')})")
    assumed = run("len(said['assumed'])")
    interval = run("said['uncertainty'] is not None")
    return judged(
        f"{len(sections)} sections; {same} of {totals} totals follow again from the other fields;"
        f" {assumed} assumed figures are listed",
        {
            "hours, device, power, PUE, intensity, energy and grams are there": fields,
            "recomputing gives every total": same == totals,
            "assumptions are listed": assumed > 0,
            "uncertainty is stated": interval,
        },
        why="`carbon-nas report RUN --statement` writes it",
    )


def marginal(run: Session) -> Finding:
    run(OPEN)
    run(
        """
        from nas.sensitivity import sensitivity
        priced = next(p for p in sensitivity(run).pricings if p.name == 'consequence')
        together = next(ranks for ranks in priced.change.ranks if ranks.where is None)
        """
    )
    said = run("priced.said")
    moved, compared = run("len(together.moved), together.compared")
    first = run(
        "[(str(w.deployment), w.candidate[:8])"
        " for w in (priced.change.winners_before[-1], priced.change.winners[-1])]"
    )
    return judged(
        f"the same run, {said}: {moved} of {compared} change rank by carbon; least carbon goes from"
        f" {first[0][0]} to {first[1][0]}",
        {
            "the report says which rate": "marginal" in said,
            "models whose rank changed are listed": moved > 0,
        },
        why="marginal rates are never mixed with allocated embodied carbon, so the second price is"
        " a consequence: what is owned costs nothing to make, and other hardware is bought",
    )


def energy_is_not_carbon(run: Session) -> Finding:
    said = run.command(
        "carbon-nas front experiments/paper_checks/run",
        show=lambda line: line.startswith("warning: over all"),
    )
    warned = [line for line in said.splitlines() if line.startswith("warning: over all")]
    return judged(
        " ".join(warned) or "no warning",
        {"a warning where least energy is not least carbon": len(warned) == 1},
    )


def front_is_exact(run: Session) -> Finding:
    run(OPEN)
    run(
        """
        from nas.comparison import front
        names = ['error', 'latency', 'energy', 'carbon']
        columns = ['error', 'latency_s', 'energy_j', 'carbon_gco2e']
        found = front(run, names)
        scores = run.scores()
        points = [tuple(row) for row in scores[scores.feasible][columns].to_numpy()]
        def better(a, b):
            return a != b and all(x <= y for x, y in zip(a, b))
        kept = {p for p in points if not any(better(other, p) for other in points)}
        """
    )
    sizes = run("len(points), len(found), len(kept)")
    same = run("{tuple(row) for row in found[columns].to_numpy()} == kept")
    return judged(
        f"{sizes[1]} of {sizes[0]} scores are on the front, brute force keeps {sizes[2]}",
        {"the front equals brute force": same},
        why="carbon holds the embodied share; `embodied` can be an objective by itself",
    )


ROWS = (
    Row("A10", "IV Telemetry", "operational and embodied carbon need telemetry", telemetry),
    Row("A11", "IV Disclosure", "carbon impact statements with every publication", statement),
    Row("M6", "IV, Fig. 6", "marginal and average rates may change trade-offs", marginal),
    Row(
        "M7",
        "IV",
        "which metric when is open; carbon is more direct than energy",
        energy_is_not_carbon,
    ),
    Row("S1", "IV", "hardware-aware search with embodied carbon as one objective", front_is_exact),
)
