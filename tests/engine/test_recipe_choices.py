"""Recipe settings as dimensions: a candidate is an architecture and how it is trained."""

import zlib
from dataclasses import replace
from itertools import product

import pytest

from nas.engine.config import config_from_mapping
from nas.engine.plan import plan_of
from nas.engine.resolve import resolve
from nas.errors import ConfigError, SpaceError
from nas.runs.recipes import final_recipe
from nas.runs.tables import read_records
from search_spaces.base import Choice
from search_spaces.layers import mac_count

SEARCHED = {"epochs": [1, 3], "precision": ["fp32", "bf16"]}


def plan(tiny, **changes):
    return plan_of(resolve(config_from_mapping(tiny(recipe=SEARCHED, **changes))))


def test_a_candidate_is_its_architecture_and_its_recipe(tiny):
    fixed, searched = plan_of(resolve(config_from_mapping(tiny()))), plan(tiny)
    assert searched.candidates.size() == 4 * searched.space.size() == 4 * fixed.candidates.size()
    architecture = {choice.name: choice.values[0] for choice in fixed.space.choices}
    architecture = fixed.space.validate(architecture)
    looks = [
        searched.look({**architecture, "recipe.epochs": epochs, "recipe.precision": precision})
        for epochs, precision in product(*SEARCHED.values())
    ]
    assert len({look.candidate for look in looks}) == 4
    assert {look.layers for look in looks} == {fixed.look(architecture).layers}
    for look, (epochs, precision) in zip(looks, product(*SEARCHED.values()), strict=True):
        assert look.settings == {"epochs": epochs, "precision": precision}
        assert look.recipe == replace(fixed.recipe, epochs=epochs, precision=precision)
    # The key of a recipe that was searched is that of the same recipe given.
    assert looks[0].candidate == fixed.look(architecture).candidate
    with pytest.raises(SpaceError, match=r"recipe\.epochs is missing"):
        searched.look(architecture)


def test_choices_are_asked_recorded_and_kept_by_further_seeds(engine_run):
    made = engine_run(recipe=SEARCHED, budget={"trainings": 8})
    jobs = made.finish(error=lambda job: zlib.crc32(job.look.candidate.encode()) % 97 / 100)
    first = {job.look.candidate: job.look for job in jobs if job.trial is not None}
    assert len(first) == 8
    assert {look.recipe.epochs for look in first.values()} == {1, 3}
    for job in jobs:
        if job.trial is not None:
            params = made.trials[job.trial].params
            assert params["recipe.epochs"] == job.look.recipe.epochs
            assert params["recipe.precision"] == job.look.recipe.precision
        elif job.look.candidate in first:
            assert job.look.recipe == first[job.look.candidate].recipe
        else:  # a reference model, which takes the last values
            assert (job.look.recipe.epochs, job.look.recipe.precision) == (3, "bf16")
    for record in read_records(made.run.artifacts):
        if record.trainings:
            assert record.recipe == first[record.candidate].settings
    for table in (made.run.candidates(), made.run.scores()):
        known = table[table["candidate"].isin(list(first))]
        for _, row in known.iterrows():
            assert row["recipe.epochs"] == first[row["candidate"]].recipe.epochs


def test_a_run_that_was_stopped_goes_on_as_it_would_have(engine_run):
    changes = {"recipe": SEARCHED, "search": {"sampler": "tpe"}, "budget": {"trainings": 5}}

    def error(job):
        return zlib.crc32(job.look.candidate.encode()) % 97 / 100

    whole = [job.look.candidate for job in engine_run("whole", **changes).finish(error)]
    part = engine_run("part", **changes)
    for _ in range(3):
        part = part.opened_again()
        part.decider.abandon(part.decider.next_job())  # lost, and drawn again
        part.train(job := part.decider.next_job(), error(job))
    assert [job.look.candidate for job in part.opened_again().finish(error)] == whole[3:]


