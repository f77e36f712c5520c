import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivemeta.errors import InputError
from drivemeta.synthetic import Plan, Scene, render
from drivemeta.synthetic.light import WEATHERS
from drivemeta.synthetic.signs_and_lights import STATES

SMALL = (144, 256)
SUPERS = {"vehicle", "pedestrian", "cyclist", "traffic_light", "traffic_sign"}


def test_equal_seeds_give_equal_frames():
    first, again = (render(Scene(3, SMALL), 5) for _ in range(2))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.boxes, again.boxes)
    assert first.names == again.names
    assert np.array_equal(first.ids, again.ids)


def test_other_seeds_and_moments_give_other_frames():
    frame = render(Scene(3, SMALL), 5).image
    assert not np.array_equal(frame, render(Scene(4, SMALL), 5).image)
    assert not np.array_equal(frame, render(Scene(3, SMALL), 6).image)


def test_a_frame_does_not_depend_on_the_frames_before():
    scene = Scene(8, SMALL)
    for index in (0, 1, 2):
        render(scene, index)
    assert np.array_equal(render(scene, 30).image, render(Scene(8, SMALL), 30).image)


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    index=st.integers(0, 5000),
    size=st.tuples(st.integers(64, 200), st.integers(64, 260)),
)
def test_every_frame_is_well_formed(seed, index, size):
    frame = render(Scene(seed, size), index)
    n = len(frame)
    assert frame.image.shape == (*size, 3)
    assert frame.image.dtype == np.uint8
    assert frame.boxes.shape == (n, 4)
    assert frame.boxes.dtype == np.float32
    assert frame.ids.dtype == np.int64
    assert len(set(frame.ids.tolist())) == n == len(frame.leaves) == len(frame.visible)
    assert set(frame.names) <= SUPERS
    assert (frame.boxes >= 0).all()
    assert (frame.boxes[:, 2::2] <= size[1]).all()
    assert (frame.boxes[:, 1::2] <= size[0]).all()
    assert (frame.boxes[:, 2:] - frame.boxes[:, :2] >= 3).all()
    assert ((frame.visible > 0) & (frame.visible <= 1)).all()
    for name, leaf in zip(frame.names, frame.leaves, strict=True):
        assert (leaf in STATES) == (name == "traffic_light")
        assert leaf is None or name in ("traffic_light", "traffic_sign")


def test_identities_move_smoothly_and_keep_their_class():
    scene = Scene(12, SMALL, plan=Plan(weather="clear", kind="urban", speed_mps=9))
    before: dict[int, tuple[str, np.ndarray]] = {}
    followed = 0
    for index in range(12):
        frame = render(scene, index)
        now = {
            int(number): (name, box)
            for number, name, box in zip(frame.ids, frame.names, frame.boxes, strict=True)
        }
        for number in before.keys() & now.keys():
            assert before[number][0] == now[number][0]
            whole = (now[number][1][:2] > 1).all() and (now[number][1][2:] < SMALL[1] - 1).all()
            if whole and (now[number][1][2:] - now[number][1][:2]).max() < 25:
                assert np.abs(before[number][1] - now[number][1]).max() < 10
                followed += 1
        before = now
    assert followed > 30


def test_a_nearer_object_hides_the_one_behind():
    seen = [float(share) for seed in range(12) for share in render(Scene(seed, SMALL), 0).visible]
    assert min(seen) < 0.8
    assert max(seen) == pytest.approx(1.0)


@pytest.mark.parametrize("weather", WEATHERS)
def test_every_weather_shows_objects(weather):
    found = [
        render(Scene(seed, SMALL, plan=Plan(weather=weather, kind="urban")), 0).clear.sum()
        for seed in range(3)
    ]
    assert sum(found) >= 3


def test_signs_stand_out_from_their_surroundings():
    """The box of a stop sign fits it: it is red inside and not just outside."""
    inside, outside = [], []
    for seed in range(14):
        scene = Scene(seed, (360, 640), ("stop",), Plan(weather="cloudy", signs=3))
        frame = render(scene, 0)
        blue, green, red = np.moveaxis(frame.image.astype(int), 2, 0)
        spread = np.clip(red - np.maximum(blue, green), 0, None)
        for box, leaf, share in zip(frame.boxes, frame.leaves, frame.visible, strict=True):
            x0, y0, x1, y1 = box.round().astype(int)
            if leaf != "stop" or share < 0.95 or x1 - x0 < 10:
                continue
            inside.append(spread[y0:y1, x0:x1].mean())
            outside.append(spread[y0:y1, max(x0 - 5, 0) : x0 - 1].mean())
    assert len(inside) > 5
    assert np.mean(inside) > 25
    assert np.nanmedian(outside) < 8


def test_wrong_requests_are_refused():
    with pytest.raises(InputError, match="did you mean 'falling_rocks'"):
        Scene(0, pictograms=("faling_rocks",))
    with pytest.raises(InputError, match="known: clear"):
        Scene(0, plan=Plan(weather="zzz"))
    with pytest.raises(InputError, match="32 by 32"):
        Scene(0, size=(8, 640))
