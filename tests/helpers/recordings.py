"""Recordings that a test writes."""

import base64
import json
from pathlib import Path

import cv2
import pytest


def write_mcap_stills(path: Path, images, fps: int = 10) -> Path:
    """Write an MCAP file of pictures as JSON; skips where nothing writes such."""
    writer = pytest.importorskip("mcap.writer", reason="needs the extra mcap")
    with path.open("wb") as file:
        made = writer.Writer(file)
        made.start()
        schema = made.register_schema("foxglove.CompressedImage", "jsonschema", b"{}")
        channel = made.register_channel("/front", "json", schema)
        for i, image in enumerate(images):
            data = cv2.imencode(".png", image)[1].tobytes()
            said = {"data": base64.b64encode(data).decode(), "format": "png"}
            time_ns = 10**18 + i * 10**9 // fps
            made.add_message(channel, time_ns, json.dumps(said).encode(), time_ns)
        made.finish()
    return path
