"""Frames and requests for tests of `drivemeta teach`."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import numpy as np

SIZE = (120, 160)


def facts(clip: str, frame: int) -> dict:
    """Return what an annotation file says of a frame of 120 x 160 pixels."""
    return {"file_name": f"frames/{clip}_{frame:06d}.png", "height": SIZE[0], "width": SIZE[1]}


def paint_frames(folder, state) -> None:
    """Write the picture of each frame that has a box, each another."""
    import cv2

    for number, (clip, frame) in enumerate(sorted({(b.clip, b.frame) for b in state.boxes})):
        path = folder / facts(clip, frame)["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 255, (*SIZE, 3), np.uint8)
        cv2.imwrite(str(path), noise)


@dataclass
class Answer:
    """An answer of the server: its status, headers and body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        """The body as JSON values."""
        return json.loads(self.body)


def ask(app, path: str, *, host="127.0.0.1:8088", body=None, headers=()) -> Answer:
    """Send one request to an ASGI application, a GET unless it has a body; return the answer."""
    return asyncio.run(_ask(app, path, host, body, headers))


async def _ask(app, path, host, body, headers):
    where, _, query = path.partition("?")
    said = [("host", host), *headers]
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    if body is not None and not any(key == "content-type" for key, _ in said):
        said.append(("content-type", "application/json"))
    scope = {
        "type": "http",
        "method": "GET" if body is None else "POST",
        "path": where,
        "raw_path": where.encode(),
        "query_string": query.encode(),
        "headers": [(key.encode(), value.encode()) for key, value in said],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 8088),
        "client": ("127.0.0.1", 5),
    }
    sent, given = [], False

    async def receive():
        nonlocal given
        if given:
            await asyncio.sleep(60)
        given = True
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    found = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], found, b"".join(m.get("body", b"") for m in sent[1:]))
