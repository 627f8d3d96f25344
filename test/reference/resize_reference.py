"""Grey pictures cropped and resized by Pillow (Image.LANCZOS). Writes data/resize.json: bytes in base64, row by row."""

import base64
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

# Width and height of a picture, the part taken (left, top, right, bottom), width and height of the result.
CASES = [
    (20, 10, (10, 0, 20, 10), (8, 6)),
    (13, 9, (0, 0, 13, 9), (20, 18)),
    (37, 23, (5, 3, 34, 22), (12, 15)),
    (16, 24, (0, 0, 16, 24), (16, 7)),
    (24, 16, (4, 0, 20, 16), (7, 16)),
    (16, 16, (4, 5, 12, 13), (8, 8)),
    (1, 1, (0, 0, 1, 1), (5, 3)),
    (90, 3, (0, 0, 90, 3), (4, 2)),
    (21, 19, (7, 2, 20, 17), (6, 13)),
]


def text(levels: np.ndarray) -> str:
    return base64.b64encode(levels.tobytes()).decode()


def case(index: int) -> dict:
    width, height, box, size = CASES[index]
    rng = np.random.default_rng(index)
    levels = rng.integers(0, 256, (height, width), dtype=np.uint8)
    if index % 3 == 2:  # Black and white, where the kernel overshoots.
        levels = (levels > 127).astype(np.uint8) * 255
    resized = np.asarray(Image.fromarray(levels).crop(box).resize(size, Image.LANCZOS))
    return {"width": width, "height": height, "grey": text(levels), "box": box, "size": size, "resized": text(resized)}


folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data"
(folder / "resize.json").write_text(json.dumps([case(i) for i in range(len(CASES))], indent=1) + "\n")
