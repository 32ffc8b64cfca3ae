#!/usr/bin/env python3
"""The built-in resolver beside bind9, unbound and Knot Resolver: the same names, the same run.

    cargo build --release -p turbo2ds-dns --examples
    resolvers.py [--examples FOLDER] [--names 20000] [--rounds 3] [--only bind9,...] [--json FILE]
    resolvers.py --many 1000000 [--cache_mb 64]     the built-in one alone: rate and memory per tenth

A hierarchy of fake authorities (`lab`: root, top-level domains, hosts, content networks; an answer
takes its server's round trip of 4 to 64 ms) is served in a network namespace that needs no root where
users may make their own. Each resolver begins with its root servers and an empty cache. The daemons
come from Debian and are asked by dnsperf; the built-in resolver runs in `resolve_list`, which asks for
the same lists. What is said of each:

  cold, warm  CPU per name, user+sys of the daemon's threads alone (built-in: of its thread; beside it
              of the whole process, which asks and checks as well), of names without faults
  queries     that the lab counted, per cold name
  faults      share of each class of fault that came out right: the address, NXDOMAIN where there is
              none, and a failure where every server is dead. The built-in one must give the very address
  loss        the same of names without faults where datagrams get lost, each way

A cold and a warm pass are one round; rounds take turns (A B A B) and the median counts.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import daemons
import report
import simulated

ROOT = Path(__file__).resolve().parents[2]
PORT = 5301
OURS = "built-in"
CLASSES = (
    "site onedead refused servfail lame truncated formerr ednsdrop ent lower slow halfloss alldead nx"
).split()
# The queries a daemon works on at a time, and the patience of who asks: what bind9 may take at most.
AT_ONCE, PATIENCE_S = 400, 30


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=Path, default=ROOT / "target/release/examples")
    parser.add_argument("--names", type=int, default=20_000, help="names without faults")
    parser.add_argument("--faulty", type=int, default=300, help="names of each class of fault")
    parser.add_argument("--pairs", type=int, default=32, help="pairs of servers of each class")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--loss", default="50,200", help="of a thousand datagrams each way, a list")
    parser.add_argument("--only", default="", help="daemons, with a comma between; all that are installed otherwise")
    parser.add_argument("--no_delay", action="store_true", help="answers come at once")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--many", type=int, default=0, help="in place of all else: so many names under --cache_mb")
    parser.add_argument("--cache_mb", type=int, default=64, help="the cap of the cache with --many")
    parser.add_argument("--json", help="also write everything here")
    return parser.parse_args()


class Lab:
    """The running authorities."""

    def __init__(self, args):
        delay = ["--no_delay"] if args.no_delay or args.many else []
        common = ["--seed", args.seed, "--pairs", args.pairs]
        self.program = args.examples / "lab"
        self.common = [str(word) for word in common]
        self.process = subprocess.Popen(
            [self.program, *self.common, *delay], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the lab does not serve; see above")
        self.roots = json.loads(line)["roots"]

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def questions(self):
        return self.tell("count")["questions"]

    def names(self, label, count):
        command = [self.program, "names", label, str(count), *self.common]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.splitlines()


def write_list(path, lines):
    """The list for the built-in resolver, and beside it the same names for dnsperf."""
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    asked = "".join(line.split(" ")[0] + " A\n" for line in lines)
    path.with_suffix(".dnsperf").write_text(asked, encoding="ascii")
    return path


def ask_daemon(running, path):
    """One pass of dnsperf: how many of each class came out right, and how long the slowest took."""
    command = ["dnsperf", "-s", "127.0.0.1", "-p", running.port, "-d", path.with_suffix(".dnsperf"), "-n", 1]
    command += ["-c", 16, "-q", AT_ONCE, "-t", PATIENCE_S, "-b", 4096, "-v"]
    done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    expected = {line.split(" ")[0]: line.split(" ")[1:] for line in path.read_text(encoding="ascii").splitlines()}
    classes, wall_s, seen = {}, 0.0, set()
    for line in done.stdout.splitlines():
        words = line.split()
        if line.startswith("> ") and len(words) >= 4:
            code, name = words[1], words[2]
            label, right = expected[name]
            count = classes.setdefault(label, {"of": 0, "right": 0, "slowest_s": 0.0})
            seen.add(name)
            count["of"] += 1
            count["right"] += is_right(code, right)
            took = float(words[4]) if len(words) > 4 else float(PATIENCE_S)
            count["slowest_s"] = max(count["slowest_s"], took)
        elif line.strip().startswith("Run time"):
            wall_s = float(words[-1])
    if len(seen) != len(expected):
        raise SystemExit(f"dnsperf tells of {len(seen)} names of {len(expected)}: is this version's -v another?")
    return {"names": len(expected), "wall_s": wall_s, "classes": classes}


def is_right(code, right):
    if right == "not_found":
        return code == "NXDOMAIN"
    return code in ("SERVFAIL", "T") if right == "failure" else code == "NOERROR"


def passes_of_daemon(daemon, lab, work, path, count):
    """Passes over a list, the first with an empty cache."""
    with daemons.running(daemon, lab.roots, work / "daemon", PORT) as running:
        for _ in range(count):
            cpu, asked = running.cpu_s(), lab.questions()
            done = ask_daemon(running, path)
            done["cpu_us_per_name"] = (running.cpu_s() - cpu) / done["names"] * 1e6
            done["queries_per_name"] = (lab.questions() - asked) / done["names"]
            done["peak_rss_mb"] = running.peak_mb()
            yield done


def passes_of_ours(args, lab, path, count, *options):
    command = [args.examples / "resolve_list", path, "--roots", ",".join(lab.roots), "--passes", count]
    command += ["--at_once", AT_ONCE, *options]
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True) as process:
        asked = lab.questions()
        for line in process.stdout:
            now = lab.questions()
            done = json.loads(line)
            done["queries_per_name"] = (now - asked) / done["names"]
            asked = now
            yield done
    if process.returncode != 0:
        raise SystemExit(f"resolve_list ended with {process.returncode}")


def passes(args, lab, work, side, path, count):
    if side == OURS:
        return list(passes_of_ours(args, lab, path, count))
    daemon = next(one for one in daemons.known() if one.name == side)
    return list(passes_of_daemon(daemon, lab, work, path, count))


def present(args):
    """The sides that can be run here; what is missing is said."""
    wanted = [name for name in args.only.split(",") if name]
    sides, missing = [OURS], set()
    for daemon in daemons.known():
        if wanted and daemon.name not in wanted:
            continue
        if daemon.path():
            sides.append(daemon.name)
        else:
            missing.add(daemon.package)
    if len(sides) > 1 and subprocess.run(["sh", "-c", "command -v dnsperf"], capture_output=True).returncode:
        sides, missing = [OURS], missing | {"dnsperf"}
    if missing:
        words = " ".join(sorted(missing))
        print(f"not compared, for want of: {words}\n    hint: apt-get install {words}", file=sys.stderr)
    return sides


def versions(sides):
    found = {daemon.name: daemon.version() for daemon in daemons.known() if daemon.name in sides}
    commit = subprocess.run(
        ["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return {OURS: commit.stdout.strip() or "unknown"} | found


def measure(args, lab, work, sides):
    """Everything, by side."""
    clean = write_list(work / "clean.list", lab.names("site", args.names))
    mixed = [line for label in CLASSES for line in lab.names(label, args.faulty)]
    random.Random(args.seed).shuffle(mixed)
    mixed = write_list(work / "mixed.list", mixed)
    results = {side: {"rounds": []} for side in sides}
    for number in range(args.rounds):
        for side in sides:
            cold, warm = passes(args, lab, work, side, clean, 2)
            results[side]["rounds"].append({"cold": cold, "warm": warm})
            told = f"cold {cold['cpu_us_per_name']:.1f} us, warm {warm['cpu_us_per_name']:.2f} us"
            print(f"round {number + 1} {side:9} {told}, {cold['queries_per_name']:.2f} queries", flush=True)
    for side in sides:
        first, again = passes(args, lab, work, side, mixed, 2)
        results[side]["faults"] = {"cold": first, "again": again}
        print(f"faults  {side:9} {first['wall_s']:.1f} s", flush=True)
    for per_mille in args.loss.split(","):
        lab.tell(f"loss {per_mille}")
        for side in sides:
            (done,) = passes(args, lab, work, side, clean, 1)
            results[side].setdefault("loss", {})[per_mille] = done
            print(f"loss {per_mille} {side:9} {share(done['classes']['site']):.3%}", flush=True)
    lab.tell("loss 0")
    return results


def measure_many(args, lab, work):
    """A line for each tenth of the names, and one for all."""
    path = write_list(work / "many.list", lab.names("site", args.many))
    options = ["--cache_mb", args.cache_mb, "--every", max(args.many // 10, 1)]
    for done in passes_of_ours(args, lab, path, 1, *options):
        right = f", {share(done['classes']['site']):.3%} right" if "classes" in done else ""
        print(
            f"{done['asked']:>9} asked: {done['names_per_s']} names/s, {done['cpu_us_per_name']:.1f} us each, "
            f"RSS {done['rss_mb']:.1f} MB (peak {done['peak_rss_mb']:.1f}){right}",
            flush=True,
        )
        yield done


def share(count):
    return count["right"] / count["of"]


def markdown(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def medians(result):
    def median(which, key):
        found = [round_[which][key] for round_ in result["rounds"] if key in round_[which]]
        return statistics.median(found) if found else None

    return {
        "cold_us": median("cold", "cpu_us_per_name"),
        "cold_process_us": median("cold", "process_cpu_us_per_name"),
        "warm_us": median("warm", "cpu_us_per_name"),
        "queries": median("cold", "queries_per_name"),
        "names_per_s": median("cold", "names") / median("cold", "wall_s"),
        "peak_rss_mb": median("cold", "peak_rss_mb"),
    }


def tell(args, results):
    """The tables."""
    rows = {side: medians(result) for side, result in results.items()}
    ours = rows[OURS]["cold_us"]
    losses = args.loss.split(",")
    head = ["", "CPU us/cold name", "built-in / this", "CPU us/warm name", "queries/cold name", "names/s", "peak MB"]
    head += [f"right at {int(loss) / 10:g} % loss" for loss in losses]
    body = []
    for side, row in rows.items():
        whole = f" ({row['cold_process_us']:.1f} whole process)" if row["cold_process_us"] else ""
        cells = [side, f"{row['cold_us']:.1f}{whole}", f"{ours / row['cold_us']:.2f}", f"{row['warm_us']:.2f}"]
        cells += [f"{row['queries']:.2f}", f"{row['names_per_s']:.0f}", f"{row['peak_rss_mb']:.0f}"]
        cells += [f"{share(results[side]['loss'][loss]['classes']['site']):.3%}" for loss in losses]
        body.append(cells)
    yield from markdown(head, body)
    body = []
    for label in [*CLASSES, "all"]:
        cells = [label]
        for result in results.values():
            classes = result["faults"]["cold"]["classes"]
            chosen = classes.values() if label == "all" else [classes[label]]
            right, of = (sum(one[key] for one in chosen) for key in ("right", "of"))
            cells.append(f"{right / of:.2%} ({max(one['slowest_s'] for one in chosen):.1f} s)")
        body.append(cells)
    yield from markdown(["right (slowest)", *results], body)
    again = {side: result["faults"]["again"]["classes"]["alldead"]["slowest_s"] for side, result in results.items()}
    yield "dead domains asked again: " + ", ".join(f"{side} {slowest:.3f} s" for side, slowest in again.items())


def main():
    args = arguments()
    for program in ("lab", "resolve_list"):
        if not (args.examples / program).exists():
            raise SystemExit(
                f"{args.examples / program} is missing\n    hint: cargo build --release -p turbo2ds-dns --examples"
            )
    simulated.enter_namespace()
    sides = [OURS] if args.many else present(args)
    lab = Lab(args)
    with tempfile.TemporaryDirectory() as work:
        if args.many:
            results = list(measure_many(args, lab, Path(work)))
        else:
            results = measure(args, lab, Path(work), sides)
    lab.process.stdin.close()
    lab.process.wait()
    about = {"machine": report.machine(), "versions": versions(sides), "seed": args.seed}
    print(f"\n{about}\n")
    if not args.many:
        print("\n".join(tell(args, results)))
    if args.json:
        arguments_ = {key: str(value) for key, value in vars(args).items()}
        report.write(args.json, about | {"arguments": arguments_, "results": results})


if __name__ == "__main__":
    sys.exit(main())
