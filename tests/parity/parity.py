"""The whole comparison with img2dataset by one command: python parity.py [--corpus FOLDER].

It builds the example, makes the edge set in a temporary folder, and holds turbo2ds-codec to
img2dataset's own Resizer and EXIF text for every image along seven axes, and the two JPEG
decoders to each other along an eighth:

  decode   every image as it is stored, pixel by pixel
  default  every image with img2dataset's defaults; JPEGs with and without `exact`
  resize   modes x only_if_bigger x filters x sizes, pixel by pixel
  encode   JPEG, WebP and PNG at several qualities
  exif     the JSON text of every image
  planar   JPEGs that stay in their planes, and theirs, against the true resized image
  policy   skip_reencode, the size filters and disable_all_reencoding
  zune     every JPEG by zune-jpeg against the same by libjpeg-turbo

It prints a table and every mismatch, and ends with 1 if one is not in exceptions.py.
"""

import argparse
import itertools
import os
import pathlib
import sys
import tempfile
import time

import edges
import numpy as np
from example import ROOT, build, corpus_of
from exceptions import EXCEPTIONS
from judge import Axis, Ledger, pixel_difference, ssim
from planar import planar_axis
from sides import ENDED, Ours, Theirs, decoded, high_bytes, quiet

MODES = ("border", "keep_ratio", "keep_ratio_largest", "center_crop")
FILTERS = ("nearest", "linear", "cubic", "area", "lanczos")
LEVELS_MAX = 1
# zune-jpeg's inverse DCT and chroma upsampling are its own.
ZUNE_LEVELS_MAX = 12
# Of lossy files: the least likeness of ours to theirs, and the most that ours may be less like the
# image before encoding than theirs is. Noise that both encoders drop in their own ways lowers the
# first alone.
SSIM_MIN = 0.97
LOSS_MAX = 0.002
SIZE_RATIO_MAX = 1.1

# What the whole matrix of the resize and encode axes runs over, of the edge set.
REPRESENTATIVES = (
    "jpg_size_*",
    "jpg_baseline_grey_*",
    "jpg_cmyk_adobe_61x45*",
    "png_size_?x?.*",
    "png_size_?x?_grey_1.*",
    "png_size_?x?_rgba.*",
    "png_size_300x200_rgba.*",
    "png_grey_8.*",
    "png_rgb_16.*",
    "webp_lossy_900x3.*",
    "webp_lossless_alpha_17x13*",
    "gif_size_17x13.*",
    "bmp_rgb_24_33x20.*",
    "tiff_size_300x200.*",
)

# Sizes of the resize axis; where the sides of an image differ more than this, only the first.
SIZES = (16, 64, 300)
RATIO_MAX = 20


