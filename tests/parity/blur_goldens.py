"""Writes the goldens of codec/tests/blur.rs: small images through img2dataset's own Resizer and
BoundingBoxBlurrer. Needs img2dataset 1.47.0, albumentations 1.4.24 and opencv-python-headless.

    NO_ALBUMENTATIONS_UPDATE=1 python tests/parity/blur_goldens.py codec/tests/goldens/blur
"""

import io
import json
import sys
from pathlib import Path

import cv2
import numpy as np
from img2dataset.blurrer import BoundingBoxBlurrer
from img2dataset.resizer import Resizer

# name, (width, height), channels, resize_mode, image_size, boxes
CASES = [
    ("one_box", (64, 48), 3, "no", 0, [[0.25, 0.2, 0.7, 0.8]]),
    ("one_box_grey", (64, 48), 1, "no", 0, [[0.25, 0.2, 0.7, 0.8]]),
    ("small_box", (64, 48), 3, "no", 0, [[0.5, 0.5, 0.53, 0.55]]),
    ("whole_image", (64, 48), 3, "no", 0, [[0, 0, 1, 1]]),
    ("whole_image_grey", (50, 70), 1, "no", 0, [[0.0, 0.0, 1.0, 1.0]]),
    ("overlapping", (64, 48), 3, "no", 0, [[0.1, 0.1, 0.4, 0.5], [0.3, 0.3, 0.6, 0.9]]),
    ("far_apart", (96, 64), 3, "no", 0, [[0.0, 0.0, 0.2, 0.3], [0.8, 0.7, 1.0, 1.0], [0.8, 0.1, 0.9, 0.15]]),
    ("outside", (64, 48), 3, "no", 0, [[-0.3, 0.4, 0.2, 1.3], [1.2, 0.0, 1.5, 0.4]]),
    ("huge", (40, 30), 3, "no", 0, [[-1.0, -1.0, 2.0, 2.0]]),
    ("huge_strip", (31, 4), 1, "no", 0, [[-1.0, -1.0, 2.0, 2.0]]),
    ("no_extent", (32, 32), 3, "no", 0, [[0.5, 0.5, 0.5, 0.5]]),
    ("a_line", (32, 32), 3, "no", 0, [[0.5, 0.1, 0.5, 0.9]]),
    ("two_by_three", (2, 3), 3, "no", 0, [[0.0, 0.0, 1.0, 1.0]]),
    ("one_row", (9, 1), 3, "no", 0, [[0.0, 0.0, 1.0, 1.0]]),
    ("empty_list", (16, 16), 3, "no", 0, []),
    ("border", (80, 50), 3, "border", 64, [[0.0, 0.5, 0.5, 1.0]]),
    ("center_crop", (90, 50), 3, "center_crop", 40, [[0.1, 0.1, 0.5, 0.9]]),
    ("keep_ratio", (60, 50), 1, "keep_ratio", 70, [[0.1, 0.1, 0.5, 0.9]]),
    ("long_kernel", (1000, 8), 1, "no", 0, [[0.1, 0.0, 0.9, 1.0]]),
]


def picture(width, height, channels, seed):
    """Patches of one colour with a little grain: edges, flat parts, and small files."""
    random = np.random.RandomState(seed)
    patches = random.randint(0, 256, (height // 9 + 1, width // 9 + 1, channels))
    pixels = np.repeat(np.repeat(patches, 9, axis=0), 9, axis=1)[:height, :width]
    grain = random.randint(0, 9, (height, width, 1))
    pixels = (pixels + grain).clip(0, 255).astype(np.uint8)
    return pixels[:, :, 0] if channels == 1 else pixels


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    described = []
    for seed, (name, size, channels, mode, image_size, boxes) in enumerate(CASES):
        pixels = picture(*size, channels, seed)
        file = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
        # The nearest pixel, so that the goldens hold the blur's own differences and no filter's.
        resizer = Resizer(
            image_size=image_size,
            resize_mode=mode,
            resize_only_if_bigger=False,
            upscale_interpolation="nearest",
            downscale_interpolation="nearest",
            encode_format="png",
            encode_quality=9,
            blurrer=BoundingBoxBlurrer(),
        )
        blurred, _, _, _, _, error = resizer(io.BytesIO(file), boxes)
        assert error is None, (name, error)
        (folder / f"{name}.png").write_bytes(file)
        (folder / f"{name}.expected.png").write_bytes(blurred)
        described.append({"name": name, "resize_mode": mode, "image_size": image_size, "boxes": boxes})
    lines = ",\n".join(json.dumps(case) for case in described)
    (folder / "cases.json").write_text(f"[\n{lines}\n]\n")


main()
