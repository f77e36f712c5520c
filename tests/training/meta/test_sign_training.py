"""Meta-training over level 2's last layer: what is written is what adaptation starts from."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from drivemeta.adaptation.learner_weights import Initialisation
from drivemeta.cli.main import main
from drivemeta.config import load_config
from drivemeta.errors import ConfigError
from drivemeta.models.level2 import Level2
from drivemeta.paths import builtin_folder
from drivemeta.plugins import default_registry
from drivemeta.training.meta.accuracy import evaluate
from drivemeta.training.meta.run import CURVE
from drivemeta.training.meta.sign_split import meanings_in
from drivemeta.training.meta.sign_tasks import SignPool
from drivemeta.training.meta.sign_training import (
    SignTraining,
    _tasks,
    level2_of,
    metatrain_signs,
)
from drivemeta.training.weights import write_weights

PARAMS = {
    "maml": {"meta_batch": 2, "n_steps": 2},
    "anil": {"meta_batch": 2, "n_steps": 2},
    "metasgd": {"meta_batch": 2},
    "reptile": {"meta_batch": 2, "n_steps": 2, "n_test_steps": 2},
    "siamese": {},
    "matching": {"full_context": True},
}


@pytest.fixture(scope="module")
def level2(tmp_path_factory):
    torch.manual_seed(0)
    network = Level2()
    path = tmp_path_factory.mktemp("level2") / "level2.safetensors"
    state = {f"level2.{k}": v for k, v in network.state_dict().items()}
    return write_weights(path, state)


@pytest.fixture(scope="module")
def pool():
    """Four meanings of each part, each a point among the features, half hidden in noise."""
    rng = np.random.default_rng(0)
    names = tuple(sorted(n for part in ("train", "val") for n in sorted(meanings_in(part))[:4]))
    labels = np.arange(len(names)).repeat(12)
    centres = rng.normal(size=(len(names), 1, 1792))
    features = centres[labels] + 14 * rng.normal(size=(len(labels), 2, 1792))
    groups = np.arange(len(labels)) // 3
    return SignPool(torch.from_numpy(features).half(), labels, groups, names)


def config(level2, out, **changes):
    common = {"minutes": 10, "learning_rate": 0.01}
    learners = {name: {"params": params, **common} for name, params in PARAMS.items()}
    values = {
        "out": out,
        "signs": out,
        "level2": level2,
        "parts": ["train"],
        "learners": learners,
        "n_way": 3,
        "n_shot": 2,
        "n_query": 2,
        "n_pairs": 8,
        "iterations": 2,
        "validate_every": 1,
        "n_validation": 10,
    }
    return SignTraining.model_validate(values | changes)


@pytest.mark.parametrize("name", PARAMS)
def test_what_is_written_is_where_adaptation_starts(level2, pool, tmp_path, name):
    settings = config(level2, tmp_path)
    lines = []
    result = metatrain_signs(name, settings, resume=False, report=lines.append, pool=pool)
    assert len(lines) == 3  # the start is validated too
    curve = json.loads((tmp_path / name / CURVE).read_text())
    assert result.start == curve[0][1]
    assert [result.iterations, result.validation] == max(curve, key=lambda point: point[1])
    stored = load_file(result.weights)
    assert all(
        value.dtype in {torch.float16, torch.bfloat16, torch.int64} for value in stored.values()
    )
    plugin = default_registry().build("learner", name, **PARAMS[name])
    start = Initialisation.of(plugin, level2_of(settings), result.weights)
    assert start.weights is not None
    for key, value in start.model().state_dict().items():
        torch.testing.assert_close(value, stored[key].to(value.dtype))
    again = evaluate(start.model(), plugin.object.logits, _tasks(settings, pool)[1], 10)
    assert again.mean == pytest.approx(result.validation, abs=0.01)


def test_a_resumed_run_ends_as_one_without_a_break(level2, pool, tmp_path):
    def run(out, n, *, resume=False):
        settings = config(level2, tmp_path / out, iterations=n)
        metatrain_signs("maml", settings, resume=resume, report=lambda _: None, pool=pool)
        return load_file(tmp_path / out / "maml" / "metatrain.checkpoint.safetensors")

    whole = run("whole", 3)
    run("parts", 1)
    parts = run("parts", 3, resume=True)
    assert all(torch.equal(value, parts[key]) for key, value in whole.items())


def test_an_unknown_learner_suggests_the_nearest(level2, pool, tmp_path):
    with pytest.raises(ConfigError, match=r"malm is not among them; did you mean 'maml'"):
        metatrain_signs(
            "malm", config(level2, tmp_path), resume=False, report=lambda _: None, pool=pool
        )


def test_the_compared_configuration_trains_on_one_part():
    compared = load_config(
        builtin_folder("configs") / "metatrain_signs_compared.yaml", SignTraining
    )
    assert compared.parts == ("train",)
    assert set(PARAMS) < set(compared.learners)


def test_the_command_tells_what_it_lacks(tmp_path, capsys):
    path = tmp_path / "c.yaml"
    path.write_text(
        f"kind: signs\nout: {tmp_path}\nsigns: {tmp_path}\nlearners:\n  siamese: {{}}\n"
    )
    with pytest.raises(SystemExit) as ended:
        main(["metatrain", "siamese", str(path)])
    assert ended.value.code == 2
    assert "expected a list of crops" in capsys.readouterr().err
