"""The graph of the ONNX file, in the order of its parts."""
