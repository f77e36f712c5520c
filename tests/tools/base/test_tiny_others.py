"""The classes of Tiny ImageNet that are no kinds of things, from a snapshot made here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivemeta.training.base.thing_crops import read_kinds
from tools.base import tiny_others


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """The git directory of a repository with two classes of two pictures."""
    root = tmp_path / "repo"
    top = root / "tiny-imagenet-200"
    for number in ("n1", "n2"):
        images = top / "train" / number / "images"
        images.mkdir(parents=True)
        lines = []
        for i in range(2):
            picture = np.full((64, 64, 3), 50 * i, np.uint8)
            cv2.imwrite(str(images / f"{number}_{i}.JPEG"), picture)
            lines.append(f"{number}_{i}.JPEG\t1\t2\t60\t50\n")
        (top / "train" / number / f"{number}_boxes.txt").write_text("".join(lines))
    (top / "words.txt").write_text("n1\tgoose\nn2\tpizza, pizza pie\nn3\telsewhere\n")
    author = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(root), *command], check=True)
    return root / ".git"


def test_unknown_classes_are_written_as_a_list_of_kinds(
    snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, out = tmp_path / "known", tmp_path / "out"
    known.mkdir()
    (known / "manifest.csv").write_text("path,label\na.jpg,n1\n")
    arguments = ["--known", str(known), "--per-class", "1", "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["tiny_others", str(snapshot), *arguments])
    tiny_others.main()
    (thing,) = read_kinds(out, bool)
    assert (thing.name, thing.group) == ("pizza", "n2_0")
    assert thing.box.tolist() == [1, 2, 60, 50]
    assert thing.image.shape == (64, 64, 3)
