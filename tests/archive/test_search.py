"""What a search finds is what the model finds; conditions, choices, and what is written."""

import csv
import json
from itertools import groupby

import numpy as np
import pyarrow.parquet as pq
import pytest

from drivemeta.adaptation.adapt import adapt
from drivemeta.archive.asking import scorer_of_bank, scorer_of_model
from drivemeta.archive.choosing import by_doubt
from drivemeta.archive.matching import Where, matches
from drivemeta.archive.results import Wish, write_results
from drivemeta.archive.search import Query, search
from drivemeta.core import Detections
from drivemeta.core.things import is_thing
from drivemeta.data.support import SupportSet
from drivemeta.errors import InputError
from drivemeta.export.restore import restore
from drivemeta.plugins.registry import default_registry
from drivemeta.runtime.detector import OnnxDetector
from drivemeta.runtime.model_file import read_model_file
from drivemeta.video.opening import open_source
from tests.helpers.archives import assert_same

MIN_SCORE = 0.35


@pytest.fixture(scope="module")
def asked(lively_archive, adapted_model):
    """The scorer of the model, and all of its classes."""
    file = read_model_file(adapted_model)
    return scorer_of_model(lively_archive.facts, file, file.manifest.names, MIN_SCORE)


def found_in(archive, video, scorer, wanted):
    """Return what a search reports by frame of a video."""
    files = [file for file in archive.files() if archive.footer(file).segments[0].video == video]
    by_frame = {}
    for _, table in matches(archive, files, scorer, wanted, None, pytest.fail):
        for frame in np.unique(table["frame"].to_numpy()):
            rows = table.filter(table["frame"].to_numpy() == frame)
            boxes = [rows[name].to_numpy() for name in ("x1", "y1", "x2", "y2")]
            by_frame[int(frame)] = Detections(
                np.stack(boxes, 1),
                rows["found_score"].to_numpy(),
                rows["found_label"].to_numpy(),
                scorer.bank.names,
            )
    return by_frame


def test_the_hits_are_what_the_model_detects(lively_archive, adapted_model, clips, asked):
    detector = OnnxDetector(adapted_model, provider="cpu", threads=1)
    scorer, wanted = asked
    for name in ("long.mp4", "short.mp4"):
        found = found_in(lively_archive, str(clips / name), scorer, wanted)
        n_frames = 0
        for frame in open_source(clips / name):
            if frame.index % 10 == 0:  # as `process --every 10`
                (expected,) = detector([frame.image], MIN_SCORE)
                assert len(expected) > 5
                assert_same(found.pop(frame.index), expected, scorer.thresholds)
                n_frames += 1
        assert not found
        assert n_frames > 2


def test_classes_that_are_asked_for(lively_archive, adapted_model, asked):
    file = read_model_file(adapted_model)
    everything = search(lively_archive, Query(*asked, top=10**6))
    scorer, wanted = scorer_of_model(lively_archive.facts, file, ["bus"], MIN_SCORE)
    some = search(lively_archive, Query(scorer, wanted, top=10**6))
    assert {hit.name for hit in some.hits} == {"bus"}
    assert some.n_hits == {"bus": everything.n_hits["bus"]}
    kinds, _ = scorer_of_model(lively_archive.facts, file, ["vehicle"], MIN_SCORE)
    assert {"bus", "van"} <= set(kinds.bank.names)
    with pytest.raises(InputError, match=r"no class 'buss'; did you mean 'bus'"):
        scorer_of_model(lively_archive.facts, file, ["buss"], None)


def test_conditions(lively_archive, asked):
    where = Where("video like '%short%' and time_s < 1.5 and x1 > 20")
    hits = search(lively_archive, Query(*asked, where=where)).hits
    assert hits
    assert all("short" in hit.video and hit.first_s < 1.5 and hit.box[0] > 20 for hit in hits)
    with pytest.raises(InputError, match=r"--where: .*colour.*columns: video, segment"):
        Where("colour = 'red'")
    with pytest.raises(InputError, match="--where"):
        Where("frame in (select 1 from read_csv('/etc/passwd'))")


def test_the_best_come_first_and_no_more_than_asked(lively_archive, asked):
    scores = [hit.score for hit in search(lively_archive, Query(*asked, top=7)).hits]
    assert len(scores) == 7
    assert scores == sorted(scores, reverse=True)
    doubtful = search(lively_archive, Query(*asked, top=7, near_threshold=True)).hits
    doubts = [by_doubt(hit) for hit in doubtful]
    assert doubts == sorted(doubts, reverse=True)
    assert max(hit.score for hit in doubtful) < min(scores)


def test_hits_that_differ(lively_archive, asked):
    def nearest(hits):
        vectors = np.stack([hit.embedding for hit in hits]).astype(np.float32)
        return (vectors @ vectors.T - 2 * np.eye(len(hits))).max(1).mean()

    differ = search(lively_archive, Query(*asked, n_diverse=6)).hits
    best = search(lively_archive, Query(*asked, top=6)).hits
    assert len(differ) == 6
    assert nearest(differ) < nearest([hit for hit in best if hit.embedding.any()])


