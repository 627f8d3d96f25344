"""Writes data/coco-rle.json: masks with their run lengths as pycocotools compresses them, and their boxes.

    pip install pycocotools numpy && python coco_rle_reference.py
"""

import json
import pathlib

import numpy as np
from pycocotools import mask as coco

rng = np.random.default_rng(10)


def discs(height: int, width: int, count: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    mask = np.zeros((height, width), np.uint8)
    for _ in range(count):
        cy, cx, r = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(1, min(height, width) / 4)
        mask |= ((y - cy) ** 2 + (x - cx) ** 2 <= r**2).astype(np.uint8)
    return mask


masks = [
    discs(24, 17, 1),
    discs(240, 320, 2),
    discs(61, 640, 5),
    (rng.random((13, 19)) < 0.5).astype(np.uint8),
    np.ones((7, 5), np.uint8),
    np.zeros((7, 5), np.uint8),
    np.eye(40, dtype=np.uint8),
]
cases = []
for mask in masks:
    rle = coco.encode(np.asfortranarray(mask))
    flat = mask.flatten(order="F")
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat, [2]])))
    runs = np.diff(np.concatenate([[0], edges])).tolist()
    cases.append(
        {
            "size": [int(n) for n in rle["size"]],
            "counts": rle["counts"].decode("ascii"),
            "runs": [int(n) for n in runs],
            "area": int(coco.area(rle)),
            "bbox": [float(v) for v in coco.toBbox(rle)],
            "rows": ["".join(str(v) for v in row) for row in mask] if mask.size < 1000 else None,
        }
    )
text = ",\n".join(json.dumps(case) for case in cases)
(pathlib.Path(__file__).parent / "data" / "coco-rle.json").write_text(f"[\n{text}\n]\n")
