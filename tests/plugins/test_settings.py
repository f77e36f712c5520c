"""Parameters of plugins as text."""

from pathlib import Path

import pytest

from drivemeta.core.run import NO_RUN, RunContext
from drivemeta.errors import InputError
from drivemeta.plugins import default_registry
from drivemeta.plugins.scheduler.protocol import SchedulerState
from drivemeta.plugins.settings import check_settings, create_with, parse_settings
from drivemeta.video.opening import open_source
from drivemeta.video.options import Options


def test_text_is_converted_to_the_parameter_s_type(tmp_path):
    settings = parse_settings(["mp4.segment_s=2.5", "mp4.name=a=b.mp4"])
    sink = create_with(default_registry(), "sink", "mp4", settings, RunContext(tmp_path))
    assert sink._segment_s == 2.5
    assert sink._path == tmp_path / "a=b.mp4"


@pytest.mark.parametrize("text", ["mp4", "mp4.encoder", "encoder=h264", ".a=b", "mp4.=b"])
def test_what_is_no_setting_is_refused(text):
    with pytest.raises(InputError, match="expected PLUGIN"):
        parse_settings([text])


def test_a_wrong_value_or_name_is_told():
    for settings in ({"bytetrack": {"lost_frames": "many"}}, {"bytetrack": {"lost": "3"}}):
        with pytest.raises(InputError, match="bytetrack"):
            create_with(default_registry(), "tracker", "bytetrack", settings, NO_RUN)


def test_what_the_run_gives_is_given_by_name_and_cannot_be_set():
    registry, context = default_registry(), RunContext(every=3)
    fixed = create_with(registry, "scheduler", "fixed", {}, context)
    modes = [fixed.act(SchedulerState(i, i / 10)).mode for i in range(4)]
    assert modes == ["full", "skip", "skip", "full"]
    assert create_with(registry, "tracker", "none", {}, context)  # has no such parameter
    with pytest.raises(InputError, match=r"fixed.context is given by the run"):
        create_with(registry, "scheduler", "fixed", {"fixed": {"context": "x"}}, context)


def test_settings_of_what_is_not_used_are_refused():
    check_settings({"mp4": {}}, ["mp4", "jsonl"])
    with pytest.raises(InputError, match="did you mean 'mp4'"):
        check_settings({"mp3": {}}, ["mp4", "jsonl"])


def test_the_synthetic_source_by_name():
    settings = parse_settings(
        ["synthetic.n_frames=3", "synthetic.height=96", "synthetic.width=128"]
    )
    source = open_source("synthetic:7", settings=settings)
    assert source.info().name == "synthetic-7"
    assert [frame.size for frame in source] == [(96, 128)] * 3


def test_options_are_equal_by_their_settings():
    assert Options(settings={"a": {"b": 1}}) == Options(settings={"a": {"b": 1}})
    assert Options(settings={"a": {"b": Path("x")}}) != Options()
