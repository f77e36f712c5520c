"""The graph of a detector: beside the bare session, for batches, for other opsets and types."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from drivemeta.core.own import OwnFacts
from drivemeta.errors import ModelFileError
from drivemeta.models.own import OwnFinder
from drivemeta.own.candidates import candidates
from drivemeta.own.file import read_own
from drivemeta.own.graph import OwnPlan, build_graph
from drivemeta.own.preparing import prepare_frame
from drivemeta.plugins import default_registry
from tests.helpers.own_detectors import streets, yolox_file

FINDS = {"vehicle": ("car",), "pedestrian": ("person",)}


def finder(path):
    """Return the detector's graph as a finder, with the way to read it and its file."""
    file = read_own(path)
    (chosen,) = candidates(
        file,
        ("car", "person"),
        default_registry(),
        choose={"boxes": "raw", "input": "bgr 0..255"},
    )
    plan = OwnPlan(file, chosen, [np.array([0]), np.array([1])], 20.0)
    graph, one_by_one = build_graph(plan, streets(1)[0][0])
    facts = OwnFacts(
        "own", "", "", "yolox", "", {}, (128, 160), "top-left", FINDS, 20.0, one_by_one=one_by_one
    )
    return OwnFinder(graph, facts), chosen, file


def check(own, chosen, file):
    """Hold what the graph finds against the bare session and numpy."""
    for image, _ in streets(3, size=(150, 200), seed=4):
        boxes, scores = chosen.find(file, prepare_frame(image, chosen.way.frame))
        found = own.dense(image)
        np.testing.assert_allclose(own.scores(found), scores, atol=2e-3)
        seen = scores.max(1) > 0.02
        assert seen.any()
        np.testing.assert_allclose(found.boxes[seen], boxes[seen], atol=0.05)


def in_batch(own, images):
    planes = np.stack([i[..., ::-1].transpose(2, 0, 1) for i in images]).astype(np.float32)
    return own._session.run(None, {"x": np.ascontiguousarray(planes)})


@pytest.mark.parametrize("opset", [11, 13, 17, 18, 20, 22])
def test_it_finds_what_the_bare_session_finds(tmp_path, opset):
    own, chosen, file = finder(yolox_file(tmp_path / "own.onnx", opset=opset))
    check(own, chosen, file)


def test_a_batch_axis_that_holds_one_is_freed_only_without_harm(tmp_path):
    own, _, _ = finder(yolox_file(tmp_path / "own.onnx"))
    assert own.facts.one_by_one  # its constant rows are those of one image
    images = [image for image, _ in streets(3)]
    both = in_batch(own, images)
    for i, image in enumerate(images):
        for together, alone in zip(both, in_batch(own, [image]), strict=True):
            np.testing.assert_allclose(together[i], alone[0], atol=1e-4)


def test_half_precision_and_no_batch_axis(tmp_path):
    model = onnx.load(yolox_file(tmp_path / "own.onnx"))
    graph = model.graph
    graph.node.insert(0, helper.make_node("Unsqueeze", ["half", "axes"], ["one"]))
    graph.node.insert(1, helper.make_node("Cast", ["one"], ["images"], to=TensorProto.FLOAT))
    graph.initializer.append(helper.make_tensor("axes", TensorProto.INT64, [1], [0]))
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info("half", TensorProto.FLOAT16, [3, 128, 160]))
    model.opset_import[0].version = 13
    onnx.save(model, tmp_path / "half.onnx")
    own, chosen, file = finder(tmp_path / "half.onnx")
    check(own, chosen, file)
    assert own.facts.one_by_one


def test_a_network_with_branches_of_its_own(tmp_path):
    model = onnx.load(yolox_file(tmp_path / "own.onnx", opset=17))
    graph = model.graph
    last = graph.node[-1]
    last.output[0] = "inner"
    branches = [
        helper.make_graph(
            [helper.make_node("Identity", ["inner"], [f"out_{key}"])],
            key,
            [],
            [helper.make_tensor_value_info(f"out_{key}", TensorProto.FLOAT, None)],
        )
        for key in ("then", "else")
    ]
    graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    graph.node.append(
        helper.make_node(
            "If", ["yes"], ["output"], then_branch=branches[0], else_branch=branches[1]
        )
    )
    onnx.save(model, tmp_path / "branches.onnx")
    check(*finder(tmp_path / "branches.onnx"))


def test_a_network_that_our_opset_changes_is_refused(tmp_path, monkeypatch):
    from drivemeta.own import network

    monkeypatch.setattr(network, "_close", lambda found, expected: False)
    with pytest.raises(ModelFileError, match="cannot be brought to 18"):
        finder(yolox_file(tmp_path / "own.onnx"))
