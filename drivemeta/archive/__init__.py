"""The archive: what was seen in videos, kept so that classes learnt later can be looked for.

A base's networks look at frames once, and give rows: boxes with level 1's scores and level 2's
embeddings. Neither depends on the classes of a class bank, so that rows and a bank learnt later
give what the model of that bank would have given::

    looker = Looker()                          # the shipped base, or Looker("mybase.onnx")
    rows = BoxRows.joined(looker(frames))      # frames: (height, width, 3) uint8 BGR each
    file = read_model_file("signs.onnx")
    looker.facts.check(file)                   # refuses models that need more than rows hold
    scorer = Scorer.of(file)                   # or Scorer(bank, scoring) of an `Adapted`
    found = detections_of(rows, scorer(rows), scorer.bank, n_frames=len(frames))

`rows` has the value, `looking` makes it, `base_facts` says which models it answers, and `scores`
applies the score rule.
"""
