"""Who may talk to the server, and who may not."""

import asyncio

import pytest
from starlette.responses import PlainTextResponse

from drivemeta.teach.access import Address, Guard
from tests.helpers.teach import ask

LOOPBACK = Address(port=8088)
SHARED = Address("10.0.0.7", 8088, "secret")


async def hello(scope, receive, send):
    message = await receive()
    await PlainTextResponse(message["body"] or b"hello")(scope, receive, send)


def status(path="/", address=LOOPBACK, **more):
    return ask(Guard(hello, address), path, **more).status


@pytest.mark.parametrize("host", ["127.0.0.1:8088", "localhost:8088", "[::1]:8088"])
def test_this_machine_is_let_through(host):
    assert status(host=host) == 200
    assert status(host=host, headers=[("origin", f"http://{host}")]) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:8088", "127.0.0.1:80", "127.0.0.1", "", "127.0.0.1:8088@evil.example", "a:b:c"],
)
def test_another_host_is_refused(host):
    assert status(host=host) == 421


@pytest.mark.parametrize(
    "header",
    [
        ("origin", "http://evil.example"),
        ("origin", "http://127.0.0.1:9999"),
        ("origin", "https://127.0.0.1:8088"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ],
)
def test_pages_of_other_sites_are_refused(header):
    assert status(headers=[header]) == 403
    assert status(headers=[header], body={}) == 403


def test_a_link_from_elsewhere_opens_the_page_and_does_nothing():
    link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]
    assert status(headers=link) == 200
    assert status(headers=link, body={}) == 403


def test_forms_are_no_json():
    form = [("content-type", "application/x-www-form-urlencoded")]
    assert status(body=b"a=b", headers=form) == 415
    assert status(body=b"{}", headers=[("content-type", "text/plain")]) == 415


def test_other_machines_bring_the_token():
    def asked(path, *headers):
        return status(path, SHARED, host="10.0.0.7:8088", headers=headers)

    assert asked("/") == 403
    assert asked("/?token=wrong") == 403
    assert asked("/?token=secret") == 200
    assert asked("/api/state", ("cookie", "drivemeta_token=secret")) == 200
    assert asked("/api/state", ("cookie", "drivemeta_token=wrong")) == 403
    assert asked("/api/state", ("cookie", "\x7f=;drivemeta_token")) == 403


def test_the_token_becomes_a_cookie_of_this_site_alone():
    found = ask(Guard(hello, SHARED), "/?token=secret", host="10.0.0.7:8088").headers["set-cookie"]
    assert "HttpOnly" in found
    assert "SameSite=Strict" in found


def test_a_large_body_is_refused_before_it_is_read():
    headers = [("content-length", str(2 * 1024**3))]
    found = ask(Guard(hello, LOOPBACK), "/", body=b"", headers=headers)
    assert found.status == 413
    assert "nothing is uploaded" in found.json["error"]


def test_a_large_body_that_hides_its_length_is_refused():
    read, sent = [], []

    async def receive():
        read.append(1)
        return {"type": "http.request", "body": bytes(400_000), "more_body": True}

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"127.0.0.1:8088"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "headers": headers, "query_string": b""}
    asyncio.run(Guard(hello, LOOPBACK)(scope, receive, send))
    assert sent[0]["status"] == 413
    assert len(read) == 3


def test_the_page_may_load_nothing_from_elsewhere():
    headers = ask(Guard(hello, LOOPBACK), "/").headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_a_body_reaches_the_application():
    assert ask(Guard(hello, LOOPBACK), "/", body={"a": 1}).json == {"a": 1}
