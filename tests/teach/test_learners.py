"""Which learners the page can teach by."""

import pytest

from drivemeta.errors import InputError, PluginNotFoundError
from drivemeta.plugins.registry import default_registry
from drivemeta.teach.learners import PageLearner


def test_rows_are_made_by_protonet_unless_another_is_named():
    assert PageLearner().name == "protonet"
    assert PageLearner("matching").name == "matching"
    with pytest.raises(PluginNotFoundError, match="protonet"):
        PageLearner("protone")


def test_all_others_are_refused_and_the_way_to_use_them_is_told():
    registry = default_registry()
    refused = set()
    for name in registry.names("learner"):
        learner = registry.build("learner", name).object
        if not getattr(learner, "has_branch", False):
            continue
        with pytest.raises(InputError, match=f"drivemeta adapt --learner {name}`"):
            PageLearner(name, registry)
        refused.add(name)
    assert refused >= {"maml", "anil", "reptile", "metasgd"}
