#!/usr/bin/env python3
"""How turbo2ds uses the cores: all of them against one, and shards of unequal weight against equal ones.

    cores.py --turbo2ds BIN [--images FOLDER] [--rows N] [--rounds N]

The simulated web, where every host answers, runs on the same cores. Rates of all cores are therefore
also given without the time that it took from each of them: its CPU seconds, divided by the cores. With
one core it runs beside turbo2ds, and takes nothing.

Unequal shards: a folder of a large and a small image that costs a tenth; one shard per core, one of them
of large images only. The same rows in turns, so that every shard weighs the same, are the other side.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import measure
import report
import sides
import simulated

ROOT = Path(__file__).resolve().parents[2]
CLEAN = ["--shares", "clean", "--latency", "0"]
LIGHT_PIXELS_MAX = 500_000


def side(args, url_list, shard_rows, *options):
    chosen = SimpleNamespace(
        turbo2ds=args.turbo2ds, image_size=256, resize_mode="border", shard_rows=shard_rows, timeout=10, retries=0,
        option=list(options),
    )
    return sides.turbo2ds(chosen, url_list)


def without_server(run, cores):
    """Images per second of wall time in which the server had no core."""
    taken = run["server_cpu_us_per_image"] * run["images"] / 1e6 / cores
    return run["images"] / (run["wall_s"] - taken)


def turns(args, work, server, pair):
    """Runs of both sides in turns after one that warms up."""
    runs = {name: [] for name in pair}
    for turn in range(args.rounds + 1):
        for name, one in pair.items():
            run = measure.run(one, work / "out", work / "log", server, {})
            if turn:
                runs[name].append(run)
                print(f"{name}: {run['images_per_s']:.1f} images/s, {run['cpu_us_per_image']:.0f} us", file=sys.stderr)
    return runs


def all_against_one(args, work):
    url_list, cores = work / "list", os.cpu_count()
    simulated.simweb(args.simweb, "list", "--set", "10k", "--fraction", args.rows / 10_000, "--out", url_list, *CLEAN[:2])
    pair = {"one core": side(args, url_list, 500, "--processes_count=1"), "all cores": side(args, url_list, 500)}
    with simulated.serving(args.simweb, args.images, work / "ca.pem", *CLEAN) as server:
        runs = turns(args, work, server, pair)
    one = [run["images_per_s"] for run in runs["one core"]]
    every = [without_server(run, cores) for run in runs["all cores"]]
    ratio = statistics.median(all_cores / one_core for one_core, all_cores in zip(one, every))
    print(f"{cores} cores: {statistics.median(every):.1f} images/s without the server's share "
          f"({statistics.median(run['images_per_s'] for run in runs['all cores']):.1f} with it), "
          f"one core {statistics.median(one):.1f}: {ratio:.2f} times")


def write_list(path, urls):
    path.mkdir()
    path.joinpath("0.csv").write_text("URL,TEXT\n" + "".join(f"{url},a text\n" for url in urls), encoding="utf-8")


def by_weight(args, work, server, url_list):
    """The list's URLs with a large image, and those with a small one, as one run found them."""
    measure.run(side(args, url_list, 100_000), work / "out", work / "log", server, {})
    command = [args.python, "-c", (
        "import pyarrow.parquet as p, sys; t = p.read_table(sys.argv[1]).to_pylist();"
        "print(*(f\"{r['url']} {r['original_width'] * r['original_height']}\" for r in t), sep='\\n')"
    ), str(work / "out" / "00000.parquet")]
    rows = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    heavy, light = [], []
    for row in rows:
        url, pixels = row.rsplit(" ", 1)
        (heavy if int(pixels) > LIGHT_PIXELS_MAX else light).append(url)
    return heavy, light


def unequal_against_equal(args, work):
    url_list, cores = work / "weights", os.cpu_count()
    images = work / "images"
    images.mkdir()
    for megapixels in (0.15, 1.5):
        drawing = work / f"drawing-{megapixels}"
        simulated.simweb(args.simweb, "draw", "--out", drawing, "--count", "1", "--megapixels", megapixels)
        for image in drawing.iterdir():
            image.rename(images / f"{megapixels}-{image.name}")
    simulated.simweb(args.simweb, "list", "--set", "10k", "--fraction", args.rows / 10_000, "--out", url_list, *CLEAN[:2])
    with simulated.serving(args.simweb, images, work / "ca2.pem", *CLEAN) as server:
        heavy, light = by_weight(args, work, server, url_list)
        shard = min(len(heavy), len(light) // (cores - 1))
        heavy, light = heavy[:shard], light[:shard * (cores - 1)]
        print(f"{len(heavy)} large images, {len(light)} small ones, {shard} a shard", file=sys.stderr)
        write_list(work / "unequal", heavy + light)
        groups = [light[index * (cores - 1):][:cores - 1] for index in range(shard)]
        write_list(work / "equal", [url for large, small in zip(heavy, groups) for url in (large, *small)])
        csv = {"unequal": work / "unequal", "equal": work / "equal"}
        pair = {name: side(args, path, shard, "--input_format=csv") for name, path in csv.items()}
        runs = turns(args, work, server, pair)
    rates = {name: [run["images_per_s"] for run in runs[name]] for name in runs}
    ratio = statistics.median(a / b for a, b in zip(rates["unequal"], rates["equal"]))
    print(f"unequal shards: {statistics.median(rates['unequal']):.1f} images/s, equal ones "
          f"{statistics.median(rates['equal']):.1f}: {ratio:.3f} times")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turbo2ds", required=True)
    parser.add_argument("--simweb", default=ROOT / "target/release/simweb")
    parser.add_argument("--images", type=Path, help="served in the first part; drawn where it is not given")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", default=sys.executable, help="a Python that has pyarrow")
    args = parser.parse_args()
    simulated.enter_namespace()
    args.images = args.images or simulated.drawn(args.simweb, ROOT / "build/images")
    print(report.machine())
    with tempfile.TemporaryDirectory() as work:
        all_against_one(args, Path(work))
        unequal_against_equal(args, Path(work))


if __name__ == "__main__":
    main()
