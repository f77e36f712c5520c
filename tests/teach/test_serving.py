"""The server begins at once, and ends with what goes wrong."""

import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from drivemeta.errors import InputError, ModelFileError
from drivemeta.teach.serving import listen, serve
from tests.helpers.cli import call
from tests.helpers.videos import draw_frame, encode_video


def test_this_machine_needs_no_token_and_others_do():
    for host, asked in (("127.0.0.1", False), ("0.0.0.0", True)):
        listener, address = listen(host, 0)
        listener.close()
        assert bool(address.token) == asked
        assert ("?token=" in address.url) == asked
        assert address.port > 0


def test_a_port_that_is_taken_is_told():
    listener, address = listen("127.0.0.1", 0)
    with pytest.raises(InputError, match="another --port"):
        listen("127.0.0.1", address.port)
    listener.close()


def test_what_goes_wrong_at_the_beginning_ends_the_server(tmp_path):
    at, asked = listen("127.0.0.1", 0), threading.Event()

    def begin():
        asked.wait(20)
        raise ModelFileError("damaged")

    def ask():
        with urllib.request.urlopen(f"{at[1].url}api/clips", timeout=20) as answer:
            assert b"clips" in answer.read()  # before the beginning is over
        asked.set()

    asking = threading.Timer(0.2, ask)
    asking.start()
    started = time.monotonic()
    with pytest.raises(ModelFileError, match="damaged"):
        serve({}, tmp_path, begin, at, open_browser=False)
    asking.join()
    assert asked.is_set()
    assert time.monotonic() - started < 19


def test_the_page_is_served_before_torch_is_loaded():
    script = "import sys, drivemeta.teach.serving; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent.mp4"], "found nothing at"),
        ([], "drivemeta teach drive.mp4"),
        (["broken.mp4"], "damaged, cut off, or no video"),
    ],
)
def test_wrong_input_ends_the_command_with_2(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.mp4").write_text("no video")
    assert call("teach", *arguments, "--port", "0", "--no-browser") == 2
    assert words in capsys.readouterr().err


def test_a_learner_that_cannot_teach_ends_the_command_with_2(tmp_path, capsys):
    clip = encode_video(tmp_path / "a.mp4", [draw_frame(0, (120, 160))] * 3, fps=25)
    arguments = (str(clip), "--project", str(tmp_path / "signs"), "--learner", "maml")
    assert call("teach", *arguments, "--port", "0", "--no-browser") == 2
    assert "makes a branch of level 2" in " ".join(capsys.readouterr().err.split())
