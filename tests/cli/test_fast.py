"""`drivemeta process --fast` and `--precision`: what is chosen, and what is said of it."""

from pathlib import Path

import pytest

from drivemeta import shipped
from drivemeta.cli.common import Precision
from drivemeta.cli.fast import model_in_form
from drivemeta.errors import InputError
from drivemeta.runtime.model_file import read_model_file
from drivemeta.video.job import Job
from tests.helpers.cli import call


@pytest.fixture
def asked(monkeypatch):
    """Note what forms of a model are asked for."""
    made = []

    def in_form(model, precision, size=None):
        made.append((model, precision, size))
        return Path("made.onnx")

    monkeypatch.setattr(shipped, "in_form", in_form)
    return made


def test_a_model_stays_as_it_is_unless_something_is_asked(asked):
    assert model_in_form(Path("own.onnx"), None, fast=False) == Path("own.onnx")
    assert model_in_form(None, None, fast=False) is None
    assert not asked


def test_fast_is_int8_at_a_smaller_input_and_says_what_it_costs(asked, capsys):
    assert model_in_form(None, None, fast=True) == Path("made.onnx")
    assert asked == [(None, "int8", (384, 640))]
    said = " ".join(capsys.readouterr().err.split())
    for words in ("int8 at 384x640", "bytetrack", "AP50", "shakes"):
        assert words in said


def test_a_precision_alone_keeps_the_input_size(asked, capsys):
    model_in_form(Path("own.onnx"), Precision.fp16, fast=False)
    assert asked == [(Path("own.onnx"), "fp16", None)]
    assert not capsys.readouterr().err


def test_fast_in_another_precision_is_refused(asked):
    with pytest.raises(InputError, match="--fast is int8 at 384x640, found --precision fp16"):
        model_in_form(None, Precision.fp16, fast=True)
    assert not asked


@pytest.mark.parametrize(
    ("options", "tracker"),
    [((), "botsort"), (("--fast",), "bytetrack"), (("--fast", "--tracker", "none"), "none")],
)
def test_process_takes_the_tracker_that_suits(asked, monkeypatch, tmp_path, options, tracker):
    jobs = []

    def run(job, _):
        jobs.append(job)
        raise InputError("enough")

    monkeypatch.setattr(Job, "run", run)
    assert call("process", "synthetic", "--out", tmp_path / "run", *options) == 2
    assert jobs[0].options.tracker == tracker
    assert (jobs[0].model == Path("made.onnx")) == bool(options)


def test_a_form_is_made_once_and_kept(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "user_cache", lambda: tmp_path)
    made = shipped.in_form(tiny_model, "fp16")
    assert read_model_file(made).manifest.precision == "fp16"
    before = made.stat().st_mtime_ns
    assert shipped.in_form(tiny_model, "fp16") == made
    assert made.stat().st_mtime_ns == before
    assert shipped.in_form(made, "fp16") == made
    assert shipped.in_form(tiny_model, "fp32") == tiny_model
    with pytest.raises(InputError, match=r"is fp16 at .*give the fp32 model"):
        shipped.in_form(made, "int8")
