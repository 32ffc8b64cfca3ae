"""Owns the two sides of the comparison: img2dataset's own classes, and turbo2ds through its example.

Both take the same settings by the same names and give an `Answer`. Never judges a difference.
"""

import collections
import io
import json
import os
import pathlib
import subprocess
import sys
import warnings

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
warnings.filterwarnings("ignore", category=DeprecationWarning)
warnings.filterwarnings("ignore", category=UserWarning)

import cv2  # noqa: E402
import exifread  # noqa: E402
import numpy as np  # noqa: E402
from img2dataset.resizer import Resizer  # noqa: E402

cv2.setNumThreads(1)
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

ENDED = "the process ended: "
Answer = collections.namedtuple("Answer", "status size original file")

RENAMED = {
    "size": "image_size",
    "mode": "resize_mode",
    "only_if_bigger": "resize_only_if_bigger",
    "upscale": "upscale_interpolation",
    "downscale": "downscale_interpolation",
    "format": "encode_format",
    "quality": "encode_quality",
}


class Theirs:
    """img2dataset's Resizer, and its EXIF text as its downloader makes it."""

    def __init__(self):
        self.resizers = {}

    def process(self, body, **settings):
        key = json.dumps(settings, sort_keys=True)
        if key not in self.resizers:
            named = {"image_size": 256, "resize_mode": "border", "resize_only_if_bigger": False}
            named |= {RENAMED.get(name, name): value for name, value in settings.items()}
            self.resizers[key] = Resizer(**named)
        file, width, height, original_width, original_height, error = self.resizers[key](io.BytesIO(body))
        if error is not None:
            return Answer(error, None, None, None)
        return Answer("success", (width, height), (original_width, original_height), file)

    @staticmethod
    def exif(body):
        try:
            tags = exifread.process_file(io.BytesIO(body), details=False)
            return json.dumps({k: str(v).strip() for k, v in tags.items() if v is not None})
        except Exception:  # pylint: disable=broad-except
            return None


class Ours:
    """One process of the example, asked one job at a time."""

    def __init__(self, folder, program):
        self.out = str(pathlib.Path(folder) / "result")
        self.errors = open(pathlib.Path(folder) / "errors", "w+", encoding="utf-8")
        self.program = program
        self.start()

    def start(self):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.errors}
        self.child = subprocess.Popen([self.program], text=True, **pipes)

    def ask(self, path, **settings):
        job = {"path": str(path), "out": self.out} | settings
        self.child.stdin.write(json.dumps(job) + "\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            return self.ended()
        answer = json.loads(line)
        if "error" in answer:
            raise SystemExit(f"{answer['error']}: {job}")
        return answer

    def ended(self):
        """The answer of a process that ended instead of answering; another takes its place."""
        self.child.wait()
        self.errors.seek(0)
        panics = [line for line in self.errors if "panicked at" in line]
        self.errors.truncate(0)
        self.start()
        return {"status": ENDED + (panics or ["without a word"])[-1].strip(), "exif": ENDED}

    def process(self, path, **settings):
        answer = self.ask(path, **settings)
        if answer["status"] != "success":
            return Answer(answer["status"], None, None, None), answer
        size = (answer["width"], answer["height"])
        original = (answer["original_width"], answer["original_height"])
        return Answer("success", size, original, pathlib.Path(self.out).read_bytes()), answer

    def close(self):
        self.child.stdin.close()
        self.child.wait()
        self.errors.close()


def quiet():
    """Sends what C libraries print to nowhere; Python's own standard error stays."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = os.fdopen(kept, "w", buffering=1)


def decoded(file):
    """The pixels of a file; None where it has none."""
    if not file:
        return None
    try:
        return cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None


def high_bytes(body):
    """A body of 16-bit samples as a PNG of their high bytes; any other body as it is.

    img2dataset lets 16-bit samples saturate. Ours takes the high byte, and is held to what
    img2dataset makes of the image with exactly that done before.
    """
    pixels = decoded(body)
    if pixels is None or pixels.dtype != np.uint16:
        return body, False
    return cv2.imencode(".png", (pixels >> 8).astype(np.uint8))[1].tobytes(), True
