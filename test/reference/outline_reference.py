"""Writes data/outlines.json: polygons as scikit-image fills them, and masks cropped and resized by area averaging.

    pip install numpy pillow scikit-image && python outline_reference.py
"""

import json
import pathlib

import numpy as np
from PIL import Image
from skimage.draw import polygon2mask

rng = np.random.default_rng(21)
SIZES = [(32, 24), (31, 45), (17, 19)]


def star(corners: int, width: float, height: float) -> np.ndarray:
    """A polygon that does not cross itself, partly outside the picture."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radii = rng.uniform(0.25, 0.8, corners)
    centre = rng.uniform(0.3, 0.7, 2)
    return np.stack([(centre[0] + radii * np.cos(angles) / 1.5) * width, (centre[1] + radii * np.sin(angles) / 1.5) * height], 1)


def pixels(mask: np.ndarray) -> list[str]:
    return ["".join("1" if lit else "0" for lit in row) for row in mask]


polygons = []
for i, corners in enumerate([3, 5, 9, 40]):
    width, height = SIZES[i % len(SIZES)]
    points = np.round(star(corners, width, height), 4)
    # scikit-image's pixels are points at whole coordinates, rows first.
    mask = polygon2mask((height, width), points[:, ::-1] - 0.5)
    polygons.append({"points": points.tolist(), "size": [width, height], "rows": pixels(mask)})



def overlaps(first: float, last: float, source: int, count: int) -> np.ndarray:
    """How much of each of `count` pixels between two edges each source pixel covers, [count, source]."""
    edges = np.linspace(first, last, count + 1)
    low = np.maximum(edges[:-1, None], np.arange(source))
    high = np.minimum(edges[1:, None], np.arange(1, source + 1))
    return np.maximum(0, high - low) * count / (last - first)


masks = []
for crop, size in [((2, 3, 56, 42), (18, 13)), ((2, 3, 55, 42), (21, 16)), ((0, 0, 60, 45), (60, 45)), ((7, 1, 58, 44), (21, 30)), ((13, 7, 33, 26), (27, 23))]:
    y, x = np.mgrid[:45, :60] + 0.5
    lit = ((x - 27) / 20) ** 2 + ((y - 22) / 15) ** 2 + 0.35 * rng.standard_normal((45, 60)) < 1
    (x0, y0, x1, y1), (width, height) = crop, size
    shares = overlaps(y0, y1, 45, height) @ lit @ overlaps(x0, x1, 60, width).T
    if (x1 - x0) % width == 0 and (y1 - y0) % height == 0:
        # Elsewhere Pillow takes source pixels whole or not at all.
        pillow = Image.fromarray(lit.astype(np.float32)).resize(size, Image.Resampling.BOX, box=crop)
        assert np.allclose(np.asarray(pillow), shares, atol=1e-6)
    assert np.all((np.abs(shares - 0.5) > 1e-6) | (np.abs(shares - 0.5) < 1e-12))
    masks.append({"mask": pixels(lit), "crop": crop, "size": size, "rows": pixels(shares > 0.5 - 1e-9)})

text = json.dumps({"polygons": polygons, "masks": masks})
(pathlib.Path(__file__).parent / "data" / "outlines.json").write_text(f"{text}\n")