class Comparison:
    """Both sides, the images, and what came of each case."""

    def __init__(self, ours, edge_paths, corpus_paths):
        self.ours, self.theirs = ours, Theirs()
        self.edge_paths, self.corpus_paths = edge_paths, corpus_paths
        self.bodies, self.eight_bits = {}, {}
        self.axes, self.ledger = {}, Ledger(EXCEPTIONS)
        for path in edge_paths + corpus_paths:
            self.bodies[path] = path.read_bytes()

    @property
    def paths(self):
        return self.edge_paths + self.corpus_paths

    def representatives(self):
        return [path for path in self.edge_paths if any(path.match(one) for one in REPRESENTATIVES)]

    def axis(self, name):
        return self.axes.setdefault(name, Axis(name))

    def reference(self, path):
        """The body that img2dataset is given: 16-bit samples as their high bytes."""
        if path not in self.eight_bits:
            self.eight_bits[path] = high_bytes(self.bodies[path])[0]
        return self.eight_bits[path]

    def both(self, axis, path, ours_only=None, **settings):
        """Both answers where both are a success of the same size, else None."""
        label = " ".join(str(value) for value in settings.values())
        ours, answer = self.ours.process(path, **settings, **(ours_only or {}))
        theirs = self.theirs.process(self.reference(path), **settings)
        self.axis(axis).cases += 1
        kind = axis.split()[0]
        if (ours.status == "success") != (theirs.status == "success") or ours.status.startswith(ENDED):
            what = f"status: ours {ours.status}, theirs {first_line(theirs.status)} [{label}]"
            self.ledger.mismatch(kind, path.name, what)
            return None
        if ours.status != "success":
            self.axis(axis).equal += 1
            return None
        if ours.size != theirs.size or ours.original != theirs.original:
            what = f"size: ours {ours.original} {ours.size}, theirs {theirs.original} {theirs.size} [{label}]"
            self.ledger.mismatch(kind, path.name, what)
            return None
        return ours, theirs, answer, label

    def pixels(self, axis, path, **settings):
        """Compares before encoding, through PNG."""
        pair = self.both(axis, path, format="png", quality=0, **settings)
        if pair is None:
            return
        ours, theirs, _, label = pair
        a, b = decoded(ours.file), decoded(theirs.file)
        kind = axis.split()[0]
        if a is None or b is None or a.shape != b.shape or a.dtype != b.dtype:
            what = f"shape: ours {shape(a)}, theirs {shape(b)} [{label}]"
            self.ledger.mismatch(kind, path.name, what)
            return
        largest, share = pixel_difference(a, b)
        self.axis(axis).equal += largest == 0
        self.axis(axis).note(path.name, ("levels", "share"), levels=largest, share=share)
        if largest > LEVELS_MAX:
            what = f"pixels: up to {largest} levels, {100 * share:.2f} % of pixels [{label}]"
            self.ledger.mismatch(kind, path.name, what)

    def files(self, axis, path, lossless=False, **settings):
        """Compares what is stored."""
        ours_only = {"exact": settings.pop("exact")} if "exact" in settings else {}
        pair = self.both(axis, path, ours_only, **settings)
        if pair is None:
            return
        ours, theirs, _, label = pair
        kind, table = axis.split()[0], self.axis(axis)
        table.equal += ours.file == theirs.file
        a, b = decoded(ours.file), decoded(theirs.file)
        if a is None or b is None or a.shape != b.shape:
            self.ledger.mismatch(kind, path.name, f"shape: ours {shape(a)}, theirs {shape(b)} [{label}]")
            return
        ratio, levels = len(ours.file) / len(theirs.file), pixel_difference(a, b)[0]
        table.note(path.name, ("size_ratio", "levels"), size_ratio=ratio, levels=levels)
        if lossless and levels > LEVELS_MAX:
            self.ledger.mismatch(kind, path.name, f"pixels: up to {levels} levels [{label}]")
        if not lossless:
            self.likeness(axis, path, a, b, settings, label)
        if ratio > SIZE_RATIO_MAX and len(ours.file) > len(theirs.file) + 200:
            self.ledger.mismatch(kind, path.name, f"bytes: {ratio:.3f} times theirs [{label}]")

    def likeness(self, axis, path, ours, theirs, settings, label):
        """Compares lossy results with each other, and both with the image that was to be encoded."""
        plain = settings | {"format": "png", "quality": 0}
        image = decoded(self.theirs.process(self.reference(path), **plain).file)
        if image.ndim < ours.ndim:
            image = np.repeat(image[..., np.newaxis], 3, axis=2)
        near, loss = ssim(ours, theirs), ssim(theirs, image) - ssim(ours, image)
        self.axis(axis).note(path.name, ("loss",), ssim=near, loss=loss)
        if near < SSIM_MIN or loss > LOSS_MAX:
            what = f"ssim: {near:.4f}, {loss:.4f} less like the image than theirs [{label}]"
            self.ledger.mismatch(axis.split()[0], path.name, what)


def shape(pixels):
    return "none" if pixels is None else f"{pixels.shape} {pixels.dtype}"


def first_line(text):
    return text.strip().splitlines()[0][:110] if text.strip() else "an error without text"


def decode_axis(run):
    for path in run.paths:
        run.pixels(f"decode {kind_of(path)}", path, mode="no")
    twice_axis(run)


