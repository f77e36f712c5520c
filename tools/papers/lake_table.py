"""The section on Lake's runs of docs/paper-tables.md, from what `tools.papers.tables test` kept."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from drivemeta.markdown import table
from tools.papers.lake import lake_runs

KEY = "siamese_20w1s"
HEADER = f"""
## Lake's runs, and harder tests

Koch et al. report on the twenty runs of Lake et al.: of ten alphabets twenty characters each, of
one drawer, among which those of another are named. Which, stands in `tools/papers/lake_runs.yaml`,
after github.com/jvlmdr/omniglot-eval, `lake-evaluation/run_images.txt`.

```sh
python -m tools.papers.tables test {KEY} --on lake --keep
```

"""
TESTS = f"""
Lake's characters are easier to tell apart than others of their alphabets, and his drawers than
others. The same weights, where both are drawn at random (`--on lake_drawers`,
`--on lake_characters`); and by our own test, which is the hardest: as many characters, within any
of the twenty alphabets of the evaluation set, by any two drawers (`test {KEY}`), or of the
background (`--on train`):

"""
LIKE = f"""
So the choice of characters and drawers makes ten points, and by Lake's nothing is lacking for want
of alphabets or at 28 x 28 pixels. What is lost from characters of training to new ones is
overfitting. Valmadre (github.com/jvlmdr/omniglot-eval) measures how much harder one alphabet is for
a twin of four convolutions on images of 24 x 24: 20-way, one shot, 89.3 % of characters drawn from
all alphabets, 75.8 % within one. Koch et al. chose their hyperparameters on the ten alphabets that
Lake left, which our own test draws from, too.

Rows that come within a point of their papers, whose training draws from all alphabets at once, are
asked our own test of characters that it did not see:

```sh
python -m tools.papers.tables test KEY --like {KEY} --keep
```

"""
KINDS = {
    "accuracy_on_lake": "Lake's runs",
    "accuracy_on_lake_drawers": "his characters, any two drawers",
    "accuracy_on_lake_characters": "any characters of his alphabets, any two drawers",
    "accuracy": "our own: any characters of any alphabet, any two drawers",
    "accuracy_on_train": "our own, of characters of training",
}


def section(kept: dict[str, dict[str, Any] | None]) -> str:
    """Return the section, empty if Lake's runs were not asked yet."""
    siamese = kept[KEY]
    if siamese is None or "accuracy_on_lake" not in siamese:
        return ""
    of_tests = [(name, percent(siamese[key])) for key, name in KINDS.items() if key in siamese]
    asked = [
        (f"`{key}`", percent(row["accuracy"]), percent(row[f"accuracy_like_{KEY}"]))
        for key, row in kept.items()
        if row is not None and f"accuracy_like_{KEY}" in row
    ]
    return (
        HEADER
        + _lines(("alphabet", "drawers", "right of 20"), _runs(siamese["accuracy_on_lake"]))
        + TESTS
        + _lines(("test", f"`{KEY}`"), of_tests)
        + LIKE
        + _lines(("key", "ours", "our own test of `siamese`"), asked)
    )


def percent(found: dict[str, float]) -> str:
    """Return a mean and half the width of its interval in per cent."""
    return f"{100 * found['mean']:.2f} ± {100 * found['interval']:.2f}"


def _runs(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Return a line an alphabet."""
    shares = zip(lake_runs(), found["runs"], strict=True)
    for alphabet, group in groupby(shares, lambda run: run[0].alphabet):
        both = list(group)
        drawers = ", ".join(f"{run.drawers[1]} by {run.drawers[0]}" for run, _ in both)
        right = ", ".join(f"{share * len(run.characters):.0f}" for run, share in both)
        yield alphabet.replace("_", " "), drawers, right


def _lines(head: tuple[str, ...], rows: Any) -> str:
    return "\n".join(table(head, rows)) + "\n"
