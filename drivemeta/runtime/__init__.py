"""Running exported detectors on ONNX Runtime; never imports torch."""
