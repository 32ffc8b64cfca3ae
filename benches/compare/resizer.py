#!/usr/bin/env python3
"""CPU of decode, resize and encode: turbo2ds-codec against img2dataset's own Resizer.

Both get the same bytes, on one thread each, in turns (A B C A B C); the time is the thread's CPU.
Of each image the median of --repeats calls counts, and of those the median over --rounds. Run it
with the Python of an environment that has tests/parity/requirements.txt:

    cargo build --release -p turbo2ds-codec --example process_images
    python benches/compare/resizer.py --images FOLDER --mode border --size 256
"""

import argparse
import io
import json
import os
import pathlib
import statistics
import subprocess
import time

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

from img2dataset.resizer import Resizer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "target" / "release" / "examples" / "process_images"


def theirs(paths, options):
    """CPU microseconds of each image through the Resizer."""
    resizer = Resizer(options.size, options.mode, False, encode_quality=95)
    result = []
    for path in paths:
        stream, calls = io.BytesIO(path.read_bytes()), []
        for _ in range(options.repeats):
            start = time.thread_time_ns()
            resizer(stream)
            calls.append((time.thread_time_ns() - start) / 1000)
        result.append(statistics.median(calls))
    return result


def ours(paths, options, exact):
    """CPU microseconds of each image through the codec."""
    job = {"mode": options.mode, "size": options.size, "rounds": options.repeats, "exact": exact}
    lines = "".join(json.dumps(job | {"path": str(path)}) + "\n" for path in paths)
    answers = subprocess.run([options.program], input=lines, text=True, check=True, stdout=subprocess.PIPE)
    return [json.loads(line)["cpu_us"] for line in answers.stdout.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=pathlib.Path, required=True)
    parser.add_argument("--program", default=str(PROGRAM))
    parser.add_argument("--mode", default="border")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    paths = sorted(path for path in options.images.iterdir() if path.suffix != ".json")
    sides = {
        "img2dataset": lambda: theirs(paths, options),
        "turbo2ds exact": lambda: ours(paths, options, True),
        "turbo2ds": lambda: ours(paths, options, False),
    }
    rounds = [{name: side() for name, side in sides.items()} for _ in range(options.rounds)]
    print(f"{len(paths)} images, {options.mode} {options.size}, CPU microseconds per image and ratio")
    suffixes = sorted({path.suffix for path in paths})
    for group in [*suffixes, ""]:
        chosen = [at for at, path in enumerate(paths) if path.name.endswith(group)]
        means = {
            name: statistics.fmean(statistics.median(one[name][at] for one in rounds) for at in chosen)
            for name in sides
        }
        cells = [f"{name} {mean:7.0f} ({mean / means['img2dataset']:.3f})" for name, mean in means.items()]
        print(f"{group or 'all':6} {len(chosen):4}  " + "  ".join(cells))


if __name__ == "__main__":
    main()
