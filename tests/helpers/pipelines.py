"""Pipelines for tests."""

from drivemeta.plugins import default_registry
from drivemeta.video.builder import build_pipeline, run_context
from drivemeta.video.opening import detector_for
from drivemeta.video.options import Options
from drivemeta.video.pipeline import Pipeline


def pipeline_of(model, **options) -> Pipeline:
    """Return a model's pipeline of the built-in plugins."""
    how = Options(**options)
    detector, how = detector_for(model, how, live=False)
    return build_pipeline(detector, how, run_context(detector, how), default_registry())
