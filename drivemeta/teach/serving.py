"""Running the server until it is interrupted."""

from __future__ import annotations

import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from drivemeta.errors import InputError
from drivemeta.teach.access import LOOPBACK, Address
from drivemeta.teach.clips import Clip
from drivemeta.teach.server import TeachSession, create_app

if TYPE_CHECKING:
    from drivemeta.teach.teacher import Teacher

TOKEN_BYTES = 18


def listen(host: str, port: int) -> tuple[socket.socket, Address]:
    """Listen on an address, and make the token that any but loopback asks for.

    Args:
        host: Name or address of this machine.
        port: Port; 0 for a free one.

    Raises:
        InputError: the address is none of this machine's, or taken.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; is another page running "
            "there? Give another --port, or 0 for a free one"
        ) from error
    token = "" if host in LOOPBACK else secrets.token_urlsafe(TOKEN_BYTES)
    return listener, Address(host, listener.getsockname()[1], token)


def serve(
    clips: Mapping[str, Clip],
    project: Path,
    begin: Callable[[], Teacher],
    at: tuple[socket.socket, Address],
    *,
    open_browser: bool,
) -> None:
    """Serve the page until it is interrupted: the frames at once, the rest once it has begun.

    Args:
        clips: Clips by name.
        project: Folder of the project.
        begin: Function that returns the teacher; what it raises ends the server, and is raised.
        at: What `listen` returned.
        open_browser: Whether to open the page.
    """
    listener, address = at
    teacher: Future[Teacher] = Future()
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(TeachSession(clips, project, teacher.result), address),
            log_level="warning",
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
    )

    def beginning() -> None:
        try:
            teacher.set_result(begin())
        except BaseException as error:  # noqa: BLE001  (raised again below)
            teacher.set_exception(error)
            server.should_exit = True

    threading.Thread(target=beginning, name="beginning", daemon=True).start()
    if open_browser:
        threading.Timer(0.5, webbrowser.open, [address.url]).start()
    with suppress(KeyboardInterrupt):  # as it was asked for
        server.run(sockets=[listener])
    teacher.result().close()
