"""The page `docs/paper-tables.md`."""

from __future__ import annotations

from typing import Any

from drivemeta.markdown import table
from tools.papers.bandit_table import section as bandit_section
from tools.papers.lake_table import percent
from tools.papers.lake_table import section as lake_section
from tools.papers.navigation_table import section as navigation_section
from tools.papers.rows import N_QUERY_TEST, ROWS, Row

Kept = dict[str, Any]

HEADER = """# The papers' own tables

Omniglot, 28 x 28, rotations by 90 degrees as further classes, the split into 1,028, 172 and 423
characters, in rows named `mixed` drawn at random from all alphabets; `siamese` by Koch's protocol:
trained on the background alphabets, tested on [Lake's twenty runs](#lakes-runs-and-harder-tests),
all others on 600 episodes. Mean accuracy and half the width of its 95 % interval in per cent.
Iterations are those of the best validation; in brackets those of them that, once the others were
chosen, trained on the 172 characters of validation, too, as Snell et al. do (`--continue
--with-validation`), where the last weights are tested. *Transductive*: the queries of an episode
are normalised together, as in the MAML paper, and are as many as the shots, as in its code
(github.com/cbfinn/maml, `main.py`); *inductive*: each alone, 15 of each class.

```sh
python -m tools.papers.tables train KEY    # then: test, write
```

"""
COLUMNS = (
    "key", "learner", "episodes", "batch norm", "paper", "ours", "short by",
    "on training characters", "iterations", "minutes", "seed",
)  # fmt: skip
FOOTER = """
A hyphen stands where nothing was trained or measured yet. The rows named `mixed` were trained anew,
since the weights of the others know characters of their test: an hour of a core each, their
iteration chosen on validation, and that is where they were left. That of `reptile` is tested on
upright characters alone. What the figures of the papers are, and how each row is trained, stands in
`tools/papers/rows.py`. Some rows were trained by settings before those, without an annealed rate
and with five queries a class: `matching_5w5s`; in their first iterations `maml_first_order_5w1s`
(3,800), `maml_first_order_5w5s` (4,517), `maml_5w1s` (3,400), `maml_5w5s` (1,800), `metasgd_5w1s`
(3,200) and `anil_5w1s` (7,600), the last two inductively; `anil_5w1s` until 24,000 with three
queries a class, normalised together with the support, and validated with ten test steps;
`matching_5w1s` in its first 11,600 with twenty ways at a scale of 10, on images as they are;
`reptile_5w5s` in its first 19,500 at a rate of 0.001 and a meta-step of 1, then with 15 images a
class in training where the authors have ten. `siamese_20w1s` is validated on the five alphabets of
the background that Vinyals et al. validate on, and not trained on them until its last stage. Its
twin is of residual blocks (He et al., 2016, arXiv 1512.03385) and a sigmoid layer, not the paper's
four convolutions on images of 105 x 105; and where the paper verifies pairs one by one, the pairs
of an image with all others of a task, two images of each of 120 characters of six alphabets,
compete in a softmax, as they do at test (`pairs: ranked`). In both rows of `reptile` a query is
normalised together with the support. The head of `reptile_5w5s` sees the mean over places of the
last block, 64 features as in MAML; that of `reptile_5w1s` did until 50,540 and has seen all four
places since, 256, as in the code of Nichol et al. (`supervised_reptile/models.py`). Until then, and
in `reptile_5w5s` throughout, the mini-batches of all tasks had their labels in one order, and the
meta-step of `reptile_5w1s` began at 1. Its characters of validation were added at 64,000, after 27
minutes of a run of 70. Minutes are of one shared core, of two in `siamese_20w1s`. *Short by* is in
points. Finn et al., Li et al. and Nichol et al. draw their characters at random from all alphabets,
as the rows named `mixed` do; in the others the alphabets of the test are not those of training, but
for four characters, and harder than those of validation. *On training characters* is the same test
with characters that the row was trained on (`test KEY --on train --keep`): what is lacking there is
for want of steps, what is lost from there to *ours* is overfitting. `train KEY --minutes N
--continue` trains a row on from its kept weights. A row *begun from* another (`--from`) had the
weights of that row's embedding before its own training; iterations and minutes are those of both.

## Validation while training

Accuracy in per cent at that iteration, on validation classes: with 15 queries a class, but one in
`siamese_20w1s`, and in `anil_5w1s` from 24,000 on.

"""
QUERIES = f"""
## What the queries of an episode tell of each other

Where queries are normalised together, each is told by the others: of how many, and that there are
as many of each class. The same weights with as many queries of each class as shots, as the papers'
figures are measured, and with {N_QUERY_TEST}, as the other rows are tested:

```sh
python -m tools.papers.tables test KEY --n-query {N_QUERY_TEST} --keep
```

"""
N_POINTS = 6


def page(kept: dict[str, Kept | None]) -> str:
    """Return the page of the tables.

    Args:
        kept: What came of each row, None if it was not trained yet.
    """
    curves = [f"- `{row.key}`: {curve}" for row in ROWS if (curve := _curve(kept[row.key]))]
    return (
        HEADER
        + "\n".join(table(COLUMNS, [_cells(row, kept[row.key]) for row in ROWS]))
        + "\n"
        + FOOTER
        + "\n".join(curves)
        + "\n"
        + _section(QUERIES, kept, f"accuracy_of_{N_QUERY_TEST}", f"{N_QUERY_TEST} queries a class")
        + lake_section(kept)
        + bandit_section()
        + navigation_section()
    )


def _section(text: str, kept: dict[str, Kept | None], name: str, column: str) -> str:
    """Return a section on what rows reach in another test, empty if none was asked."""
    rows = [
        [f"`{key}`", percent(row["accuracy"]), percent(row[name])]
        for key, row in kept.items()
        if row is not None and name in row
    ]
    return text + "\n".join(table(("key", "ours", column), rows)) + "\n" if rows else ""


def _curve(kept: Kept | None) -> str:
    """Return a few points of a row's validation, evenly spread, with the best one."""
    if kept is None or not kept["curve"]:
        return ""
    curve: list[list[float]] = kept["curve"]
    step = max(1, len(curve) // N_POINTS)
    best = max(range(len(curve)), key=lambda i: curve[i][1])
    shown = sorted({*range(step - 1, len(curve), step), best, len(curve) - 1})
    points = (f"{int(curve[i][0])}: {100 * curve[i][1]:.1f}" for i in shown)
    return ", ".join(points) + f"; best {100 * curve[best][1]:.1f}"


def _cells(row: Row, kept: Kept | None) -> list[str]:
    cells = [
        f"`{row.key}`",
        f"{row.learner}, {row.label}" if row.label else row.learner,
        f"{row.n_way}-way {row.n_shot}-shot",
        "transductive" if row.transductive else "inductive",
        f"{row.paper}" if row.paper is not None else "none",
    ]
    if kept is None:
        return [*cells, *["-"] * (len(COLUMNS) - len(cells))]
    found, known = kept.get(row.figure), kept.get("accuracy_on_train")
    if begun := kept.get("begun_from"):
        cells[1] += f", begun from `{begun}`"
    return [
        *cells,
        percent(found) if found else "-",
        f"{max(0.0, row.paper - 100 * found['mean']):.2f}" if row.paper and found else "-",
        f"{100 * known['mean']:.2f}" if known and row.figure == "accuracy" else "-",
        str(kept["iterations"]) + (f" ({last})" if (last := kept.get("with_validation")) else ""),
        f"{kept['minutes']:.1f}",
        str(kept["seed"]),
    ]
