"""The networks as ONNX graphs, traced once and run by ONNX Runtime."""
