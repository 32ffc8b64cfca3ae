#!/usr/bin/env python3
"""Runs the whole 18M list through turbo2ds with dummy output and watches its memory.

    whole_list.py --turbo2ds BIN [--fraction F] [--bodies]

18 million rows on about 5 million host names. Without --bodies every name is resolved and every
address refused, because none is allowed: the list, the planner, the resolver, the statistics and the
commits are at work, and the network is not. With --bodies every row gets a body of one or two
kilobytes. The rate and the resident memory are printed, its mean over each million of rows, and what the
list would take with real bodies, at the rate of CPU per image that --cpu_us_per_image names.
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import measure
import report
import simulated

ROOT = Path(__file__).resolve().parents[2]
SHARD_ROWS = 10_000
MILLION = 1_000_000

# What --bodies serves: images of some 60 pixels a side.
TINY = ["--count", "4", "--megapixels", "0.003"]


class Watch(threading.Thread):
    """Samples the resident memory of a process and the shards that it has committed."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.status, self.folder, self.samples = None, folder, []

    def begin(self, pid):
        self.status = Path(f"/proc/{pid}/status")
        self.start()

    def run(self):
        while True:
            try:
                lines = self.status.read_text(encoding="ascii").splitlines()
            except OSError:
                return
            resident = next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), None)
            if resident is None:
                return
            shards = sum(1 for _ in self.folder.glob("*_stats.json"))
            self.samples.append((shards * SHARD_ROWS, resident))
            time.sleep(2)


def run(args, work):
    url_list, folder = work / "list", work / "out"
    shares = ["--shares", "clean"]
    listed = ["--set", "18M", "--fraction", args.fraction, "--out", url_list, *shares]
    listed = simulated.simweb(args.simweb, "list", *listed)
    print(listed, flush=True)
    images = work / "images"
    simulated.simweb(args.simweb, "draw", "--out", images, *TINY)
    command = [
        args.turbo2ds, f"--url_list={url_list}", "--input_format=parquet", "--url_col=URL", "--caption_col=TEXT",
        "--output_format=dummy", f"--number_sample_per_shard={SHARD_ROWS}", f"--output_folder={folder}",
        "--retries=0", "--dns=system", *(["--allow_net=127.0.0.0/8"] if args.bodies else []), *args.option,
    ]
    served = [*shares, "--latency", "0"]
    watch = Watch(folder)
    with simulated.serving(args.simweb, images, work / "ca.pem", *served) as server:
        ended = measure.run_to_end(command, work / "log", {}, watch.begin)
        server_cpu = server.cpu_s()
    rows, images = measure.count(folder)
    if rows != listed["rows"]:
        raise SystemExit(f"{rows} of {listed['rows']} rows")
    by_million = {}
    for done, mb in watch.samples:
        by_million.setdefault(done // MILLION, []).append(mb)
    return {
        "rows": rows, "images": images, "hosts": listed["hosts"], **ended, "server_cpu_s": server_cpu,
        "rows_per_s": rows / ended["wall_s"], "cpu_us_per_row": ended["cpu_s"] / rows * 1e6,
        "rss_mb_by_million_rows": {million: round(statistics.mean(mb), 1) for million, mb in by_million.items()},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turbo2ds", required=True)
    parser.add_argument("--simweb", default=ROOT / "target/release/simweb")
    parser.add_argument("--fraction", type=float, default=1.0)
    parser.add_argument("--bodies", action="store_true")
    parser.add_argument("--cpu_us_per_image", type=float, default=2000.0, help="of a run of compare.py on this machine")
    parser.add_argument("--option", action="append", default=[], help="one more option for turbo2ds")
    parser.add_argument("--json")
    args = parser.parse_args()
    simulated.enter_namespace()
    with tempfile.TemporaryDirectory() as work:
        result = run(args, Path(work))
    result["machine"] = report.machine()
    for key, value in result.items():
        print(f"{key:20} {value}")
    # The first million fills the caches; a small part of the list has no other.
    settled = list(result["rss_mb_by_million_rows"].values())[1:]
    if settled:
        least, most, last = (mb / settled[0] for mb in (min(settled), max(settled), settled[-1]))
        print(f"memory over the second million's: {least:.3f} to {most:.3f}, the last {last:.3f}")
    seconds = 18e6 * (result["cpu_us_per_row"] + args.cpu_us_per_image) / 1e6 / os.cpu_count()
    print(f"the whole list with real bodies: {seconds / 3600:.1f} h on these {os.cpu_count()} cores")
    print(f"(assumed: {args.cpu_us_per_image:.0f} us of CPU per image beside the row's own, no wait for the network)")
    if args.json:
        report.write(args.json, result)


if __name__ == "__main__":
    sys.exit(main())