def test_every_recipe_of_one_architecture_may_be_trained(engine_run):
    made = engine_run(recipe={"epochs": [1, 2, 3]}, constraints={"macs": 1e9})
    only = tuple(
        Choice(choice.name, choice.values[:1])
        for choice in made.plan.space.choices
        if choice.only_if is None
    )
    made.plan = replace(made.plan, space=replace(made.plan.space, choices=only))
    jobs = made.opened_again().finish()
    assert {job.look.recipe.epochs for job in jobs if job.trial is not None} == {1, 2, 3}
    assert "exhausted" in made.study.user_attrs["stop_reason"]


def test_lifecycle_tells_the_sampler_what_the_recipe_costs(tiny):
    changes = {"objectives": ["error", "lifecycle"], "constraints": {"macs": 1e9}}
    searched = replace(plan(tiny, **changes), samples=1000)
    architecture = searched.space.validate({c.name: c.values[0] for c in searched.space.choices})
    short, long = (
        searched.look({**architecture, "recipe.epochs": epochs, "recipe.precision": "fp32"})
        for epochs in (1, 3)
    )
    told = [look.scores["lifecycle_gco2e"][0] for look in (short, long)]
    # 256 of 1000 samples, 2 epochs more, 3 passes of their MACs at a quarter of the rate
    more_s = 3 * mac_count(short.layers) * 2 * 256 / (searched.power.macs_per_s / 4)
    assert more_s > 0
    assert told[1] - told[0] == pytest.approx(searched.power.gco2e(more_s))
    assert short.scores["carbon_gco2e"] == pytest.approx(long.scores["carbon_gco2e"])


def test_the_full_training_keeps_what_was_searched_unless_another_is_given(tiny):
    chosen = {"epochs": 1, "precision": "bf16"}
    kept = final_recipe(resolve(config_from_mapping(tiny(recipe=SEARCHED))), chosen)
    assert (kept["epochs"], kept["precision"]) == (1, "bf16")
    given = tiny(recipe=SEARCHED, final_recipe={"epochs": 9})
    told = final_recipe(resolve(config_from_mapping(given)), chosen)
    assert (told["epochs"], told["precision"]) == (9, "bf16")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recipe": {"epochs": []}}, "recipe: epochs=[] leaves nothing to choose"),
        ({"recipe": {"epochs": [2, 0]}}, "recipe: epochs=0 is not >= 1"),
        ({"recipe": {"epochs": [2, "3"]}}, "recipe: epochs='3' is not a whole number"),
        ({"recipe": {"epochs": [2, [3]]}}, "recipe: epochs=[3] is not a whole number"),
        ({"recipe": {"learning_rate": [float("nan"), 1]}}, "learning_rate=[nan, 1] is not finite"),
        ({"final_recipe": {"weight_decay": float("inf")}}, "weight_decay=inf is not finite"),
        ({"recipe": {"epochs": [2, 4, 2]}}, "epochs=[2, 4, 2] has 2 twice"),
        ({"recipe": {"precision": ["fp32", "int8"]}}, "recipe: precision='int8' is not one of"),
        ({"recipe": {"epoch": [1, 2]}}, "did you mean 'epochs'"),
        ({"recipe": {"threads": [1, 2]}}, "recipe: threads=[1, 2] is of the machine"),
        ({"recipe": {"train_images": [64, None]}}, "recipe: train_images: null is not searched"),
        ({"final_recipe": {"epochs": [1, 2]}}, "final_recipe: epochs=[1, 2] is a list"),
    ],
    ids=str,
)
def test_values_that_cannot_be_searched_are_refused(changes, said, tiny):
    with pytest.raises(ConfigError) as caught:
        resolve(config_from_mapping(tiny(**changes)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_space_may_not_have_a_choice_of_that_name(tiny, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from dataclasses import replace\n"
        "from search_spaces.base import Choice\n"
        "from search_spaces.mbconv import SPACE\n"
        "space = replace(SPACE, choices=(*SPACE.choices, Choice('recipe.epochs', (1, 2))))\n"
    )
    with pytest.raises(SpaceError, match=r"choice 'recipe\.epochs' is there twice"):
        plan(tiny, space=f"{path}:space")
