"""Running the server until it is interrupted."""

from __future__ import annotations

import secrets
import socket
import threading
import webbrowser

import uvicorn

from drivemeta.errors import InputError
from drivemeta.teach.access import LOOPBACK, Address
from drivemeta.teach.server import create_app
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
    teacher: Teacher, listener: socket.socket, address: Address, *, open_browser: bool
) -> None:
    """Serve the page until it is interrupted."""
    config = uvicorn.Config(
        create_app(teacher, address),
        log_level="warning",
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    if open_browser:
        threading.Timer(0.5, webbrowser.open, [address.url]).start()
    uvicorn.Server(config).run(sockets=[listener])
