"""Held-out boxes: what judges them was learnt without them."""

from dataclasses import replace

import numpy as np
import pytest

from drivemeta.adaptation import held_out
from drivemeta.adaptation.branch_learning import RowLearning
from drivemeta.adaptation.held_out import hold_out
from drivemeta.adaptation.observation import observe
from drivemeta.adaptation.row_learning import learn_rows
from drivemeta.plugins import default_registry


@pytest.fixture
def full(lively_detector, make_support):
    learner = default_registry().create("learner", "protonet")
    seen = observe(lively_detector, make_support(3, "rocks", "ice"))
    return RowLearning(lively_detector, seen, learner)


def test_each_box_is_judged_by_what_was_learnt_without_it(full, monkeypatch):
    parents = ["traffic_sign"] * len(full.evidence.embedded.names)
    bank = learn_rows(full.base, full.learner, full.evidence, parents)
    folds, learnt = [], []

    def without(fold):
        """Learn again: with a learner that tells its own rows from others."""
        folds.append(fold)
        return replace(full, learner=f"without {fold.tolist()}")

    def rows_of(before, learner, seen, _parents, scoring):
        learnt.append((learner, set(seen.embedded.shots.tolist())))
        return fitted(before, full.learner, seen, parents, scoring)

    fitted = held_out.fit_rows
    monkeypatch.setattr(held_out, "fit_rows", rows_of)
    found = hold_out(full, bank, parents, without)
    every = set(range(len(full.evidence.boxes)))
    assert sorted(np.concatenate(folds).tolist()) == sorted(every)
    assert learnt == [(f"without {fold.tolist()}", every - set(fold.tolist())) for fold in folds]
    assert found.spared.all()


def test_a_box_unlike_all_others_of_its_class_scores_lower_than_by_its_own_rows(full):
    """The views of one box are turned about: rows learnt with them know it, others do not."""
    task, odd = full.evidence.embedded, 4
    images = task.images.clone()
    images[task.shots == odd] *= -1
    boxes = full.evidence.boxes
    embeddings = boxes.embeddings.copy()
    embeddings[odd] *= -1
    seen = replace(
        full.evidence,
        embedded=replace(task, images=images),
        boxes=replace(boxes, embeddings=embeddings),
    )
    turned = replace(full, evidence=seen)
    parents = ["traffic_sign"] * len(seen.embedded.names)
    bank = learn_rows(full.base, full.learner, seen, parents)
    found = hold_out(turned, bank, parents, lambda _fold: turned)
    own = bank.index(seen.embedded.names[boxes.labels[odd]])
    assert found.labels[odd] != own
    assert found.scores[odd] < 0.5 * np.delete(found.scores, odd).max()
