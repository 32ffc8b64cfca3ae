#!/usr/bin/env python3
"""Runs one URL list through turbo2ds and others in turn (A B A B) and says what each took.

    compare.py --turbo2ds BIN [--img2dataset BIN] [--daft PYTHON] [--floors BIN] [--set 10k|18M]
               [--fraction F] [--scheme http,https] [--images FOLDER] [--rounds 3] [--json FILE]

The web is `simweb` (build it with `cargo build --release -p turbo2ds-benches`): hosts, names, latencies
and faults from one seed, in a network namespace that needs no root where users may make their own.
Its CPU time stands in a column of its own and counts for nobody; it shares the machine's cores,
though, so images per second are those of this machine with its web on it.

CPU is user+sys of the whole process tree, from wait4. Each side runs the list's first tenth once to warm
up, which is not counted. The set 18M runs with --fraction, and what it prints at the end is an extrapolation.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import measure
import report
import sides
import simulated

ROOT = Path(__file__).resolve().parents[2]
WHOLE = {"10k": 10_000, "18M": 18_000_000}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turbo2ds", help="the binary; absent: not run")
    parser.add_argument("--img2dataset", help="the other side's command; absent: not run")
    parser.add_argument("--daft", help="a Python that has daft; absent: not run")
    parser.add_argument("--floors", help="the floors' binary: CPU per image is held against the codec floor")
    parser.add_argument("--simweb", default=ROOT / "target/release/simweb", help="the simulated web's binary")
    parser.add_argument("--set", choices=WHOLE, default="10k", dest="list")
    parser.add_argument("--fraction", type=float, default=1.0, help="the first part of the set alone")
    parser.add_argument("--scheme", default="http", help="http, https, or both with a comma between")
    parser.add_argument("--images", type=Path, help="a folder of images; otherwise 200 are drawn into build/images")
    parser.add_argument("--shares", default="web", help="web (things go wrong) or clean")
    parser.add_argument("--share", action="append", default=[], metavar="NAME=SHARE", help="as simweb's")
    parser.add_argument("--latency", type=float, default=1.0, help="what latencies are multiplied by")
    parser.add_argument("--dns_latency", default="0-0", help="milliseconds, LEAST-MOST")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--image_size", type=int, default=256)
    parser.add_argument("--resize_mode", default="border")
    parser.add_argument("--shard_rows", type=int, default=1000)
    parser.add_argument("--timeout", type=int, default=10)
    parser.add_argument("--retries", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="img2dataset's processes_count")
    parser.add_argument("--threads", type=int, default=64, help="img2dataset's thread_count")
    parser.add_argument("--option", action="append", default=[], help="one more option for turbo2ds")
    parser.add_argument("--json", help="also write everything here")
    return parser.parse_args()


def web_arguments(args):
    changed = [word for share in args.share for word in ("--share", share)]
    return ["--seed", args.seed, "--shares", args.shares, *changed]


def show(label, name, figures):
    print(f"{label:8} {name:12} " + " ".join(f"{k}={v:.6g}" for k, v in figures.items()), flush=True)


def compare(args, scheme, work):
    """Every run of every side over one scheme, and what was to be expected of the list."""
    images = args.images or simulated.drawn(args.simweb, ROOT / "build/images")
    url_list, first_tenth = work / f"list-{scheme}", work / f"tenth-{scheme}"
    tls = ["--tls"] if scheme == "https" else []
    listed = ["--set", args.list, *tls, *web_arguments(args)]
    simulated.simweb(args.simweb, "list", "--fraction", args.fraction / 10, "--out", first_tenth, *listed)
    expected = simulated.simweb(args.simweb, "list", "--fraction", args.fraction, "--out", url_list, *listed)
    print(f"{scheme}: {expected}", flush=True)
    runs = {}
    waits = ["--latency", args.latency, "--dns-latency", args.dns_latency]
    with simulated.serving(args.simweb, images, work / "ca.pem", *waits, *web_arguments(args)) as server:
        bundle = simulated.trusted_bundle(work / "ca.pem", work / "bundle.pem")
        environment = {"SSL_CERT_FILE": str(bundle)}
        chosen, warming = sides.chosen(args, url_list), sides.chosen(args, first_tenth)
        floors = []
        for number in range(args.rounds + 1):
            for side in chosen if number else warming:
                done = measure.run(side, work / side.name, work / f"{side.name}.log", server, environment)
                label = f"round {number}" if number else "warm-up"
                show(label, side.name, done)
                if number:
                    runs.setdefault(side.name, []).append(done)
                if number and args.floors and side is chosen[0]:
                    floors.append(measure.codec_floor(args.floors, images, args.image_size, work))
                    show(label, "codec floor", floors[-1])
    versions = {side.name: side.version for side in chosen}
    return {"expected": expected, "versions": versions, "runs": runs, "codec_floor_us": floors}


def extrapolation(args, by_side):
    """What the whole set would take at the rates measured."""
    for name, row in by_side.items():
        minutes = WHOLE[args.list] / (row["rows"] / row["wall_s"]) / 60
        yield f"{name}: {row['rows'] / row['wall_s']:.0f} rows/s, the whole set in {minutes:.1f} minutes"
    yield (
        "Assumed: the rate stays, the network and the disk keep up, hosts are as far and as faulty as simulated, "
        f"images as large, and the machine has {os.cpu_count()} cores that also serve the web."
    )


def main():
    args = arguments()
    simulated.enter_namespace()
    everything = {"machine": report.machine(), "arguments": {k: str(v) for k, v in vars(args).items()}, "schemes": {}}
    with tempfile.TemporaryDirectory() as work:
        for scheme in args.scheme.split(","):
            everything["schemes"][scheme] = compare(args, scheme, Path(work))
    print(f"\n{everything['machine']}, seed {args.seed}")
    for scheme, result in everything["schemes"].items():
        by_side = {name: report.medians(runs) for name, runs in result["runs"].items()}
        result["medians"] = by_side
        print(result["versions"])
        print("\n".join(report.table(f"{args.list} over {scheme}, medians of {args.rounds}", by_side)))
        print("\n".join(report.against_floor(result["runs"], result["codec_floor_us"])))
        if args.fraction < 1:
            print("\n".join(extrapolation(args, by_side)))
    if args.json:
        report.write(args.json, everything)


if __name__ == "__main__":
    sys.exit(main())