def twice_axis(run):
    """Nothing may stay behind in the codec: in the other order every image gives the same."""
    settings = {"mode": "no", "format": "png", "quality": 0}
    first = {path: run.ours.process(path, **settings)[0] for path in run.edge_paths}
    for path in reversed(run.edge_paths):
        run.axis("decode again").cases += 1
        if run.ours.process(path, **settings)[0] == first[path]:
            run.axis("decode again").equal += 1
        else:
            run.ledger.mismatch("decode", path.name, "order: the result hangs on what came before")


def kind_of(path):
    return path.name.split("_")[0] if path.name.split("_")[0] in {*edges.MODULES, "other"} else "corpus"


def default_axis(run):
    for path in run.paths:
        run.files(f"default {kind_of(path)}", path, format="jpg", quality=95)
        if path.suffix == ".jpg":
            run.files(f"default exact {kind_of(path)}", path, format="jpg", quality=95, exact=True)


def sizes_for(run, path):
    """The sizes to try: scaling by the smallest side makes a narrow image very long."""
    height, width = decoded(run.bodies[path]).shape[:2]
    return SIZES[:1] if max(width, height) > RATIO_MAX * min(width, height) else SIZES


def resize_axis(run):
    for path in run.representatives():
        for mode, size in itertools.product(MODES, sizes_for(run, path)):
            for bigger, name in itertools.product((False, True), FILTERS):
                settings = {"mode": mode, "only_if_bigger": bigger, "upscale": name, "downscale": name}
                run.pixels(f"resize {name}", path, size=size, **settings)
    for path in run.corpus_paths:
        for name in FILTERS:
            settings = {"mode": "keep_ratio", "upscale": name, "downscale": name}
            run.pixels(f"resize {name} corpus", path, size=256, **settings)
        run.pixels("resize 1000 corpus", path, size=1000, mode="keep_ratio_largest")
        for mode in MODES:
            run.pixels(f"resize {mode} corpus", path, size=300, mode=mode, only_if_bigger=True)


ENCODINGS = [("jpg", 95), ("jpg", 60), ("webp", 80), ("webp", 101), ("png", 0), ("png", 1), ("png", 6), ("png", 9)]


def encode_axis(run):
    for kind, quality in ENCODINGS:
        lossless = kind == "png" or quality > 100
        settings = {"mode": "keep_ratio", "size": 256, "format": kind, "quality": quality}
        paths = [path for path in run.representatives() if sizes_for(run, path) == SIZES]
        for path in paths + run.corpus_paths[::4]:
            run.files(f"encode {kind} {quality}", path, lossless=lossless, **settings)


def exif_axis(run):
    for path in run.paths:
        table = run.axis(f"exif {kind_of(path)}")
        table.cases += 1
        ours = run.ours.ask(path, disable_all_reencoding=True)["exif"]
        theirs = run.theirs.exif(run.bodies[path])
        table.equal += ours == theirs
        if ours != theirs:
            run.ledger.mismatch("exif", path.name, f"exif: ours {clip(ours, theirs)}, theirs {clip(theirs, ours)}")


def clip(text, other):
    """The part of `text` where it begins to differ from `other`."""
    if text is None or other is None:
        return str(text)[:70]
    same = next((at for at, pair in enumerate(zip(text, other)) if pair[0] != pair[1]), min(len(text), len(other)))
    return f"…{text[max(same - 25, 0) : same + 60]}"


POLICIES = [
    {"min_image_size": 20},
    {"max_image_area": 2000},
    {"max_aspect_ratio": 3.0},
    {"min_image_size": 33, "max_image_area": 60000, "max_aspect_ratio": 1.2},
    {"disable_all_reencoding": True},
]
POLICIES += [
    {"skip_reencode": True, "format": kind, "quality": quality, **more}
    for kind, quality in (("jpg", 95), ("png", 6), ("webp", 80))
    for more in ({"mode": "no"}, {"mode": "keep_ratio", "only_if_bigger": True, "size": 64}, {"mode": "border"})
]


