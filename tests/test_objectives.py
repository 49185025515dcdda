"""The table of objectives, and what is said of a name that is not in it."""

import pytest

from nas.cli.template import TEMPLATE
from nas.engine.config import constraint_columns
from nas.errors import ConfigError, SelectionError
from nas.objectives import OBJECTIVES, objectives
from nas.selection import select


def test_the_template_names_every_objective():
    comment = TEMPLATE[TEMPLATE.index("any of:") : TEMPLATE.index("constraints:")]
    assert set(comment.replace("#", " ").split()) - {"any", "of:"} == set(OBJECTIVES)


def test_what_people_call_it_is_understood():
    with pytest.raises(ConfigError, match="did you mean 'error'"):
        objectives(["accuracy"])
    with pytest.raises(ConfigError, match="did you mean 'error'"):
        constraint_columns({"accuracy": 0.9})
    with pytest.raises(SelectionError, match="did you mean 'error'"):
        select(None, limits={"accuracy": 0.9})
