"""What builds and measures the project; run from the root, as `python -m tools.fewshot.benchmark`.

- `base`: the shipped base, built and scored (docs/training.md, docs/base.md).
- `fewshot`: few-shot detection, learners and peers (docs/few-shot.md, docs/learners.md).
- `papers`: the papers' own protocols, with small weights (docs/paper-tables.md).
- `schedulers`: traces, training and comparison of schedulers (docs/scheduling.md).
- `speed`: seconds, and the trackers' scores (docs/benchmarks.md).
"""
