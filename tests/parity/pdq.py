"""Compares perceptual hashes with the reference's: python pdq.py [--corpus FOLDER].

The reference is the C++ of PDQ's authors, as `pdqhash` of PyPI wraps it. It is given what Pillow's
`convert("RGB")` makes of each image, which drops alpha. Images of at most 512 pixels a side must have the
same hash and quality. Larger ones are scaled to 512 by 512 for the reference by each of Pillow's
antialiased filters, and where the quality is 80 or more, at most 10 bits may differ.

It prints a table and every image that is not so, and ends with 1 if there is one.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pdqhash
from example import ROOT, build, corpus_of
from PIL import Image

SIDE_MAX = 512
QUALITY_MIN = 80
DISTANCE_MAX = 10
FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# Sides of the pictures that are made where there is no corpus, and beside it.
SIDES = [(5, 5), (63, 64), (64, 64), (65, 64), (129, 300), (512, 512), (700, 300), (1200, 900)]


def made(folder):
    """Seeded pictures of a few strong waves, as PNG and JPEG, with and without alpha and colours."""
    noise = np.random.default_rng(1)
    paths = []
    for width, height in SIDES:
        y, x = np.mgrid[0:height, 0:width] / max(width, height)
        waves = [np.sin(x * a + y * b + c) for a, b, c in noise.uniform(0, 30, (12, 3))]
        pixels = np.clip(128 + 40 * np.stack(waves, -1).reshape(height, width, 4, 3).sum(-1), 0, 255)
        whole = Image.fromarray(pixels.astype(np.uint8), "RGBA")
        for mode, ending in (("RGBA", "png"), ("RGB", "png"), ("L", "png"), ("RGB", "jpg"), ("L", "jpg")):
            path = folder / f"{width}x{height}_{mode}.{ending}"
            whole.convert(mode).save(path)
            paths.append(path)
    return paths


def ours(program, paths):
    """What the example answers for each image."""
    jobs = "".join(json.dumps({"path": str(path), "pdq": True}) + "\n" for path in paths)
    run = subprocess.run([program], input=jobs, text=True, capture_output=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def reference(image):
    """Hash and quality, as ours are written."""
    bits, quality = pdqhash.compute(np.asarray(image))
    return np.packbits(bits).tobytes().hex(), quality


def distance(one, other):
    return (int(one, 16) ^ int(other, 16)).bit_count()


def compare(path, answer, equal, distances):
    """The faults of one image."""
    image = Image.open(path).convert("RGB")
    found = answer["pdq"], answer["pdq_quality"]
    if max(image.size) <= SIDE_MAX:
        expected = reference(image)
        equal.append(found == expected)
        what = f"{found} instead of {expected}, {distance(found[0], expected[0])} bits"
        return [] if equal[-1] else [f"{path.name}: {what}"]
    faults = []
    for name, kind in FILTERS.items():
        hashed, quality = reference(image.resize((SIDE_MAX, SIDE_MAX), kind))
        if quality >= QUALITY_MIN:
            distances[name].append(distance(found[0], hashed))
            if distances[name][-1] > DISTANCE_MAX:
                faults.append(f"{path.name}: {distances[name][-1]} bits from {name}")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=pathlib.Path, default=ROOT.parent / "shared" / "corpus")
    parser.add_argument("--program", help="a built example; otherwise it is built")
    arguments = parser.parse_args()
    program = arguments.program or build()
    corpus = corpus_of(arguments.corpus, "ONLY SEEDED PICTURES ARE COMPARED")
    equal, distances, faults = [], {name: [] for name in FILTERS}, []
    with tempfile.TemporaryDirectory() as folder:
        paths = made(pathlib.Path(folder)) + corpus
        for path, answer in zip(paths, ours(program, paths), strict=True):
            if answer.get("status") == "success":
                faults += compare(path, answer, equal, distances)
    print(f"sides to {SIDE_MAX}: {sum(equal)} of {len(equal)} equal")
    for name, found in distances.items():
        zero = sum(one == 0 for one in found)
        print(f"larger, by {name}: {len(found)}, {zero} equal, mean {np.mean(found):.2f}, most {max(found)} bits")
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
