"""Running exported detectors on ONNX Runtime; never imports torch."""

from drivemeta.runtime.detector import OnnxDetector, load_model
from drivemeta.runtime.manifest import Manifest

__all__ = ["Manifest", "OnnxDetector", "load_model"]
