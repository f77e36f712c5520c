"""The checks of a support set, its draws and its digest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drivemeta.adaptation.report.contact_sheet import write_contact_sheet
from drivemeta.data.support import SupportSet
from drivemeta.errors import AnnotationError, OutputError
from tests.helpers.annotated import coco, put, put_picture

Json = dict[str, Any]
N_IMAGES, N_PER_IMAGE = 6, 4


@pytest.fixture
def support_json(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for i in range(N_IMAGES):
        pixels = rng.integers(0, 255, (60, 80, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        images.append({"id": i, "file_name": f"{i}.png", "width": 80, "height": 60})
        annotations += [
            {
                "id": len(annotations) + j,
                "image_id": i,
                "category_id": j % 2,
                "bbox": [5 + 15 * j, 10, 12, 20],
            }
            for j in range(N_PER_IMAGE)
        ]
    categories = [{"id": 0, "name": "stop"}, {"id": 1, "name": "yield"}]
    path = tmp_path / "support.json"
    data = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(data))
    return path


def change(path: Path, edit: Callable[[Json], object]) -> None:
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))


def chosen(support: SupportSet) -> set[tuple[str, str]]:
    return {
        (image.path.name, image.entries[row])
        for image in support.images
        for row in np.flatnonzero(~image.ignore)
    }


def test_draws_are_nested_exact_and_repeatable(support_json: Path) -> None:
    support = SupportSet.from_coco(support_json)
    for seed in range(3):
        draws = [support.draw(shots, seed) for shots in (1, 3, 5)]
        for shots, draw in zip((1, 3, 5), draws, strict=True):
            assert draw.n_boxes == {"stop": shots, "yield": shots}
            assert all((~image.ignore).any() for image in draw.images)
        assert chosen(draws[0]) < chosen(draws[1]) < chosen(draws[2])
        assert chosen(support.draw(3, seed)) == chosen(draws[1])
    assert chosen(support.draw(3, 0)) != chosen(support.draw(3, 1))


def test_a_draw_does_not_hang_on_the_other_classes(support_json: Path) -> None:
    support = SupportSet.from_coco(support_json)
    alone = SupportSet(support.dataset.map_classes({"yield": "yield"}))
    both = {pair for pair in chosen(support.draw(2, 5)) if int(pair[1].split()[1]) % 2}
    assert chosen(alone.draw(2, 5)) == both


def test_too_many_shots(support_json: Path) -> None:
    with pytest.raises(AnnotationError, match=r"expected 13 boxes of class 'stop', found 12"):
        SupportSet.from_coco(support_json).draw(13, 0)


def test_the_digest_changes_with_boxes_pixels_and_names(support_json: Path) -> None:
    first = SupportSet.from_coco(support_json).digest
    assert SupportSet.from_coco(support_json).digest == first
    seen = {first}
    change(support_json, lambda d: d["annotations"][0].update(bbox=[5, 10, 12, 19]))
    seen.add(SupportSet.from_coco(support_json).digest)
    change(support_json, lambda d: d["categories"][0].update(name="halt"))
    seen.add(SupportSet.from_coco(support_json).digest)
    Image.new("RGB", (80, 60)).save(support_json.parent / "0.png")
    seen.add(SupportSet.from_coco(support_json).digest)
    assert len(seen) == 4


def test_boxes_are_clipped_by_rounding_only(support_json: Path) -> None:
    change(support_json, lambda d: d["annotations"][0].update(bbox=[-1, 10, 12, 51]))
    box = SupportSet.from_coco(support_json).images[0].boxes[0]
    np.testing.assert_allclose(box, [0, 10, 11, 60])


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            lambda d: d["annotations"][3].update(bbox=[70, 10, 20, 20]),
            ["annotation 3", "'yield'", "0.png", "outside the image of 80x60"],
        ),
        (
            lambda d: d["annotations"][3].update(bbox=[200, 10, 20, 20]),
            ["annotation 3", "outside"],
        ),
        (lambda d: d["annotations"][5].update(bbox=[7, 10, 0, 20]), ["annotation 5", "no area"]),
        (lambda d: d["annotations"][5].update(bbox=[7, 10, 1, 20]), ["annotation 5", "narrower"]),
        (lambda d: d["annotations"].clear(), ["no boxes"]),
        (lambda d: d["images"][0].update(width=90), ["0.png", "90x60", "80x60"]),
        (lambda d: d["images"][1].update(file_name="0.png"), ["0.png", "listed twice"]),
        (lambda d: d["images"][1].update(file_name="9.png"), ["image 1", "9.png", "missing"]),
        (lambda d: d["annotations"][0].update(category_id=8), ["annotation 0", "category_id 8"]),
    ],
)
def test_faults_name_the_file_and_the_entry(
    support_json: Path, edit: Callable[[Json], object], words: list[str]
) -> None:
    change(support_json, edit)
    with pytest.raises(AnnotationError) as raised:
        SupportSet.from_path(support_json)
    for word in ["support.json", *words]:
        assert word in str(raised.value)


@pytest.mark.parametrize("size", [0, 40, 700])
def test_an_image_cut_short(support_json: Path, size: int) -> None:
    image = support_json.parent / "2.png"
    image.write_bytes(image.read_bytes()[:size])
    with pytest.raises(AnnotationError, match=r"2\.png"):
        SupportSet.from_path(support_json)


def test_contact_sheet(support_json: Path, tmp_path: Path) -> None:
    support = SupportSet.from_coco(support_json).draw(5, 0)
    path = write_contact_sheet(support, tmp_path / "sheet.png", {"stop": "threshold 0.3"})
    with Image.open(path) as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 5 * 128
        assert sheet.height > 2 * 128
        assert len(sheet.getcolors(1 << 20) or []) > 100
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".sheet")]
    with pytest.raises(OutputError, match=r"cannot write .*sheet\.png"):
        write_contact_sheet(support, support_json / "sheet.png")


def test_shares_where_pixels_are_expected_are_called_so(tmp_path):
    put_picture(tmp_path / "a.png")
    path = put(tmp_path / "s.json", coco("a.png", box=(0.1, 0.2, 0.3, 0.4)))
    with pytest.raises(AnnotationError, match="expected pixels, found shares of the image"):
        SupportSet.from_coco(path)
