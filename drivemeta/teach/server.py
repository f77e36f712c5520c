"""The server of the page: JSON and pictures over HTTP, nothing from anywhere else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from drivemeta.errors import DriveMetaError, InputError
from drivemeta.teach.access import Address, Guard
from drivemeta.teach.clips import Clip, clip_with
from drivemeta.teach.project import StaleError
from drivemeta.teach.shown import jpeg, preview
from drivemeta.teach.state import Action

if TYPE_CHECKING:
    from drivemeta.teach.teacher import Teacher  # it loads torch, the first frame comes before

PAGE = Path(__file__).parent / "page"
FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "teach.css": ("teach.css", "text/css; charset=utf-8"),
    **{
        name: (name, "text/javascript; charset=utf-8")
        for name in ("teach.js", "canvas.js", "api.js", "lists.js", "keys.js", "timeline.js")
    },
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
WAIT_S, PAUSE_S = 20.0, 0.03
MOST_ACTIONS = 200
MOST_DIGITS = 15  # of a number in an address


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Step(_Body):
    revision: int


class _Follow(_Step):
    id: int


class _Act(_Step):
    actions: list[Action] = Field(min_length=1, max_length=MOST_ACTIONS)


class _Export(_Body):
    what: list[Annotated[str, Field(max_length=20)]] = Field(max_length=10)


@dataclass(frozen=True)
class TeachSession:
    """What the page is about: the clips at once, the rest as soon as it is there.

    Attributes:
        clips: Clips by name.
        project: Folder of the project.
        teacher: Function that waits for the teacher and returns it.
    """

    clips: Mapping[str, Clip]
    project: Path
    teacher: Callable[[], Teacher]


def create_app(session: TeachSession, address: Address) -> ASGIApp:
    """Return the application, behind its guard."""
    pages = Pages(session)
    routes = [
        Route("/", pages.file),
        Route("/{name}", pages.file),
        Route("/api/clips", pages.clips),
        Route("/api/state", pages.state),
        Route("/api/hits", pages.hits),
        Route("/api/frame/{clip}/{frame:int}", pages.frame),
        Route("/api/look/{clip}/{frame:int}", pages.look),
        Route("/api/crop/{clip}/{frame:int}", pages.crop),
        Route("/api/act", pages.act, methods=["POST"]),
        Route("/api/{step}", pages.step, methods=["POST"]),
        Route("/api/exported/{number:int}", pages.exported),
    ]
    said: Any = {
        HTTPException: _absent,
        ValidationError: _mistaken,
        DriveMetaError: _told,
        Exception: _failed,
    }
    return Guard(Starlette(routes=routes, exception_handlers=said), address)


class Pages:
    """What is answered to each address.

    Args:
        session: What they are about.
    """

    def __init__(self, session: TeachSession) -> None:
        self._session = session

    def file(self, request: Request) -> Response:
        """Return a file of the page."""
        name, kind = FILES.get(request.path_params.get("name", ""), ("", ""))
        if not name:
            return JSONResponse({"error": "there is no such page"}, 404)
        data = (PAGE / name).read_bytes()
        if name == FILES[""][0]:  # the slider has its length before any script runs
            last = next((clip.n_frames - 1 for clip in self._session.clips.values()), 0)
            data = data.replace(b'max="0"', f'max="{last}"'.encode())
        return Response(data, media_type=kind)

    def clips(self, request: Request) -> Response:  # noqa: ARG002
        """Return the clips, in the order in which they were given."""
        clips = self._session.clips.items()
        said = [{"name": name, "frames": clip.n_frames, "fps": clip.fps} for name, clip in clips]
        return JSONResponse({"clips": said, "project": str(self._session.project)})

    async def state(self, request: Request) -> Response:
        """Return what the page shows, as soon as it differs from what it has seen."""
        seen, teacher = _integer(request, "seen", 0), await self._ready()
        started = time.monotonic()
        while teacher.stamp == seen and time.monotonic() - started < WAIT_S:
            if await request.is_disconnected():
                break
            await asyncio.sleep(PAUSE_S)
        return JSONResponse(await run_in_threadpool(teacher.page))

    def hits(self, request: Request) -> Response:
        """Return the hits of a class."""
        return JSONResponse(self._session.teacher().hits(request.query_params.get("class", "")))

    def frame(self, request: Request) -> Response:
        """Return a frame as JPEG, or one that is quick to have where `near` is set."""
        clip, number = self._place(request)
        footage = clip_with(self._session.clips, clip, number)
        if _integer(request, "near", 0):
            number, image = footage.near(number)
        else:
            image = footage.frame(number)
        height, width = image.shape[:2]
        small = preview(image, max(_integer(request, "most", 4096), 16))
        where = {"x-frame": str(number), "x-size": f"{width}x{height}"}
        where["x-time"] = f"{footage.time_s(number):.3f}"
        return Response(jpeg(small), media_type="image/jpeg", headers=where)

    def look(self, request: Request) -> Response:
        """Return what there is in a frame."""
        return JSONResponse(self._session.teacher().look(*self._place(request)))

    def crop(self, request: Request) -> Response:
        """Return a box of a frame with its surroundings, as a small square JPEG."""
        clip, number = self._place(request)
        picture = jpeg(self._session.teacher().crop(clip, number, _box(request)))
        return Response(picture, media_type="image/jpeg")

    async def act(self, request: Request) -> Response:
        """Do what the user did."""
        asked = _Act.model_validate_json(await request.body())
        teacher = await self._ready()
        await run_in_threadpool(teacher.act, asked.actions, asked.revision)
        return JSONResponse(await run_in_threadpool(teacher.page))

    async def step(self, request: Request) -> Response:
        """Undo, redo, follow a box, or export."""
        body, teacher = await request.body(), await self._ready()
        steps: dict[str, Callable[[], None]] = {
            "undo": lambda: teacher.undo(_Step.model_validate_json(body).revision),
            "redo": lambda: teacher.redo(_Step.model_validate_json(body).revision),
            "follow": lambda: _followed(teacher, _Follow.model_validate_json(body)),
            "export": lambda: teacher.export(_Export.model_validate_json(body).what),
        }
        name = request.path_params["step"]
        if name not in steps:
            return JSONResponse({"error": f"there is no step {name!r}"}, 404)
        await run_in_threadpool(steps[name])
        return JSONResponse(await run_in_threadpool(teacher.page))

    def exported(self, request: Request) -> Response:
        """Return a file of the last export."""
        files, number = self._session.teacher().exported["files"], request.path_params["number"]
        if not number < len(files):
            return JSONResponse({"error": "there is no such file: export again"}, 404)
        path = Path(files[number])
        return FileResponse(path, filename=path.name, media_type="application/octet-stream")

    async def _ready(self) -> Teacher:
        return await run_in_threadpool(self._session.teacher)

    @staticmethod
    def _place(request: Request) -> tuple[str, int]:
        return request.path_params["clip"], request.path_params["frame"]


def _followed(teacher: Teacher, asked: _Follow) -> None:
    teacher.follow(asked.id, asked.revision)


def _integer(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isdecimal() or len(text) > MOST_DIGITS:
        raise InputError(f"{name}: expected a number, found {text[:40]!r}")
    return int(text)


def _box(request: Request) -> tuple[float, float, float, float]:
    text = request.query_params.get("box", "")
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"box: expected x1,y1,x2,y2, found {text[:80]!r}") from error
    return left, top, right, bottom


def _absent(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = f"{request.method} {request.url.path}: {error.detail}"
    return JSONResponse({"error": words}, error.status_code)


def _mistaken(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, ValidationError)
    mistake = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, mistake["loc"])) or "the request"
    return JSONResponse({"error": f"{where}: {mistake['msg']}"}, 400)


def _told(request: Request, error: Exception) -> Response:  # noqa: ARG001
    status = 409 if isinstance(error, StaleError) else 400 if isinstance(error, InputError) else 500
    return JSONResponse({"error": str(error)}, status)


def _failed(request: Request, error: Exception) -> Response:  # noqa: ARG001
    said = f"{type(error).__name__}: {error}; this is a fault of DriveMeta, nothing was changed"
    return JSONResponse({"error": said}, 500)
