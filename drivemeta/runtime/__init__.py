"""Running exported detectors on ONNX Runtime; never imports torch."""

from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.manifest import Manifest
from drivemeta.shipped import load_model

__all__ = ["Manifest", "OnnxDetector", "load_model"]
