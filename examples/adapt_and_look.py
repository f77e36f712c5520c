# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # A class from five frames
#
# Five drawn frames show a sign that the base does not know by name. We look at them, learn the
# sign, and look at what the model finds in another frame. With annotations of your own, read by
# `SupportSet.from_path`, the rest stays as it is.

# %%
from pathlib import Path

import drivemeta as dm
from drivemeta.demo.material import write_support

out = Path("examples-out")
annotations = write_support(out / "support", "falling_rocks", seed=0, size=(360, 640))

# %% [markdown]
# A support set shows its boxes:

# %%
support = dm.SupportSet.from_coco(annotations)
support

# %% [markdown]
# What was learnt of each class, with its verdict:

# %%
adapted = dm.adapt(dm.load_base(), support)
adapted

# %% [markdown]
# The file is complete: it takes frames of any size as the decoder gives them. `verify_model` runs
# it once more on a frame whose answer is known.

# %%
model = out / "falling_rocks.onnx"
adapted.export(model)
dm.verify_model(model)

# %% [markdown]
# What it finds in a frame of a scene it has not seen, and the same as a table:

# %%
detector = dm.load_model(model)
scene = dm.open_source(
    "synthetic:11", settings={"synthetic": {"n_frames": 1, "pictograms": ["falling_rocks"]}}
)
(frame,) = scene
(found,) = detector([frame.image])
dm.show(frame, found)

# %%
found
