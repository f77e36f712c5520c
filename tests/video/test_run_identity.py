"""What a run's results depend on: a file is known by what it is, however it is named."""

from drivemeta.video.options import Options
from drivemeta.video.run_identity import run_identity


def test_a_file_that_is_named_by_its_source_is_known_by_what_it_holds(tmp_path):
    model, clip = tmp_path / "model.onnx", tmp_path / "clip.bin"
    model.write_bytes(b"m")

    def place(source: str) -> str:
        return run_identity(model, source, Options(), ())["input"]

    clip.write_bytes(b"one")
    before = place(f"stack:{clip}"), place(str(clip))
    assert before[0] == f"stack:{before[1]}"
    clip.write_bytes(b"another")
    assert place(f"stack:{clip}") != before[0]
    assert [place(text) for text in ("camera:0", "rtsp://a/b")] == ["camera:0", "rtsp://a/b"]
