"""The Python interface: the same jobs as the command line, as functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from hardware_profiles.deployment import Deployment
    from hardware_profiles.grid import Grid
    from nas.carbon.study import Study
    from nas.comparison import Comparison
    from nas.robustness import PointComparison, Robustness
    from nas.runs import Run
    from nas.selection import Selection
    from nas.sensitivity import WhatIf
    from nas.service import Service

__all__ = ["Results", "compare", "estimate", "export", "load", "search"]

if TYPE_CHECKING:
    Where = str | float | Grid | Sequence[str | float | Grid] | None
    Devices = str | Deployment | Sequence[str | Deployment]


class Results:
    """A run and what can be asked of it; nothing here trains.

    Attributes:
        run: The opened run folder.
    """

    def __init__(self, run: Run) -> None:
        self.run = run

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.run.path

    def candidates(self) -> pd.DataFrame:
        """One row a decided candidate."""
        return self.run.candidates()

    def scores(self) -> pd.DataFrame:
        """One row a trained candidate and deployment, with a column for every objective."""
        return self.run.scores()

    def front(self, *names: str, deployment: str | None = None) -> pd.DataFrame:
        """The non-dominated scores, for any objectives; without names those searched.

        Raises:
            ConfigError: If an objective is unknown.
            FrontError: If the deployment is unknown.
        """
        from nas.comparison import front

        return front(self.run, names or self.run.objectives, deployment=deployment)

    def robustness(self, *names: str, draws: int | None = None, seed: int = 0) -> Robustness:
        """How sure scores and front are; see `nas.robustness.robustness`.

        Raises:
            ConfigError: If an objective is unknown.
            StudyError: If draws or seed is out of range.
            FrontError: If an objective does not compare under the study's demand.
        """
        from nas.robustness import DRAWS, robustness

        count = DRAWS if draws is None else draws
        return robustness(self.run, names or None, draws=count, seed=seed)

    def select(
        self,
        *names: str,
        limits: Mapping[str, float] | None = None,
        prefer: str | Mapping[str, float] | Sequence[str] = "knee",
        deployment: str | None = None,
    ) -> Selection:
        """One candidate and deployment, with the reasons; see `nas.selection.select`.

        Raises:
            SelectionError: If nothing meets the limits, or an objective does not compare under
                the run's demand.
        """
        from nas.selection import select

        chosen = names or self.run.objectives
        return select(
            self.run.scores(),
            chosen,
            limits=limits,
            prefer=prefer,
            deployment=deployment,
            study=self.run.study,
        )

    def rescore(
        self,
        deployments: Devices | None = None,
        study: Study | None = None,
        *,
        grid: Where = None,
    ) -> pd.DataFrame:
        """Scores on other deployments, or under another study.

        Args:
            deployments: "NAME:PRECISION" or `Deployment`, one or several; None takes the run's.
            study: None keeps the run's.
            grid: Names, gCO2e/kWh or `Grid`, one or several, each in place of a deployment's own;
                for texts None takes the run's, if it has one.

        Returns:
            See `nas.rescoring.rescore`; its ``attrs["notes"]`` name the deployments at whose
            precision the run measured no error.

        Raises:
            ConfigError: If a grid is needed and not given.
            HardwareError: If a name is unknown.
            DeploymentError: If there is no deployment, two share a label, or a device lacks the
                precision.
        """
        from nas.deployments import placed
        from nas.rescoring import rescore, unmeasured

        chosen = placed(deployments, grid, like=self.run.deployments)
        scores = rescore(self.run, chosen, study)
        scores.attrs["notes"] = list(unmeasured(self.run, chosen))
        return scores

    def what_if(self, *names: str) -> WhatIf:
        """What other tables, lives and views change; see `nas.sensitivity.sensitivity`.

        Raises:
            ConfigError: If an objective is unknown.
            FrontError: If an objective does not compare under the run's study.
        """
        from nas.sensitivity import sensitivity

        return sensitivity(self.run, names or None)

    def compare_points(
        self,
        first: tuple[str, str],
        second: tuple[str, str],
        *names: str,
        draws: int | None = None,
        seed: int = 0,
    ) -> PointComparison:
        """Two models draw by draw, each a candidate and a deployment's label.

        See `nas.robustness.compare_points`.

        Raises:
            ConfigError: If an objective is unknown.
            StudyError: If draws or seed is out of range.
            FrontError: If a point is unknown, or an objective does not compare.
        """
        from nas.robustness import DRAWS, compare_points

        count = DRAWS if draws is None else draws
        points = (self.run, *first), (self.run, *second)
        return compare_points(*points, names or None, draws=count, seed=seed)

    def lifecycle(
        self, candidate: str | None = None, deployment: str | None = None, **options: Any
    ) -> Service:
        """The life cycle of a model in service; see `nas.service.service` for the options.

        Raises:
            StudyError: If the study is a consequence, or a number is out of range.
            SelectionError: If a candidate or deployment is unknown or not feasible.
        """
        from nas.service import service

        return service(self.run, candidate, deployment, **options)

    def statement(
        self, candidate: str | None = None, deployment: str | None = None
    ) -> dict[str, Any]:
        """The carbon statement as plain data; see `nas.report.carbon_statement`.

        Raises:
            SelectionError: If there is no such candidate or deployment, or no model is feasible.
        """
        from nas.report import carbon_statement

        return carbon_statement(self.run, candidate, deployment)

    def report(
        self,
        path: str | Path | None = None,
        *,
        candidate: str | None = None,
        deployment: str | None = None,
    ) -> Path:
        """Write the run's page; see `nas.report.write_report`.

        Raises:
            SelectionError: If there is no such candidate or deployment.
        """
        from nas.report import write_report

        return write_report(self.run, path, candidate=candidate, deployment=deployment)


def search(config: str | Path | Mapping[str, Any], path: str | Path) -> Results:
    """Launch a search and see it through.

    Args:
        config: A configuration file, or the same as plain values.
        path: The run folder to make.

    Raises:
        CarbonNasError: If the configuration is wrong, data are missing or the folder is taken.
        KeyboardInterrupt: If Ctrl-C or SIGTERM ends it early; `carbon-nas resume` goes on.
    """
    from nas.engine.config import config_from_mapping, read_config
    from nas.engine.search import search as search_run

    given = config_from_mapping(config) if isinstance(config, Mapping) else read_config(config)
    return Results(search_run(given, path))


def load(path: str | Path) -> Results:
    """Open a run folder.

    Raises:
        RunError: If it is missing, damaged or of another format.
    """
    from nas.runs import open_run

    return Results(open_run(path))


def compare(
    *runs: str | Path | Results | Sequence[str | Path | Results],
    objectives: Sequence[str] | None = None,
) -> Comparison:
    """Compare the fronts of two or more runs of one study.

    Args:
        runs: Folders or results, each an argument, or all in one list.
        objectives: None takes the first run's.

    Raises:
        ConfigError: If no run is given, or an objective is unknown.
        RunError: If something given is no run.
        FrontError: If there are fewer than two runs, or their studies differ.
    """
    from nas.comparison import compare as compare_runs

    given = [
        part
        for item in runs
        for part in ([item] if isinstance(item, str | Path | Results) else item)
    ]
    opened = [_run(part) for part in given]
    if not opened:
        raise ConfigError("compare: no run is given; name two or more run folders")
    return compare_runs(opened, objectives or opened[0].objectives)


def export(
    run: str | Path | Results, candidate: str, deployment: str | None, folder: str | Path
) -> list[str]:
    """Train a run's candidate fully and write its verified model folder.

    Args:
        run: Its folder, or results.
        candidate: Key of the candidate.
        deployment: Label of the deployment; None takes the first on which it is feasible.
        folder: Where; must not exist.

    Returns:
        Lines for people: quality, latency, carbon.

    Raises:
        ExportError: If there is no such candidate, or the exported file does not verify.
    """
    from nas.engine.exporting import export_candidate

    return export_candidate(_run(run), candidate, deployment, Path(folder))


def _run(given: str | Path | Results) -> Run:
    return given.run if isinstance(given, Results) else load(given).run


def estimate(
    space: str,
    architecture: Mapping[str, Any],
    task: str,
    deployments: Devices,
    study: Study,
    *,
    grid: Where = None,
) -> pd.DataFrame:
    """Latency, energy, memory and carbon of one architecture: one row a deployment.

    Args:
        space: Name of its search space, or ``"./my_space.py:space"``.
        architecture: Its choices.
        task: Name of the task that gives input shape and outputs, or a file or folder of one's own.
        deployments: Where it may run: "NAME:PRECISION" (and ":tTHREADS") or `Deployment`, one or
            several.
        study: Demand, boundary and factor tables.
        grid: Names, gCO2e/kWh or `Grid`, one or several; texts among `deployments` need one.

    Raises:
        ConfigError: If a grid is needed and not given.
        SpaceError: If the architecture is not in the space.
        TaskError: If the task is unknown.
    """
    import pandas as pd

    from nas.cost.score import score
    from nas.cost.workload import workload
    from nas.deployments import placed
    from nas.engine.own_files import find_space, find_task

    places = placed(deployments, grid, like=())
    chosen, facts = find_space(space), find_task(task)
    layers = chosen.layers(
        chosen.validate(architecture), facts.input_shape, facts.outputs, facts.spec
    )
    return pd.DataFrame(score(workload(layers), places, study, None, training_gco2e=None))
