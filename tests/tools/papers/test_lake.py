"""Lake's runs are those of the file of facts, and a row is tested on them."""

import argparse

import numpy as np
import pytest
import torch

from drivemeta.errors import InputError
from tools.papers import kept as kept_files
from tools.papers import tables
from tools.papers.lake import LakeTrials, lake_runs
from tools.papers.page import page

SIZE = 28


@pytest.fixture(scope="module")
def omniglot(tmp_path_factory):
    """Lake's alphabets with some characters more, a pixel for the character, one for the drawer."""
    alphabets, characters, bits = [], [], []
    for alphabet in dict.fromkeys(run.alphabet for run in lake_runs()):
        for number in range(1, 48):
            image = np.zeros((20, SIZE, SIZE), np.uint8)
            image[:, number % SIZE, number // SIZE] = 255
            image[np.arange(20), np.arange(20), SIZE - 1] = 255
            alphabets.append(alphabet)
            characters.append(f"character{number:02d}")
            bits.append(image)
    path = tmp_path_factory.mktemp("omniglot") / "omniglot28.npz"
    n = len(bits)
    np.savez(
        path,
        bits=np.stack(bits),
        alphabet=np.array(alphabets),
        character=np.array(characters),
        split=np.array(["background"] * n),
        vinyals=np.array(["train"] * n),
    )
    return path


def shown(images):
    """Return the numbers of characters and of drawers, from 1, of (n, 1, 28, 28) images."""
    images = images[:, 0].numpy()
    drawers = images[:, :, SIZE - 1].argmax(1) + 1
    rows, columns = (
        images[:, :, : SIZE - 1].max(2).argmax(1),
        images[..., : SIZE - 1].max(1).argmax(1),
    )
    return (rows + SIZE * columns).tolist(), drawers.tolist()


def test_there_are_twenty_runs_of_twenty_characters():
    runs = lake_runs()
    assert len(runs) == 20
    assert len({run.alphabet for run in runs}) == 10
    assert all(len(set(run.characters)) == 20 for run in runs)
    assert all(len(set(run.drawers)) == 2 for run in runs)
    assert (runs[0].alphabet, runs[0].drawers) == ("Atlantean", (5, 8))


def test_trials_are_the_runs(omniglot):
    trials = LakeTrials(omniglot, "lake")
    for number, run in enumerate(lake_runs()):
        trials.seek(number)
        episode = trials.episode()
        characters, drawers = shown(episode.support)
        assert characters == list(run.characters)
        assert set(drawers) == {run.drawers[0]}
        characters, drawers = shown(episode.query)
        assert characters == list(run.characters)
        assert set(drawers) == {run.drawers[1]}
        assert torch.equal(episode.query_labels, episode.support_labels)


@pytest.mark.parametrize(
    ("trials", "same_characters"), [("lake_drawers", True), ("lake_characters", False)]
)
def test_what_lake_chose_is_drawn(omniglot, trials, same_characters):
    drawn, drawers = LakeTrials(omniglot, trials), set()
    for number in range(40):
        drawn.seek(number)
        episode = drawn.episode()
        characters, knows = shown(episode.support)
        asked, asks = shown(episode.query)
        assert characters == asked
        assert (characters == list(lake_runs()[number % 20].characters)) is same_characters
        assert len(set(characters)) == 20
        assert set(knows) != set(asks)
        drawers |= {*knows, *asks}
    assert drawers == set(range(1, 21))


def test_missing_characters_are_told(omniglot, tmp_path):
    with np.load(omniglot) as stored:
        few = {name: stored[name][:40] for name in stored}
    np.savez(tmp_path / "few.npz", **few)
    trials = LakeTrials(tmp_path / "few.npz", "lake")
    trials.seek(2)
    with pytest.raises(InputError, match="expected 20 characters of Lake's runs of Ge_ez, found 0"):
        trials.episode()


def test_a_kept_row_is_tested_on_lakes_runs(omniglot, tmp_path, monkeypatch, capsys):
    row, kept = tables.KNOWN["siamese_20w1s"], {}
    before = tables.kept_of(row.key)

    def first_fails(name, config, weights, trials):
        """All characters of all runs but the first are named."""
        assert (name, weights.name) == ("siamese", "siamese_20w1s.safetensors")
        assert trials.episode().n_way == 20
        return torch.arange(config.n_test).clamp_max(1).float()

    monkeypatch.setattr(tables, "accuracies_of_weights", first_fails)
    monkeypatch.setattr(tables, "store", lambda _, found: kept.update(found))
    plain = {"on": "lake", "n_query": None, "like": None, "keep": True}
    given = argparse.Namespace(omniglot=omniglot, runs=tmp_path, **plain)
    tables.test(row, given)
    found = kept.pop("accuracy_on_lake")
    assert found["runs"] == [0.0, *[1.0] * 19]
    assert (found["n_episodes"], found["mean"]) == (20, pytest.approx(0.95))
    assert "siamese_20w1s: 95.00 +- 9.80 on lake, was 84.94 on test" in capsys.readouterr().out
    assert kept == {key: value for key, value in before.items() if key != "accuracy_on_lake"}
    given.like = row.key
    with pytest.raises(InputError, match="--on lake has episodes of its own"):
        tables.test(row, given)


def test_the_page_shows_lakes_runs_for_the_papers_figure():
    kept = {row.key: kept_files.kept_of(row.key) for row in tables.ROWS}
    text = page(kept)
    assert "| 92.0 | 94.50 ± 2.35 | 0.00 | - |" in text
    assert "| Atlantean | 8 by 5, 2 by 3 | 19, 18 |" in text
    kept["siamese_20w1s"] = {
        k: v for k, v in kept["siamese_20w1s"].items() if k != "accuracy_on_lake"
    }
    text = page(kept)
    assert "| 92.0 | - | - | - |" in text
    assert "## Lake's runs" not in text
