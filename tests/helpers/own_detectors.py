"""Small detectors of other people's layouts: outputs with known boxes, and files that find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from drivemeta.export.graph.builder import GraphBuilder
from drivemeta.plugins import default_registry

SIZE = (128, 160)


def layout(name):
    """Return a built-in layout plugin."""
    return default_registry().create("layout", name)


def by_graph(plugin, way, outputs):
    """Return boxes and scores of one frame as the graph of a layout's decoding gives them."""
    import onnxruntime as ort

    g = GraphBuilder()
    found = plugin.decode(g, way, {name: f"in:{name}" for name in outputs})
    inputs = [
        helper.make_tensor_value_info(
            f"in:{name}", helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in outputs.items()
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in found]
    model = helper.make_model(
        g.graph("decoding", inputs, values), opset_imports=[helper.make_opsetid("", 18)]
    )
    model.ir_version = 10
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    boxes, scores = session.run(None, {f"in:{name}": array for name, array in outputs.items()})
    return boxes[0], scores[0]


def yolox_file(path: Path, *, decoded=False, rgb=False, opset=11, names=("car", "person")):
    """Write a YOLOX that finds blue squares of 32 pixels as its first class, red ones as its last.

    It takes BGR in 0..255, or RGB if `rgb`; boxes are raw unless `decoded`.
    """
    height, width = SIZE
    nodes, weights = [], []

    def add(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def const(name, array):
        weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    pooled = add(
        "AveragePool", ["images"], "pooled", kernel_shape=[32, 32], strides=[8, 8], pads=[12] * 4
    )
    blue = np.array([1, 0, -1], np.float32) / 255
    mix = np.zeros((3 + len(names), 3, 1, 1), np.float32)
    colours = blue[::-1] if rgb else blue
    mix[0, :, 0, 0] = np.abs(colours)  # objectness follows either colour
    mix[1, :, 0, 0], mix[len(names), :, 0, 0] = colours, -colours
    maps = add("Conv", [pooled, const("mix", 20 * mix[: 1 + len(names)])], "maps")
    biased = add("Add", [maps, const("bias", np.float32(-12))], "biased")
    probabilities = add("Sigmoid", [biased], "probabilities")
    flat = add(
        "Reshape", [probabilities, const("flat_shape", np.array([1, 1 + len(names), -1]))], "flat"
    )
    fine = add("Transpose", [flat], "fine", perm=[0, 2, 1])
    counts = [(height // s) * (width // s) for s in (8, 16, 32)]
    rest = const("rest", np.zeros((1, sum(counts[1:]), 1 + len(names)), np.float32))
    scores = add("Concat", [fine, rest], "scores", axis=1)
    boxes = np.zeros((1, sum(counts), 4), np.float32)
    boxes[..., :2] = 0.5
    boxes[..., 2:] = np.log(4)
    if decoded:
        ys, xs = np.mgrid[: height // 8, : width // 8]
        boxes[0, : counts[0], 0], boxes[0, : counts[0], 1] = xs.ravel() * 8 + 4, ys.ravel() * 8 + 4
        boxes[..., 2:] = 32
    add("Concat", [const("places", boxes), scores], "output", axis=2)
    shape = [1, sum(counts), 5 + len(names)]
    graph = helper.make_graph(
        nodes,
        "yolox",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, *SIZE])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
    onnx.save(model, path)
    return path


def streets(n=4, size=(128, 160), seed=0):
    """Return grey frames with one blue and one red square each, and their (2, 4) boxes."""
    rng, frames = np.random.default_rng(seed), []
    for _ in range(n):
        image = rng.integers(95, 105, (*size, 3), dtype=np.uint8)
        x, y = rng.integers(4, 36), rng.integers(4, size[0] - 68)
        boxes = np.array([[x, y, x + 32, y + 32], [x + 70, y + 20, x + 102, y + 52]], np.float32)
        for (x1, y1, x2, y2), colour in zip(
            boxes.astype(int), ((255, 0, 0), (0, 0, 255)), strict=True
        ):
            image[y1:y2, x1:x2] = colour
        frames.append((image, boxes))
    return frames


def save_streets(folder: Path, n=4):
    """Write the frames as pictures, and their boxes as COCO; return the annotation file."""
    import json

    import cv2

    folder.mkdir(parents=True, exist_ok=True)
    images, boxes = [], []
    for i, (image, places) in enumerate(streets(n)):
        cv2.imwrite(str(folder / f"{i}.png"), image)
        images.append({"id": i, "file_name": f"{i}.png", "height": 128, "width": 160})
        for label, (x1, y1, x2, y2) in enumerate(places.tolist()):
            box = [x1, y1, x2 - x1, y2 - y1]
            boxes.append(
                {"id": len(boxes), "image_id": i, "category_id": label, "bbox": box, "iscrowd": 0}
            )
    categories = [{"id": 0, "name": "car"}, {"id": 1, "name": "person"}]
    path = folder.with_suffix(".json")
    path.write_text(json.dumps({"images": images, "annotations": boxes, "categories": categories}))
    return path