def test_what_is_written(lively_archive, asked, tmp_path):
    hits = search(lively_archive, Query(*asked, top=6)).hits
    kinds = {said["video"]: said["kind"] for said in lively_archive.videos().values()}
    wish = Wish("<rocks> & more", frames=True, clip_s=1.0)
    done = write_results(tmp_path, hits, wish, kinds, default_registry())
    assert not done.problems
    assert done.n_clips == 6
    table = pq.read_table(tmp_path / "hits.parquet")
    with (tmp_path / "hits.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert table["score"].to_pylist() == [hit.score for hit in hits]
    assert [row["video"] for row in rows] == table["video"].to_pylist()
    page = (tmp_path / "hits.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 6
    assert "&lt;rocks&gt; &amp; more" in page
    assert "<rocks>" not in page
    assert "http" not in page.replace("http-equiv", "")
    for clip in sorted((tmp_path / "clips").iterdir()):
        frames = list(open_source(clip))
        assert 5 <= len(frames) <= 30
    coco = json.loads((tmp_path / "coco.json").read_text())
    assert len(coco["annotations"]) == 6
    assert len(coco["images"]) == len({(hit.video, hit.frame) for hit in hits})


def test_frames_are_those_of_the_hits(lively_archive, asked, tmp_path):
    """A frame that was decoded by seeking is the one of that number."""
    hits = search(lively_archive, Query(*asked, top=4)).hits
    kinds = {said["video"]: said["kind"] for said in lively_archive.videos().values()}
    write_results(tmp_path, hits, Wish("", frames=True), kinds, default_registry())
    import cv2

    for video, own in groupby(sorted(hits, key=lambda h: h.video), lambda h: h.video):
        frames = {hit.frame for hit in own}
        for frame in open_source(video):
            if frame.index in frames:
                (path,) = (tmp_path / "images").glob(f"{video[-8:-4]}*-{frame.index:08d}.png")
                assert (cv2.imread(str(path)) == frame.image).all()


@pytest.mark.slow
def test_the_loop_of_search_confirm_and_extend(
    base, lively_archive, adapted_model, asked, tmp_path
):
    """Hits become further shots of their class, and the model that learnt them searches again."""
    scorer, wanted = scorer_of_model(
        lively_archive.facts, read_model_file(adapted_model), ["rocks"], MIN_SCORE
    )
    hits = search(lively_archive, Query(scorer, wanted, top=3)).hits
    kinds = {said["video"]: said["kind"] for said in lively_archive.videos().values()}
    write_results(tmp_path, hits, Wish("rocks", frames=True), kinds, default_registry())
    support = SupportSet.from_path(tmp_path)
    assert support.classes == ("rocks",)
    started = restore(base, adapted_model)
    adapted = adapt(started, support, "protonet", extend=True)
    adapted.export(tmp_path / "more.onnx")
    more = read_model_file(tmp_path / "more.onnx")
    assert next(c.shots for c in more.manifest.classes if c.name == "rocks") == 5 + len(hits)
    scorer, wanted = scorer_of_model(lively_archive.facts, more, ["rocks"], 0.05)
    again = {(h.video, h.frame, h.box) for h in search(lively_archive, Query(scorer, wanted)).hits}
    assert again


def test_one_box_is_learnt_on_the_spot(base, lively_archive, asked, clips, tmp_path):
    things = is_thing(asked[0].bank.names, asked[0].scoring)
    hits = search(lively_archive, Query(*asked)).hits
    shown = next(h for h in hits if not things[asked[0].bank.index(h.superclass)])
    import cv2

    image = next(f.image for f in open_source(shown.video) if f.index == shown.frame)
    cv2.imwrite(str(tmp_path / "shot.png"), image)
    x1, y1, x2, y2 = shown.box
    said = {
        "images": [{"id": 1, "file_name": "shot.png", "width": 160, "height": 96}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        ],
        "categories": [{"id": 1, "name": "like"}],
    }
    (tmp_path / "shot.json").write_text(json.dumps(said))
    support = SupportSet.from_path(tmp_path / "shot.json")
    bank = adapt(base, support, "protonet", parent=shown.superclass).detector.bank
    scorer, wanted = scorer_of_bank(lively_archive.facts, bank, base.scoring, "like", base.bank)
    best = search(lively_archive, Query(scorer, wanted, top=20)).hits
    assert best
    assert (shown.video, shown.frame) in {(hit.video, hit.frame) for hit in best}


def test_a_damaged_file_is_told_and_the_others_are_searched(
    make_archive, clips, quick_base, tmp_path
):
    archive, _ = make_archive(tmp_path / "a", clips)
    file = read_model_file(quick_base)
    query = Query(*scorer_of_model(archive.facts, file, [], 0.31), top=10**6)
    whole = search(archive, query)
    broken = archive.files()[0]
    data = bytearray((tmp_path / broken.path).read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / broken.path).write_bytes(data)
    rest = search(archive, query)
    assert [problem.path for problem in rest.problems] == [broken.path]
    assert 0 < rest.n_rows < whole.n_rows
