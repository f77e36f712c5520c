"""Who may talk to the server: the page it served itself, on this machine or by its token."""

from __future__ import annotations

import hmac
import ipaddress
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY_BYTES = 1_000_000
COOKIE = "drivemeta_token"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Address:
    """Where the server listens, and what it asks for.

    Attributes:
        host: Name or address of this machine.
        port: Port.
        token: Word that every request must bring, empty on loopback.
    """

    host: str = "127.0.0.1"
    port: int = 8088
    token: str = ""

    @property
    def is_loopback(self) -> bool:
        """Whether it is reached from this machine alone."""
        return self.host in LOOPBACK

    @property
    def url(self) -> str:
        """Address of the page, with the token."""
        shown = socket.gethostname() if self.host in ("0.0.0.0", "::") else self.host
        host = f"[{shown}]" if ":" in shown else shown
        return f"http://{host}:{self.port}/" + (f"?token={self.token}" if self.token else "")

    def knows(self, netloc: str) -> bool:
        """Return whether a `Host` header, or the end of an `Origin`, names this server."""
        try:
            parts = urlsplit(f"//{netloc}")
            host, port = parts.hostname or "", parts.port or 80
        except ValueError:
            return False
        if port != self.port or parts.username is not None or parts.path:
            return False
        if self.is_loopback:
            return host in LOOPBACK
        return host in (self.host.lower(), socket.gethostname().lower()) or _is_address(host)


class Guard:
    """An application that lets through what may talk to another one.

    A request is refused whose `Host` is not this server, that comes from a page of another origin,
    that brings no token where one is asked for, or that is too large.

    Args:
        app: Application behind it.
        address: Where the server listens.
    """

    def __init__(self, app: ASGIApp, address: Address) -> None:
        self._app, self._address = app, address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"expected a request over HTTP, found {scope['type']}")
        headers = {key.decode("latin-1"): v.decode("latin-1") for key, v in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        body = await _body(receive)
        if body is None:
            await _refuse(send, 413, _too_large())
            return
        await self._app(scope, _again(body, receive), self._with_headers(scope, send))

    def _refusal(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str] | None:
        address, method = self._address, scope["method"]
        if not address.knows(headers.get("host", "")):
            return 421, f"expected a request for {address.host}:{address.port}, found another host"
        origin = headers.get("origin")
        foreign = origin is not None and not (
            origin.startswith("http://") and address.knows(origin.removeprefix("http://"))
        )
        site = headers.get("sec-fetch-site", "same-origin")
        opened = headers.get("sec-fetch-mode") == "navigate" and method == "GET"
        if foreign or (site not in ("same-origin", "none") and not opened):
            return 403, "expected a request of this very page, found one of another site"
        token = address.token.encode()
        if token and not hmac.compare_digest(_token(scope, headers), token):
            return 403, "expected the token: open the address that `drivemeta teach` printed"
        if method == "POST" and not headers.get("content-type", "").startswith("application/json"):
            return 415, "expected JSON"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MOST_BODY_BYTES:
            return 413, _too_large()
        return None

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        query = parse_qs(scope["query_string"].decode("latin-1"))

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                if self._address.token and "token" in query:
                    cookie = f"{COOKIE}={self._address.token}; HttpOnly; SameSite=Strict; Path=/"
                    headers.append((b"set-cookie", cookie.encode()))
                message = {**message, "headers": [*message["headers"], *headers]}
            await send(message)

        return sent


def _token(scope: Scope, headers: Mapping[str, str]) -> bytes:
    """Return the token of the address, or else of the cookie."""
    query = parse_qs(scope["query_string"].decode("latin-1"))
    if "token" in query:
        return bytes(query["token"][0], "utf-8")
    try:
        morsel: Any = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return b""
    return str(morsel.value).encode() if morsel else b""


async def _body(receive: Receive) -> bytes | None:
    """Return the body of a request, None of one that is too large."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
        if size > MOST_BODY_BYTES:
            return None
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read already, then whatever comes after it."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


async def _refuse(send: Send, status: int, words: str) -> None:
    body = json.dumps({"error": words}).encode()
    headers = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
    headers += [(b"content-type", b"application/json"), (b"connection", b"close")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _too_large() -> str:
    return f"expected at most {MOST_BODY_BYTES} bytes, found more: nothing is uploaded here"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
