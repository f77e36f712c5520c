"""What learners leave in the detector: it is saved, cast, exported and traced."""

import copy
import warnings

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.registry import default_registry

ROWS = ("anil", "maml", "matching", "metasgd", "protonet", "reptile")


def support(n_way=3, shots=(1, 4, 2), n_negatives=5):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(n_way).repeat_interleave(torch.tensor(shots[:n_way]))
    centres = F.normalize(torch.randn(n_way, 16, generator=generator), dim=-1)
    noise = 0.1 * torch.randn(len(labels), 16, generator=generator)
    embeddings = F.normalize(centres[labels] + noise, dim=-1)
    negatives = F.normalize(torch.randn(n_negatives, 16, generator=generator), dim=-1)
    names = tuple("abc"[:n_way])
    return LabelledImages(embeddings, labels, torch.arange(len(labels)), names, negatives)


def fitted(name, task, **params):
    learner = default_registry().create("learner", name, **params)
    return learner.fit(nn.Identity(), task).eval()


@pytest.mark.parametrize("n_negatives", [0, 5])
@pytest.mark.parametrize("shots", [(1,), (1, 1), (1, 4, 2)])
@pytest.mark.parametrize("name", [*ROWS, "siamese"])
def test_one_class_one_shot_unequal_shots(name, shots, n_negatives):
    task = support(len(shots), shots, n_negatives)
    with torch.no_grad():
        assert torch.equal(fitted(name, task)(task.images).argmax(1), task.labels)


@pytest.mark.parametrize("name", [*ROWS, "siamese"])
def test_rows_survive_state_dict_and_dtype(name):
    task = support()
    one, other = fitted(name, task), fitted(name, task)
    other.load_state_dict({key: value.clone() for key, value in one.state_dict().items()})
    with torch.no_grad():
        torch.testing.assert_close(other(task.images), one(task.images))
        double = copy.deepcopy(one).to(torch.float64)(task.images.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), one(task.images), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", [*ROWS, "siamese"])
def test_classifiers_are_exported(name, tmp_path):
    task, path = support(), tmp_path / "classifier.onnx"
    model = fitted(name, task)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecation
        torch.onnx.export(model, (task.images,), path, dynamo=False)
    onnx.checker.check_model(str(path))
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {session.get_inputs()[0].name: task.images.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(logits, model(task.images).numpy(), atol=1e-4)


def test_the_best_pair_by_l2_is_rows_and_by_l1_a_branch():
    assert fitted("siamese", support(), distance="l2").as_bank() is not None
    by_l1 = fitted("siamese", support())
    assert by_l1.as_bank().weights.shape[1] == by_l1.novel_branch()(support().images).shape[1]
    assert isinstance(by_l1.novel_branch(), nn.Module)


def test_verification_learns_which_dimensions_tell_classes_apart():
    torch.manual_seed(0)
    labels = torch.arange(3).repeat_interleave(6)
    informative = F.one_hot(labels, 3).float()
    noise = torch.rand(18, 3) * 2
    images = torch.cat([informative, noise], 1)
    names = ("a", "b", "c")
    task = LabelledImages(images, labels, torch.arange(18), names, torch.zeros(0, 6))
    weights = fitted("siamese", task).columns.weights
    assert weights[:3].max() < weights[3:].min() <= 0
