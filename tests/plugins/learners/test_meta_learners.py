"""All meta-learners: episodes as awkward as they come, and what all have in common."""

from copy import deepcopy

import pytest
import torch

from drivemeta.plugins.learner.episodes import Episode
from drivemeta.plugins.learner.protocol import MetaLearner
from tests.helpers.meta_tasks import SHAPE, Tasks, create, make_episode, prepared, trained

LEARNERS = ("anil", "maml", "matching", "metasgd", "protonet", "reptile", "siamese")


def small(name):
    return {"meta_batch": 3} if name in {"anil", "maml", "metasgd", "reptile"} else {}


@pytest.mark.parametrize("name", LEARNERS)
def test_it_is_a_meta_learner(name):
    assert isinstance(create(name), MetaLearner)


@pytest.mark.parametrize("name", LEARNERS)
def test_training_moves_weights_and_the_seed_repeats_it(name):
    (_, one), (_, two) = (trained(name, 2, **small(name)) for _ in range(2))
    _, start = prepared(name)
    assert any(not torch.equal(v, start.state_dict()[k]) for k, v in one.state_dict().items())
    for key, value in one.state_dict().items():
        assert torch.equal(value, two.state_dict()[key]), key
        assert torch.isfinite(value).all(), key


@pytest.mark.parametrize("name", LEARNERS)
def test_it_learns(name):
    faster = {
        "reptile": {"inner_lr": 0.02, "n_test_steps": 10},
        "metasgd": {"highest_rate": 0.8},
    }
    params = faster.get(name, {})
    learner, model = trained(name, 25, **small(name), **params)
    model.eval()
    tasks = Tasks(n_query=5)
    tasks.seek(999)
    episodes = [tasks.episode() for _ in range(10)]
    with torch.no_grad():
        right = [learner.logits(model, e).argmax(1) == e.query_labels for e in episodes]
    assert torch.cat(right).float().mean() > 0.75


AWKWARD = {
    "labels with gaps": ([5, 90, 90, -3], [90, 5]),
    "one class": ([4, 4], [4]),
    "one shot": ([0, 1, 2], [2, 1, 0]),
    "unequal shots": ([0, 0, 0, 0, 1], [1, 0]),
    "a class with no query": ([0, 1, 2, 2], [1, 1]),
    "no query at all": ([0, 1], []),
}


@pytest.mark.parametrize("case", AWKWARD)
@pytest.mark.parametrize("name", LEARNERS)
def test_awkward_episodes(name, case):
    support, query = (torch.tensor(labels, dtype=torch.int64) for labels in AWKWARD[case])
    images = torch.rand(len(support), *SHAPE), torch.rand(len(query), *SHAPE)
    episode = make_episode(images[0], support, images[1], query)
    learner, model = prepared(name, Tasks(n_way=episode.n_way))
    with torch.no_grad():
        logits = learner.logits(model, episode)
    assert logits.shape == (len(query), episode.n_way)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", LEARNERS)
def test_inductive_queries_do_not_see_each_other(name):
    learner, model = prepared(name)
    e = Tasks(n_query=4).episode()
    alone = Episode(e.support, e.support_labels, e.query[:1], e.query_labels[:1], e.n_way)
    with torch.no_grad():
        together, single = learner.logits(model, e)[:1], learner.logits(model, alone)
        torch.testing.assert_close(together, single, atol=1e-4, rtol=1e-4)
        transductive = create(name, transductive=True)
        assert not torch.allclose(
            transductive.logits(model, e)[:1], transductive.logits(model, alone), atol=1e-5
        )


@pytest.mark.parametrize("name", LEARNERS)
def test_an_episode_leaves_the_model_as_it_was(name):
    learner, model = prepared(name)
    before = deepcopy(model.state_dict())
    with torch.no_grad():
        learner.logits(model, Tasks().episode())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
