"""The section on point navigation of docs/paper-tables.md, from `tools.papers.navigation test`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

KEPT = Path(__file__).with_name("navigation.json")
NAMES = {"rl2": "RL^2", "ppo": "PPO without memory", "still": "standing still"}
HEADER = """
## Point navigation

Finn et al., MAML, 2017, arXiv 1703.03400, section 5.3: a point looks for a goal in the unit square
that it does not see; a step changes a coordinate by at most 0.1 and pays minus the squared
distance; an episode has 100 steps. A trial is two episodes with one goal. Mean return of each over
1,000 goals and half the width of its 95 % interval, without exploration noise; *steps* are those of
training. The paper gives a figure only as a plot, of MAML with gradients.

```sh
python -m tools.papers.navigation train rl2 --minutes 14
python -m tools.papers.navigation train ppo --minutes 5    # then: test, plot
```

| policy | first episode | second episode | steps |
|---|---|---|---|
"""
FOOTER = """
![Learning curves](images/navigation.png)

Both are PPO (the recurrent one of sb3-contrib with an LSTM of 64 units), one seed, and see the
same: position, last action, last reward, begin of an episode. Rewards are scaled by their spread
while training, and a rollout's epochs end at a KL divergence of 0.03.
"""


def section() -> str:
    """Return the section, empty if nothing was measured yet."""
    if not KEPT.is_file():
        return ""
    rows: list[dict[str, Any]] = json.loads(KEPT.read_text(encoding="utf-8"))
    return HEADER + "\n".join(map(_line, rows)) + "\n" + FOOTER


def _line(row: dict[str, Any]) -> str:
    returns = [
        f"{mean:.2f} ± {half:.2f}" for mean, half in zip(row["mean"], row["half"], strict=True)
    ]
    steps = f"{row['steps']:,}" if "steps" in row else "-"
    name = NAMES.get(row["policy"], row["policy"])
    return f"| {name} | {returns[0]} | {returns[1]} | {steps} |"
