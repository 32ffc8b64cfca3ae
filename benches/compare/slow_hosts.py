#!/usr/bin/env python3
"""Measures what hosts that trickle cost the rows of other hosts.

    slow_hosts.py --turbo2ds BIN --fakeweb BIN [--rows 10000] [--slow 200] [--rounds 5] [--timeout 10]

A list of good rows is run alone and with slow rows spread over its first half, in turns, for each
kind of slowness: bodies, chunks, heads, redirects and TLS handshakes that trickle. Slow rows have
shards of their own in between, so that the end of the last good shard is when the good rows are done.
Printed for each kind, as medians: that time over the one of the list alone in the same round, the same
of CPU time, and the longest time of a shard of slow rows over the deadline.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

import measure

SHARD_ROWS = 100
KINDS = ["trickle", "trickle-until-close", "drip-in-chunks", "drip", "redirect-drip", "tls-drip"]


def rows_of(ports, count, slow, kind):
    """Shards of URLs; the slow ones come between the first half of the good ones."""
    def good(n):
        return f"http://127.0.1.{n % 250 + 1}:{ports['http']}/img/{n % 500}.jpg?w=640&h=480"

    def bad(n):
        if kind == "tls-drip":
            return f"https://tls-drip.ok.test:{ports['tls']}/img/7.jpg"
        return f"http://127.0.2.{n % 250 + 1}:{ports['http']}/fault/{kind}"

    goods = [[good(n) for n in range(at, at + SHARD_ROWS)] for at in range(0, count, SHARD_ROWS)]
    bads = [[bad(n) for n in range(at, at + SHARD_ROWS)] for at in range(0, slow, SHARD_ROWS)]
    step = len(goods) // 2 // max(len(bads), 1)
    for nth, shard in enumerate(bads):
        goods.insert(nth * (step + 1), shard)
    return goods


def run(args, ports, shards, work):
    """Seconds until the last shard that holds good rows, CPU seconds, and the longest shard of slow ones."""
    url_list, folder = work / "list.txt", work / f"out{len(list(work.iterdir()))}"
    url_list.write_text("\n".join(url for shard in shards for url in shard) + "\n", encoding="ascii")
    command = [
        args.turbo2ds, url_list, "--output_folder", folder, "--output_format", "webdataset",
        "--number_sample_per_shard", SHARD_ROWS, "--allow_net", "127.0.0.0/8", "--timeout", args.timeout,
        "--dns_servers", f"127.0.0.1:{ports['dns']}", *args.option,
    ]
    ended = measure.run_to_end(list(map(str, command)), work / "log", {})
    stats = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*_stats.json")]
    begun = min(one["start_time"] for one in stats)
    done = max(one["end_time"] for one in stats if one["successes"])
    slow = [one["end_time"] - one["start_time"] for one in stats if not one["successes"]]
    return done - begun, ended["cpu_s"], max(slow, default=0.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turbo2ds", required=True)
    parser.add_argument("--fakeweb", required=True)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--slow", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--timeout", type=float, default=10)
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--option", action="append", default=[], help="a further argument of turbo2ds")
    args = parser.parse_args()
    with subprocess.Popen([args.fakeweb], stdout=subprocess.PIPE, text=True) as web:
        try:
            ports = json.loads(web.stdout.readline())
            for kind in args.kind or KINDS:
                compare(args, ports, kind)
        finally:
            web.terminate()


def compare(args, ports, kind):
    ratios, cpus, ends = [], [], []
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory() as work:
            work = Path(work)
            alone = run(args, ports, rows_of(ports, args.rows, 0, kind), work)
            beside = run(args, ports, rows_of(ports, args.rows, args.slow, kind), work)
        ratios.append(beside[0] / alone[0])
        cpus.append(beside[1] / alone[1])
        ends.append(beside[2] / args.timeout)
    figures = (statistics.median(values) for values in (ratios, cpus, ends))
    print(f"{kind:20} good rows {next(figures):.3f}  cpu {next(figures):.3f}  slow rows {next(figures):.3f}", flush=True)


if __name__ == "__main__":
    main()
