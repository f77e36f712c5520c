"""Pictures in files: upright whatever the format and its EXIF."""

import os

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from drivemeta.core.pictures import PictureHeader, read_header, read_picture, set_upright


def colours() -> np.ndarray:
    """Return a (24, 40, 3) RGB picture whose corners differ."""
    pixels = np.zeros((24, 40, 3), np.uint8)
    pixels[:8, :8], pixels[:8, -8:], pixels[-8:, :8] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return pixels


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_and_size_are_upright(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    stored = Image.fromarray(colours())
    options = {"lossless": True} if suffix == ".webp" else {}
    stored.save(tmp_path / f"a{suffix}", exif=exif, **options)
    stored.save(tmp_path / "plain.png", exif=exif)
    with Image.open(tmp_path / "plain.png") as opened:
        upright = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    header = read_header(tmp_path / f"a{suffix}")
    found = read_picture(tmp_path / f"a{suffix}")
    assert header == PictureHeader((24, 40), orientation)
    assert found is not None
    assert found.shape[:2] == header.size == upright.shape[:2]
    assert np.abs(found[..., ::-1].astype(int) - upright).mean() < (8 if suffix == ".jpg" else 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_turn_with_their_picture(orientation):
    stored = np.zeros((20, 30), np.uint8)
    stored[3:8, 10:22] = 255
    exif = Image.Exif()
    exif[274] = orientation
    picture = Image.fromarray(stored)
    picture.getexif()[274] = orientation
    turned = np.asarray(ImageOps.exif_transpose(picture))
    (box,) = set_upright(
        np.array([[10, 3, 22, 8]], np.float32), PictureHeader((20, 30), orientation)
    )
    ys, xs = np.nonzero(turned)
    assert box.tolist() == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]


def test_deep_tiff_is_read_by_its_upper_bits(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    values = np.full((6, 9), 0x8000, np.uint16)
    Image.fromarray(values).save(tmp_path / "a.tif", exif=exif)
    found = read_picture(tmp_path / "a.tif")
    assert found is not None
    assert found.shape == (9, 6, 3)
    assert (found == 0x80).all()


def test_what_is_no_picture(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"II*\x00nothing")
    (tmp_path / "a.png").write_bytes(b"nothing")
    for name in ("a.tif", "a.png", "absent.jpg"):
        assert read_picture(tmp_path / name) is None
        with pytest.raises(ValueError, match=r"\S"):
            read_header(tmp_path / name)


def test_a_picture_of_any_name_is_read_and_none_is_none(tmp_path):
    """OpenCV crashes where it opens a file whose name is no text."""
    path = tmp_path / os.fsdecode(b"x\xff.png")
    Image.fromarray(colours()).save(path, "PNG")
    assert (read_picture(path)[..., ::-1] == colours()).all()
    path.write_bytes(b"")
    assert read_picture(path) is None
    assert read_picture(tmp_path / "absent.png") is None


@pytest.mark.parametrize("suffix", [".png", ".webp", ".jpg"])
def test_xmp_turns_no_picture(tmp_path, suffix):
    told = '<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="6"></x:xmpmeta>'
    options = {"xmp": told.encode()}
    if suffix == ".png":
        chunk = PngInfo()
        chunk.add_itxt("XML:com.adobe.xmp", told)
        options = {"pnginfo": chunk}
    Image.fromarray(colours()).save(tmp_path / f"a{suffix}", **options)
    found = read_picture(tmp_path / f"a{suffix}")
    assert found is not None
    assert read_header(tmp_path / f"a{suffix}").size == found.shape[:2] == (24, 40)


@pytest.mark.parametrize("part", [0.6, 0.99])
@pytest.mark.parametrize("suffix", [".png", ".webp", ".jpg"])
def test_a_picture_that_is_cut_off_is_not_half_read(tmp_path, suffix, part):
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    assert read_picture(path) is None
