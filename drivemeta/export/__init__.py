"""From the torch detector to one ONNX file that explains itself."""