def policy_axis(run):
    paths = run.edge_paths[::3] + run.representatives() + run.corpus_paths[::8]
    for settings in POLICIES:
        for path in sorted(set(paths)):
            policy_case(run, path, settings)


def policy_case(run, path, settings):
    axis = f"policy {next(iter(settings))}"
    label = " ".join(f"{name}={value}" for name, value in settings.items())
    ours, answer = run.ours.process(path, **settings)
    theirs = run.theirs.process(run.bodies[path], **settings)
    run.axis(axis).cases += 1
    body = run.bodies[path]
    if theirs.status == "success":
        same_status = ours.status == "success"
    else:
        same_status = ours.status == theirs.status or not theirs.status.startswith(("image ", "aspect "))
        same_status = same_status and ours.status != "success"
    same_status = same_status and not ours.status.startswith(ENDED)
    if not same_status:
        what = f"status: ours {ours.status}, theirs {first_line(theirs.status)} [{label}]"
        run.ledger.mismatch("policy", path.name, what)
        return
    if ours.status == "success" and answer["kept_original"] != (theirs.file == body):
        what = f"kept: ours {answer['kept_original']}, theirs {theirs.file == body} [{label}]"
        run.ledger.mismatch("policy", path.name, what)
        return
    run.axis(axis).equal += 1


def zune_axis(run):
    for path in run.paths:
        if run.bodies[path].startswith(b"\xff\xd8\xff"):
            zune_case(run, path)


def zune_case(run, path):
    table = run.axis("zune")
    table.cases += 1
    settings = {"mode": "no", "format": "png", "quality": 0, "exact": True}
    turbo, zune = (run.ours.process(path, decoder=name, **settings)[0] for name in ("turbo", "zune"))
    if turbo[:3] != zune[:3]:
        run.ledger.mismatch("zune", path.name, f"status: zune {zune[:3]}, turbo {turbo[:3]}")
        return
    table.equal += turbo == zune
    if turbo.status != "success":
        return
    a, b = decoded(turbo.file), decoded(zune.file)
    largest, share = (pixel_difference(a, b) if a.shape == b.shape else (255, 1))
    table.note(path.name, ("levels", "share"), levels=largest, share=share)
    if largest > ZUNE_LEVELS_MAX:
        run.ledger.mismatch("zune", path.name, f"pixels: up to {largest} levels, {100 * share:.2f} % of pixels")


AXES = {
    "decode": decode_axis,
    "default": default_axis,
    "resize": resize_axis,
    "encode": encode_axis,
    "exif": exif_axis,
    "planar": planar_axis,
    "policy": policy_axis,
    "zune": zune_axis,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=pathlib.Path, default=ROOT.parent / "shared" / "corpus")
    parser.add_argument("--program", help="a built example; otherwise it is built")
    parser.add_argument("--axis", action="append", choices=AXES, help="only this axis (again for more)")
    parser.add_argument("--match", default="*", help="only edge files of this pattern")
    parser.add_argument("--verbose", action="store_true", help="list the excused mismatches too")
    arguments = parser.parse_args()
    program = arguments.program or build()
    corpus = corpus_of(arguments.corpus, "ONLY THE EDGE SET IS COMPARED")
    quiet()
    with tempfile.TemporaryDirectory() as folder:
        edge_paths = [path for path in edges.write(pathlib.Path(folder) / "edges") if path.match(arguments.match)]
        ours = Ours(folder, program)
        run = Comparison(ours, edge_paths, corpus)
        for name in arguments.axis or AXES:
            start = time.process_time()
            AXES[name](run)
            print(f"{name}: {time.process_time() - start:.0f} s of CPU without the example's", file=sys.stderr)
        ours.close()
        print(f"the example: {sum(os.times()[2:4]):.0f} s of CPU, with its build", file=sys.stderr)
    for table in run.axes.values():
        print(table.row())
    run.ledger.print(arguments.verbose)
    return 1 if run.ledger.unlisted else 0


if __name__ == "__main__":
    sys.exit(main())
