"""Owns the axis of JPEGs that stay in their planes: how near each side comes to the true resized image.

The true image is the decoded one, resized in floats by OpenCV and never encoded. Both sides' stored
JPEGs are decoded and compared with it by SSIM, the mean of the three channels.
"""

import cv2
import numpy as np
from judge import ssim
from sides import decoded

LOSS_MAX = 0.0005
# SSIM of fewer pixels than its window has is noise.
SIDE_MIN = 16

FILTERS = {
    "area": cv2.INTER_AREA,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
}
CASES = [
    {"mode": "no"},
    {"mode": "border", "size": 256},
    {"mode": "keep_ratio", "size": 256},
    {"mode": "center_crop", "size": 255},
    {"mode": "keep_ratio_largest", "size": 1000},
    {"mode": "keep_ratio", "size": 400, "upscale": "cubic", "downscale": "cubic"},
    {"mode": "keep_ratio", "size": 400, "upscale": "linear", "downscale": "linear"},
]


def true_image(pixels, mode, size=256, upscale="lanczos", downscale="area"):
    """What the settings make of `pixels`, in floats."""
    pixels = pixels.astype(np.float32)
    if mode == "no":
        return pixels
    height, width = pixels.shape[:2]
    side = (min if mode in ("keep_ratio", "center_crop") else max)(height, width)
    scaled = [max(1, round(length * (size / side))) for length in (width, height)]
    name = downscale if side > size else upscale
    pixels = np.clip(cv2.resize(pixels, scaled, interpolation=FILTERS[name]), 0, 255)
    if mode == "center_crop":
        x, y = ((length - size) // 2 for length in scaled)
        return pixels[y : y + size, x : x + size]
    if mode == "border":
        across, down = (size - length for length in scaled)
        edges = (down // 2, down - down // 2, across // 2, across - across // 2)
        return cv2.copyMakeBorder(pixels, *edges, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    return pixels


def likeness(pixels, true):
    return sum(ssim(pixels[..., channel], true[..., channel]) for channel in range(3)) / 3


def planar_axis(run):
    """Every colour JPEG of the corpus in every case, and those of the edge set in two."""
    for path in run.edge_paths + run.corpus_paths:
        if run.bodies[path][:3] != b"\xff\xd8\xff":
            continue
        original = decoded(run.bodies[path])
        if original is None or original.ndim != 3 or min(original.shape[:2]) < SIDE_MIN:
            continue
        for settings in CASES if path in run.corpus_paths else CASES[:2]:
            compare(run, path, original, settings)


def compare(run, path, original, settings):
    name = f"planar {' '.join(str(value) for value in settings.values())}"
    pair = run.both(name, path, format="jpg", quality=95, **settings)
    if pair is None:
        return
    ours, theirs, _, label = pair
    true = true_image(original, **settings)
    near = [likeness(decoded(side.file), true) for side in (ours, theirs)]
    run.axis(name).equal += ours.file == theirs.file
    run.axis(name).note(path.name, ("loss",), ours=near[0], theirs=near[1], loss=near[1] - near[0])
    if near[1] - near[0] > LOSS_MAX:
        what = f"ssim to the true image: ours {near[0]:.5f}, theirs {near[1]:.5f} [{label}]"
        run.ledger.mismatch("planar", path.name, what)
