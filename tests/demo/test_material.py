import pytest

from drivemeta.data.support import SupportSet
from drivemeta.demo.material import N_FRAMES, SUPPORT_SIDES_PX, find_clip, write_support
from drivemeta.errors import InputError
from drivemeta.synthetic import DEMO_PICTOGRAMS
from drivemeta.synthetic.signs_and_lights import Sign

SIZE = (360, 640)


@pytest.mark.slow
def test_the_support_set_has_one_box_a_frame(tmp_path):
    support = SupportSet.from_coco(write_support(tmp_path, "quay", 0, SIZE))
    assert support.classes == ("quay",)
    assert support.n_boxes == {"quay": len(SUPPORT_SIDES_PX)}
    widths = [
        float(box[2] - box[0]) for image in support.images for box in image.boxes[~image.ignore]
    ]
    assert widths == pytest.approx(SUPPORT_SIDES_PX, rel=0.25)


@pytest.mark.parametrize("name", DEMO_PICTOGRAMS)
def test_the_clip_passes_signs_of_the_class(name):
    scene = find_clip(name, 0, SIZE)
    way = scene.travelled_m(N_FRAMES)
    passed = [
        prop
        for prop in scene.props(way / 2)
        if isinstance(prop.thing, Sign) and prop.thing.name == name and 0 < prop.along_m < way
    ]
    assert len(passed) >= 3


def test_an_unknown_sign_is_refused(tmp_path):
    with pytest.raises(InputError, match="unknown sign class"):
        write_support(tmp_path, "dragons", 0, SIZE)
