"""Pictures drawn once and reused: trees, bushes, facades, guide boards and posters."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from drivemeta.synthetic.noise import SIDE, noise_tile
from drivemeta.synthetic.pen import Image

N_TREES, N_FACADES, N_BOARDS, N_POSTERS = 10, 14, 8, 8
_TREE = (320, 240)


@functools.cache
def tree(index: int) -> Image:
    """Draw a tree, (320, 240, 4) uint8 premultiplied BGRA, standing on the lower edge.

    Even ones are broad-leaved, every fourth odd one is a conifer, the rest are slim or bushes.
    """
    rng = np.random.default_rng([71, index])
    height, width = _TREE
    crown = np.zeros(_TREE, np.float32)
    form = ("broad", "conifer", "broad", "slim", "bush")[index % 5]
    if form == "conifer":
        for y in np.linspace(20, 285, 26):
            half = 6 + (y - 20) * 0.30 * rng.uniform(0.8, 1.1)
            cv2.ellipse(crown, (width // 2, int(y)), (int(half), 12), 0, 0, 360, 1.0, -1)
    else:
        centre_y, reach_y, reach_x = {
            "broad": (125, 95, 92), "slim": (140, 125, 50), "bush": (250, 55, 100),
        }[form]  # fmt: skip
        for _ in range(42):
            angle, far = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0, 1))
            x = width / 2 + reach_x * far * np.cos(angle) * 0.8
            y = centre_y + reach_y * far * np.sin(angle) * 0.85
            radius = rng.uniform(14, 30)
            cv2.circle(crown, (int(x), int(y)), int(radius), 1.0, -1, cv2.LINE_AA)
    leaves = _crop(noise_tile(0.7, 6), rng, _TREE)
    clumps = _crop(noise_tile(1.3, 7), rng, _TREE)
    edge = cv2.GaussianBlur(crown, (0, 0), 6)
    alpha = np.clip((edge - 0.42 + 0.16 * leaves) * 5, 0, 1)
    light = 0.74 + 0.20 * clumps + 0.16 * leaves
    light += np.linspace(0.28, -0.22, height)[:, None] + np.linspace(0.08, -0.08, width)[None]
    green = np.array([rng.uniform(35, 60), rng.uniform(88, 118), rng.uniform(60, 100)])
    if rng.random() < 0.2:
        green = np.array([40, 100, rng.uniform(130, 165)])  # autumn
    image = np.zeros((height, width, 4), np.float32)
    if form != "bush":
        trunk = np.zeros(_TREE, np.uint8)
        cv2.line(trunk, (width // 2, height), (width // 2, 150), 255, 11, cv2.LINE_AA)
        for x in (-45, -20, 25, 42):
            cv2.line(trunk, (width // 2, 215), (width // 2 + x, 120), 255, 4, cv2.LINE_AA)
        bark = trunk[..., None] / 255.0
        image += bark * np.array([58, 70, 84, 255]) * (0.9 + 0.15 * leaves[..., None])
    crown_colour = np.dstack([green * np.clip(light, 0.25, 1.6)[..., None], np.full(_TREE, 255.0)])
    image = image * (1 - alpha[..., None]) + crown_colour * alpha[..., None]
    image[..., 3] = np.clip(image[..., 3], 0, 255)
    return _frozen(np.minimum(image, image[..., 3:]))


@functools.cache
def facade(index: int) -> Image:
    """Draw a wall with windows, (256, 320, 4) uint8: about 20 m wide and 16 m high."""
    rng = np.random.default_rng([72, index])
    height, width = 256, 320
    walls = np.array([
        (170, 185, 195), (120, 140, 165), (95, 115, 160), (75, 90, 135), (150, 150, 150),
        (190, 200, 205), (135, 165, 185), (110, 110, 108),
    ], float)  # fmt: skip
    wall = walls[rng.integers(len(walls))] * rng.uniform(0.8, 1.1)
    grain = _crop(noise_tile(0.9, 8), rng, (height, width))
    image = wall * (1 + 0.05 * grain[..., None])
    if rng.random() < 0.4:
        image[::5] *= 0.94  # courses of bricks
    floors, bays = int(rng.integers(3, 7)), int(rng.integers(4, 9))
    shop = rng.random() < 0.5
    step_y, step_x = height / floors, width / bays
    w, h = step_x * rng.uniform(0.4, 0.75), step_y * rng.uniform(0.45, 0.7)
    for floor in range(floors):
        ground = floor == floors - 1
        for bay in range(bays):
            x, y = (bay + 0.5) * step_x - w / 2, (floor + 0.5) * step_y - h / 2
            ww, hh = (step_x * 0.86, step_y * 0.75) if ground and shop else (w, h)
            x = (bay + 0.5) * step_x - ww / 2
            x0, y0, x1, y1 = (max(round(v), 0) for v in (x, y, x + ww, y + hh))
            y1, x1 = min(y1, height), min(x1, width)
            pane = np.array([70, 62, 55]) * rng.uniform(0.5, 1.5)
            cv2.rectangle(image, (x0 - 2, y0 - 2), (x1 + 2, y1 + 3), tuple(wall * 1.2), -1)
            fade = np.linspace(1.35, 0.7, max(y1 - y0, 1))[:, None, None]
            image[y0:y1, x0:x1] = pane * fade
            if rng.random() < 0.35:  # a curtain
                image[y0 : y0 + (y1 - y0) // 2, x0:x1] = pane + 60
            cv2.line(image, ((x0 + x1) // 2, y0), ((x0 + x1) // 2, y1), tuple(wall * 1.1), 1)
        if ground and shop:
            y = round(floor * step_y)
            colour = tuple(float(c) for c in rng.uniform(20, 200, 3))
            cv2.rectangle(image, (0, y), (width, y + round(step_y * 0.16)), colour, -1)
    image[:6] = wall * 0.7
    return _frozen(np.dstack([image, np.full((height, width), 255.0)]))


@functools.cache
def board(index: int) -> Image:
    """Draw a guide board with place names and arrows, (128, 256, 4) uint8."""
    rng = np.random.default_rng([73, index])
    ground = ((150, 75, 20), (75, 115, 20), (235, 235, 235), (150, 75, 20))[index % 4]
    ink = (25, 25, 25) if index % 4 == 2 else (240, 240, 240)
    image = np.full((128, 256, 3), ink, np.uint8)
    cv2.rectangle(image, (4, 4), (251, 123), ground, -1)
    for row in range(int(rng.integers(2, 4))):
        word = "".join(rng.choice(list("ABDEILMNORSTUV"), size=int(rng.integers(4, 9))))
        cv2.putText(image, word, (20, 42 + row * 36), cv2.FONT_HERSHEY_SIMPLEX, 0.95, ink, 2)
        number = str(rng.integers(2, 99))
        cv2.putText(image, number, (205, 42 + row * 36), cv2.FONT_HERSHEY_SIMPLEX, 0.8, ink, 2)
    return _frozen(np.dstack([image, np.full((128, 256), 255, np.uint8)]))


@functools.cache
def poster(index: int) -> Image:
    """Draw an advertisement, no traffic sign, (128, 192, 4) uint8."""
    rng = np.random.default_rng([74, index])
    image = np.full((128, 192, 3), rng.uniform(20, 240, 3), np.uint8)
    for _ in range(5):
        colour = tuple(float(c) for c in rng.uniform(0, 255, 3))
        x, y = (int(v) for v in rng.uniform(0, 150, 2))
        if rng.random() < 0.5:
            cv2.circle(image, (x, y % 128), int(rng.uniform(8, 40)), colour, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(image, (x, y % 128), (x + 60, y % 128 + 25), colour, -1)
    cv2.rectangle(image, (0, 0), (191, 127), (60, 60, 60), 4)
    return _frozen(np.dstack([image, np.full((128, 192), 255, np.uint8)]))


def _crop(tile: np.ndarray, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    y, x = rng.integers(0, SIDE - shape[0]), rng.integers(0, SIDE - shape[1])
    return tile[y : y + shape[0], x : x + shape[1]]


def _frozen(image: np.ndarray) -> Image:
    sprite: Image = np.clip(np.round(image), 0, 255).astype(np.uint8)
    sprite.setflags(write=False)
    return sprite
