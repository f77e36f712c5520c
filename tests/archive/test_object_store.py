"""An archive in an object store: the same rows, and its errors are told."""

import threading

import fsspec
import pytest

from drivemeta.archive.storage import Storage
from drivemeta.archive.store import open_archive
from drivemeta.archive.upkeep import compact, verify
from drivemeta.errors import InputError, OutputError
from tests.helpers.archives import content_of

moto = pytest.importorskip("moto.server", reason="needs moto")
pytest.importorskip("s3fs", reason="needs the extra s3")
werkzeug = pytest.importorskip("werkzeug.serving", reason="needs moto's server")


class _Store:
    """Moto behind a door that can be shut to some requests."""

    def __init__(self):
        self.refused = None
        self._app = moto.DomainDispatcherApplication(moto.create_backend_app)
        self._server = werkzeug.make_server("127.0.0.1", 0, self, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __call__(self, environ, start_response):
        if self.refused and self.refused(environ["REQUEST_METHOD"], environ["PATH_INFO"]):
            start_response("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"]
        return self._app(environ, start_response)

    def close(self):
        self._server.shutdown()


@pytest.fixture
def store(monkeypatch):
    made = _Store()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": made.url,
    }.items():
        monkeypatch.setenv(name, value)
    kind = fsspec.get_filesystem_class("s3")
    kind.clear_instance_cache()
    fs = fsspec.filesystem("s3")
    if fs.exists("fleet"):  # moto's buckets outlive its servers
        fs.rm("fleet", recursive=True)
    fs.mkdir("fleet")
    yield made
    kind.clear_instance_cache()
    made.close()


def test_the_same_rows_as_in_a_folder(store, make_archive, archive_of_clips, clips):
    fs = fsspec.filesystem("s3")
    for name in ("long.mp4", "short.mp4"):
        fs.put(str(clips / name), f"fleet/rain/{name}")
    archive, report = make_archive("s3://fleet/archive", "s3://fleet/rain/*.mp4")
    assert not report.problems
    rows, expected = (
        content_of(each).drop_columns(["video"]) for each in (archive, archive_of_clips)
    )
    assert rows.equals(expected)
    _, report = make_archive("s3://fleet/archive", "s3://fleet/rain")
    assert (report.n_done, report.n_there) == (0, 5)
    assert compact(archive) == (5, 2)
    assert verify(archive).is_sound


def test_errors_of_the_store_are_told(store, make_archive, clips):
    archive, _ = make_archive("s3://fleet/archive", clips / "short.mp4")
    before = content_of(archive)
    store.refused = lambda method, path: method == "PUT" and "/boxes/" in path
    _, report = make_archive("s3://fleet/archive", clips / "long.mp4")
    (problem,) = report.problems[str(clips / "long.mp4")]
    assert "cannot write fleet/archive/boxes/long" in problem
    assert report.n_done == 0
    store.refused = lambda method, path: method == "GET" and path.endswith(".parquet")
    found = verify(archive)
    assert len(found.damaged) == 1
    assert "cannot read" in found.damaged[0].reason
    store.refused = lambda method, path: True
    with pytest.raises(InputError, match="cannot read"):
        open_archive("s3://fleet/archive")
    with pytest.raises(OutputError, match="cannot write"):
        Storage("s3://fleet/archive").write("fleet/archive/x", b"x")
    store.refused = None
    assert content_of(archive).equals(before)
