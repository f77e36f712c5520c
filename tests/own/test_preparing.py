import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from drivemeta.export.graph.builder import GraphBuilder
from drivemeta.own.preparing import add_preparation, prepare_frame
from drivemeta.plugins.layout.way import BYTES, IMAGENET, Preparation

RULES = [
    Preparation((64, 96), fit, channels, *statistics)
    for fit, channels, statistics in (
        ("stretch", "rgb", IMAGENET),
        ("top-left", "bgr", BYTES),
        ("centred", "rgb", IMAGENET),
        ("centred", "bgr", BYTES),
    )
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.fit} {rule.channels}")
@pytest.mark.parametrize("size", [(120, 90), (50, 133), (64, 96)])
def test_the_graph_prepares_as_numpy_does(rule, size):
    g = GraphBuilder()
    prepared = add_preparation(g, "x", rule)
    names = [prepared.images, prepared.scale, prepared.offset]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "H", "W"])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    model = helper.make_model(
        g.graph("g", [x], outputs), opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    )
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    planes = frame[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)
    images, scale, offset = session.run(None, {"x": np.concatenate([planes, planes])})
    expected = prepare_frame(frame, rule)
    np.testing.assert_allclose(images[:1], expected.image, atol=2e-2)
    np.testing.assert_allclose(images[1:], images[:1])
    np.testing.assert_allclose(scale, expected.scale, rtol=1e-6)
    np.testing.assert_allclose(offset, expected.offset)


def test_a_centred_frame_lies_in_the_middle():
    frame = np.full((50, 100, 3), 200, np.uint8)
    prepared = prepare_frame(frame, Preparation((96, 96), "centred", "rgb", *BYTES))
    assert prepared.offset.tolist() == [0, 24, 0, 24]
    assert (prepared.image[0, :, 24:72] == 200).all()
    assert (prepared.image[0, :, :24] == 114).all()
    np.testing.assert_allclose(
        prepared.to_frame(np.array([[0, 24, 96, 72]], np.float32)), [[0, 0, 100, 50]], rtol=1e-6
    )
