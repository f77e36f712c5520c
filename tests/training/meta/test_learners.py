"""A learner that is meta-trained: what it raises or gives wrongly is told as its own fault."""

import pytest
from torch import nn

from drivemeta.errors import InputError, PluginError
from drivemeta.plugins import default_registry
from drivemeta.training.meta.learners import create, logits_of, prepared, trained
from tests.helpers.plugins import write_plugin

LEARNER = """
    class Mine:
        transductive = False
        def prepare(self, network, tasks):
            return tasks
        def meta_train(self, network, tasks, run):
            return run / 0
        def logits(self, model, episode):
            return [episode]
        def fit(self, network, support):
            return network
"""


@pytest.fixture
def learner(tmp_path):
    write_plugin(tmp_path / "learners" / "mine", LEARNER, kind="learner", entry="module:Mine")
    return create("mine", {}, default_registry([tmp_path]))


def test_the_learner_is_found_among_the_plugins_given(learner):
    assert type(learner).__name__ == "Mine"
    with pytest.raises(InputError, match="unknown learner 'mine'"):
        create("mine", {}, None)


def test_what_it_does_wrongly_names_it(learner):
    network, who = nn.Identity(), r"^learner 'mine' from .*"
    with pytest.raises(PluginError, match=who + "expected `prepare` to give a Module, found a str"):
        prepared(learner, network, "tasks")
    with pytest.raises(PluginError, match=who + r"failed in `meta_train`.*py:7: ZeroDivisionError"):
        trained(learner, network, "tasks", 1)
    with pytest.raises(PluginError, match=who + "expected `logits` to give a Tensor, found a list"):
        logits_of(learner, network, "episode")
