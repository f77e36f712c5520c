"""The plots of the few-shot page: novel AP50 over shots, one line a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

from drivemeta.files import atomic_path

matplotlib.use("Agg")


def draw_plot(path: Path, rows: list[dict[str, Any]], title: str) -> None:
    """Draw novel AP50 in percent with its intervals over the number of shots, as PNG.

    Args:
        path: File to write, PNG.
        rows: Rows as `docs/few-shot.json` holds them, each with `base`, `method` and `shots`.
        title: Title of the plot.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    colours = pyplot.get_cmap("tab20")
    methods = list(dict.fromkeys(row["method"] for row in rows))
    bases = list(dict.fromkeys(row["base"] for row in rows))
    for place, row in enumerate(rows):
        shots = [int(n) for n in row["shots"]]
        # Lines are set apart a little, so that their intervals can be told from each other.
        x = [n * (1 + 0.012 * (place - len(rows) / 2)) for n in shots]
        cells = [_percent(cell["novel"]) for cell in row["shots"].values()]
        mean, low, high = zip(*cells, strict=True)
        below = [m - v for m, v in zip(mean, low, strict=True)]
        above = [v - m for m, v in zip(mean, high, strict=True)]
        axes.errorbar(
            x,
            mean,
            yerr=[below, above],
            label=f"{row['method']}, {row['base']}",
            color=colours(methods.index(row["method"]) % 20),
            linestyle=("-", "--", ":")[bases.index(row["base"]) % 3],
            marker="o",
            capsize=2,
            linewidth=1.2,
            markersize=3,
        )
    ticks = sorted({int(n) for row in rows for n in row["shots"]})
    axes.set_xscale("log")
    axes.set_xticks(ticks, [str(n) for n in ticks])
    axes.minorticks_off()
    axes.set(xlabel="shots (boxes a class)", ylabel="novel AP50, %", title=title)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    with atomic_path(path) as partial:
        figure.savefig(partial, format="png", dpi=110)
    pyplot.close(figure)


def _percent(estimate: dict[str, float]) -> tuple[float, float, float]:
    return 100 * estimate["mean"], 100 * estimate["low"], 100 * estimate["high"]
