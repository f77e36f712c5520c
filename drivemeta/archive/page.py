"""A page of hits that opens in any browser: pictures and words in one file, nothing fetched."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivemeta.archive.hits import Hit

SIDE = 160  # of a picture on the page, in pixels
_STYLE = """
body { font: 14px system-ui, sans-serif; margin: 24px; color: #1f2933; background: #fff }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 16px }
figure { margin: 0; padding: 8px; border: 1px solid #cbd2d9; border-radius: 6px }
figure.off { opacity: .35 }
img { width: 100%; image-rendering: auto; border-radius: 4px; background: #f1f3f5 }
figcaption { overflow-wrap: anywhere; line-height: 1.35; margin-top: 6px }
.dim { color: #52606d } button { font: inherit; padding: 6px 12px }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_SCRIPT = """
const coco = JSON.parse(document.getElementById("coco").textContent);
const boxes = [...document.querySelectorAll("input[data-hit]")];
for (const box of boxes) box.onchange = () =>
  box.closest("figure").classList.toggle("off", !box.checked);
document.getElementById("save").onclick = () => {
  const kept = new Set(boxes.filter(b => b.checked).map(b => Number(b.dataset.hit)));
  const annotations = coco.annotations.filter(a => kept.has(a.hit));
  const shown = new Set(annotations.map(a => a.image_id));
  const images = coco.images.filter(i => shown.has(i.id));
  const text = JSON.stringify({...coco, images, annotations});
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], {type: "application/json"}));
  link.download = "coco.json";
  link.click();
};
"""


def page_of(
    title: str,
    hits: Sequence[Hit],
    crops: Mapping[int, NDArray[np.uint8]],
    coco: Mapping[str, Any] | None,
) -> str:
    """Return the page as HTML.

    Args:
        title: What was searched for.
        hits: Hits, in the order that they are shown in.
        crops: Pictures of hits by their place, BGR; one may be missing.
        coco: Pre-labels of the frames that were written, each with the number of its hit: with
            them, the page saves those that are left ticked. None without frames.
    """
    figures = "\n".join(
        _figure(i, hit, crops.get(i), can_be_ticked=coco is not None) for i, hit in enumerate(hits)
    )
    ticking = ""
    if coco is not None:
        # in a script element, "</" would end it
        text = json.dumps(coco).replace("<", "\\u003c")
        ticking = (
            '<p><button id="save">Save those that are ticked as coco.json</button></p>'
            f'<script type="application/json" id="coco">{text}</script>'
        )
    script = f"<script>{_SCRIPT}</script>" if coco is not None else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>"
        f"<h1>{escape(title)}</h1><p>{len(hits)} hits</p>{ticking}\n<main>\n{figures}\n</main>"
        f"{script}</body></html>\n"
    )


def _figure(number: int, hit: Hit, crop: NDArray[np.uint8] | None, *, can_be_ticked: bool) -> str:
    picture = "<p class='dim'>no picture</p>"
    if crop is not None:
        picture = f'<img alt="{escape(hit.name, quote=True)}" src="{_data(crop)}">'
    seen = f"{hit.first_s:.1f} s" if hit.n_views == 1 else f"{hit.first_s:.1f}-{hit.last_s:.1f} s"
    views = "" if hit.n_views == 1 else f", {hit.n_views} views"
    tick = f'<input type="checkbox" checked data-hit="{number}"> ' if can_be_ticked else ""
    return (
        f"<figure>{picture}<figcaption><label>{tick}{number + 1}. <b>{escape(hit.name)}</b> "
        f"{hit.score:.2f}</label><br><span class='dim'>{escape(Path(hit.video).name)}, frame "
        f"{hit.frame}, {seen}{views}</span></figcaption></figure>"
    )


def _data(crop: NDArray[np.uint8]) -> str:
    import cv2

    scale = SIDE / max(crop.shape[:2])
    size = [max(1, round(side * scale)) for side in crop.shape[1::-1]]
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
