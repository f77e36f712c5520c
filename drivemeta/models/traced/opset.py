"""The version of ONNX that is written."""

from __future__ import annotations

OPSET = 18


IR_VERSION = 10
