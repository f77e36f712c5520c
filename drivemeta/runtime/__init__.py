"""Running exported detectors on ONNX Runtime; never imports torch."""

from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.manifest import Manifest

__all__ = ["Manifest", "OnnxDetector"]
