#!/usr/bin/env python3
"""What cold names cost a whole run: as many hosts as URLs, with name servers that are slow or instant.

    names.py --turbo2ds BIN [--simweb BIN] [--rows 10000] [--dns_latency 30-300] [--rounds 3] [--option O]

Every URL has a host of its own, so each name is asked once. One side's answers wait --dns_latency
milliseconds each, the other's not at all; all else is the same, hosts 60 ms away in the median among it.
Runs take turns, the first of each side is not counted, and medians are compared.
"""

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path

import measure
import report
import simulated
from sides import Side, version_of

ROOT = Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turbo2ds", default=ROOT / "target/release/turbo2ds")
    parser.add_argument("--simweb", default=ROOT / "target/release/simweb")
    parser.add_argument("--images", type=Path, default=ROOT / "build/images", help="drawn where it is missing")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--dns_latency", default="30-300", help="milliseconds, LEAST-MOST")
    parser.add_argument("--latency", type=float, default=1.0, help="what the hosts' latencies are multiplied by")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--option", action="append", default=[], help="one more option for turbo2ds")
    parser.add_argument("--json", help="also write everything here")
    return parser.parse_args()


def main():
    args = arguments()
    simulated.enter_namespace()
    images = simulated.drawn(args.simweb, args.images)
    version = version_of([args.turbo2ds, "--version"])
    conditions = {"cold": args.dns_latency, "instant": "0-0"}
    runs = {name: [] for name in conditions}
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        hosts = list(range(1, args.rows + 1))
        random.Random(args.seed).shuffle(hosts)
        urls = work / "urls.txt"
        urls.write_text("".join(f"http://h{n}.{simulated.ZONE}/photos/{n}.jpg\n" for n in hosts), encoding="ascii")
        command = [str(args.turbo2ds), f"--url_list={urls}", "--input_format=txt", "--output_format=webdataset"]
        command += ["--image_size=256", "--resize_mode=border", "--number_sample_per_shard=1000"]
        # The simulated web has a resolver and no root servers.
        command += ["--dns=system", "--allow_net=127.0.0.0/8", *args.option]
        for number in range(args.rounds + 1):
            for name, wait in conditions.items():
                side = Side(name, version, command)
                waits = ["--latency", args.latency, "--dns-latency", wait, "--shares", "clean", "--seed", args.seed]
                with simulated.serving(args.simweb, images, work / "ca.pem", *waits) as server:
                    done = measure.run(side, work / name, work / "log", server, {})
                print(f"{number or 'warm-up'} {name:8} " + " ".join(f"{k}={v:.6g}" for k, v in done.items()), flush=True)
                if number:
                    runs[name].append(done)
    by_side = {name: report.medians(done) for name, done in runs.items()}
    machine = report.machine()
    print(f"\n{machine}, {version}, seed {args.seed}")
    print("\n".join(report.table(f"{args.rows} URLs on as many hosts, names in {args.dns_latency} ms", by_side)))
    if args.json:
        report.write(args.json, {"machine": machine, "version": version, "arguments": {k: str(v) for k, v in vars(args).items()}, "runs": runs, "medians": by_side})


if __name__ == "__main__":
    sys.exit(main())
