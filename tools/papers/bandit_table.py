"""The section on bandits of docs/paper-tables.md, from what `tools.papers.bandits test` kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from drivemeta.markdown import table_row

KEPT = Path(__file__).with_name("bandits.json")
STRATEGIES = ("random", "Gittins", "Thompson", "UCB1", "greedy", "rl2")
# Duan et al., RL^2, 2016, arXiv 1611.02779, table 1, by (arms, episodes), in the order above.
PAPER = {
    (5, 10): (5.0, 6.6, 5.7, 6.7, 6.6, 6.7),
    (10, 10): (5.0, 6.6, 5.5, 6.7, 6.6, 6.7),
    (5, 100): (49.9, 78.3, 74.7, 78.0, 74.8, 78.7),
    (10, 100): (49.9, 82.8, 76.7, 82.4, 77.1, 83.5),
}
HEADER = """
## RL^2 on bandits

Duan et al., 2016, arXiv 1611.02779: total reward, mean over 1,000 bandits and half the width of
its 95 % interval; paper's figure in brackets. The arms pay with probabilities drawn uniformly from
[0, 1]; all strategies play the same bandits. *Steps* are pulls that the policy was trained on; the
paper trains on up to 250 million.

```sh
python -m tools.papers.bandits train 5 10    # then: test; needs the extra rl
```

| arms | episodes | random | Gittins | Thompson | UCB1 | greedy | RL^2 | steps |
|---|---|---|---|---|---|---|---|---|
"""
FOOTER = """
Recurrent PPO (sb3-contrib) with an LSTM of 64 units in place of the paper's TRPO with a GRU of 256.
The policy for 100 episodes begins with the weights of the one for 10. In training a pull is worth
the arm's probability, while the policy sees what it paid: the same on average, with less noise. At
test, what is paid counts. A hyphen stands where nothing was trained. Gittins indices are our own,
by calibration, tested against published values; they are discounted by 1 - 1 / episodes. UCB1's
bonus is scaled by the best of six factors. With 10 arms and 100 episodes the policy is short of the
paper by 7 %: it had half an hour of a shared core, and what it earns was still rising.
"""


def section() -> str:
    """Return the section, empty if nothing was measured yet."""
    if not KEPT.is_file():
        return ""
    rows: list[dict[str, Any]] = json.loads(KEPT.read_text(encoding="utf-8"))
    found = {(row["arms"], row["episodes"], row["strategy"]): row for row in rows}
    lines = [_line(size, found) for size in PAPER if (*size, "random") in found]
    return HEADER + "\n".join(lines) + "\n" + FOOTER


def _line(size: tuple[int, int], found: dict[tuple[int, int, str], dict[str, Any]]) -> str:
    cells = [str(size[0]), str(size[1])]
    for name, paper in zip(STRATEGIES, PAPER[size], strict=True):
        row = found.get((*size, name))
        ours = "-" if row is None else f"{row['mean']:.2f} ± {row['half']:.2f}"
        cells.append(f"{ours} ({paper})")
    rl2 = found.get((*size, "rl2"))
    cells.append("-" if rl2 is None else f"{rl2['steps']:,}")
    return table_row(cells)
