"""Ways to read a file, tried: the right one wins, and what cannot be told is not taken."""

import numpy as np
import pytest

from drivemeta.errors import InputError, ModelFileError
from drivemeta.own.candidates import candidates
from drivemeta.own.file import read_own
from drivemeta.own.trial import TrialFrame, try_all
from drivemeta.plugins import default_registry
from tests.helpers.own_detectors import streets, yolox_file

NAMES = ("car", "person")
GROUPS = np.array([0, 1])


def ways(path, **more):
    file = read_own(path)
    return file, candidates(file, NAMES, default_registry(), **more)


def unannotated():
    return [TrialFrame(image) for image, _ in streets()]


def annotated():
    return [TrialFrame(image, boxes, np.array([0, 1])) for image, boxes in streets()]


@pytest.mark.parametrize("decoded", [False, True])
@pytest.mark.parametrize("frames", [unannotated, annotated])
def test_the_right_boxes_win(tmp_path, decoded, frames):
    file, options = ways(yolox_file(tmp_path / "own.onnx", decoded=decoded))
    outcome = try_all(file, options, frames(), GROUPS)
    boxes = "decoded" if decoded else "raw"
    assert outcome.winner.way.choices == {"boxes": boxes, "input": "bgr 0..255"}
    assert len(outcome.tried) == 4
    figures = [tried.figure for tried in outcome.tried]
    assert figures[0] > 0.5 > 10 * figures[1]


def test_images_without_its_classes_decide_nothing(tmp_path):
    file, options = ways(yolox_file(tmp_path / "own.onnx"))
    grey = [TrialFrame(np.full((128, 160, 3), 100, np.uint8))]
    with pytest.raises(ModelFileError, match="no way to read it finds anything in 1 images"):
        try_all(file, options, grey, GROUPS)


def test_two_ways_that_do_equally_well_are_told_apart_by_the_user(tmp_path):
    file, options = ways(yolox_file(tmp_path / "own.onnx"))
    bgr = [c for c in options if c.way.choices == {"boxes": "raw", "input": "bgr 0..255"}]
    frame = bgr[0].way.frame
    swapped = type(bgr[0])(
        bgr[0].name,
        bgr[0].layout,
        type(bgr[0].way)(
            bgr[0].way.why,
            type(frame)(frame.size, frame.fit, "rgb", frame.mean, frame.deviation),
            2,
            choices={"boxes": "raw", "input": "rgb 0..255"},
        ),
        *(bgr[0].names, bgr[0].slots, False),
    )
    # swapped channels give the same boxes with the other class
    with pytest.raises(ModelFileError, match="decide by --choose input="):
        try_all(file, [*bgr, swapped], unannotated(), GROUPS)
    won = try_all(file, [swapped, *bgr], annotated(), GROUPS).winner
    assert won.way.choices["input"] == "bgr 0..255"


def test_a_choice_of_the_user_stands(tmp_path):
    path = yolox_file(tmp_path / "own.onnx")
    _, options = ways(path, choose={"boxes": "decoded"})
    assert {c.way.choices["boxes"] for c in options} == {"decoded"}
    with pytest.raises(InputError, match="did you mean 'boxes'"):
        ways(path, choose={"boxs": "raw"})
    with pytest.raises(InputError, match="no such value 'rw'"):
        ways(path, choose={"boxes": "rw"})


def test_scores_that_are_no_probabilities_contradict_the_layout(tmp_path):
    import onnx

    model = onnx.load(yolox_file(tmp_path / "own.onnx"))
    sigmoid = next(node for node in model.graph.node if node.op_type == "Sigmoid")
    sigmoid.op_type = "Identity"
    onnx.save(model, tmp_path / "logits.onnx")
    file, options = ways(tmp_path / "logits.onnx")
    with pytest.raises(ModelFileError, match="expected scores in 0 to 1, found"):
        try_all(file, options, unannotated(), GROUPS)
