#!/usr/bin/env python3
"""Runs one URL list through turbo2ds and img2dataset in turn and prints what each took.

Everything happens in a network namespace of its own: nginx serves a folder of images on 127.0.0.1,
unbound answers every name under `ok.test` with that address, and each row has a host name of its
own. A share of the rows asks for files that do not exist. With --stalled, a share of the hosts
accepts and never answers. Needs root, and nginx and unbound from Debian.

    compare.py --images FOLDER --turbo2ds BIN --img2dataset BIN [--rows 5000] [--rounds 2]

CPU is user+sys of the whole process tree, from wait4. The two run A B A B; the table gives each run
and the medians. The first run warms the page cache and is not counted.
"""

import argparse
import contextlib
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NAMESPACE = "turbo2ds-compare"
STALLED_ADDRESS = "127.0.0.2"

NGINX = """
daemon off; worker_processes 1; worker_rlimit_nofile 65536;
pid {work}/nginx.pid; error_log {work}/nginx.log;
events {{ worker_connections 16384; }}
http {{
  access_log off; sendfile on; keepalive_timeout 5;
  client_body_temp_path {work}/b; proxy_temp_path {work}/p; fastcgi_temp_path {work}/f;
  uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;
  server {{ listen 127.0.0.1:80 backlog=8192; root {images}; }}
}}
"""

UNBOUND = """
server:
  interface: 127.0.0.1
  port: 53
  chroot: ""
  username: ""
  directory: "{work}"
  pidfile: "{work}/unbound.pid"
  use-syslog: no
  verbosity: 0
  num-threads: 1
  do-not-query-localhost: no
  local-zone: "ok.test." redirect
  local-data: "ok.test. 300 A 127.0.0.1"
  local-zone: "stalled.test." redirect
  local-data: "stalled.test. 300 A {stalled}"
remote-control:
  control-enable: no
"""


def namespaced(command):
    return ["ip", "netns", "exec", NAMESPACE, *command]


@contextlib.contextmanager
def namespace():
    etc = Path("/etc/netns") / NAMESPACE
    etc.mkdir(parents=True, exist_ok=True)
    (etc / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
    try:
        subprocess.run(namespaced(["ip", "link", "set", "lo", "up"]), check=True)
        yield
    finally:
        subprocess.run(["ip", "netns", "delete", NAMESPACE], check=False)
        shutil.rmtree(etc, ignore_errors=True)


@contextlib.contextmanager
def server(command):
    process = subprocess.Popen(namespaced(command), stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


# Accepts on the stalled address and never answers; runs inside the namespace.
STALL = """
import socket, select
server = socket.create_server(("{address}", 80), backlog=8192)
held = []
while True:
    held.append(server.accept()[0])
    del held[:-20000]
"""


def write_list(path, images, rows, missing, stalled, seed):
    rng = random.Random(seed)
    names = sorted(entry.name for entry in Path(images).iterdir() if entry.suffix != ".json")
    with open(path, "w") as out:
        for row in range(rows):
            draw = rng.random()
            zone = "stalled" if rng.random() < stalled else "ok"
            name = f"missing-{row}.jpg" if draw < missing else rng.choice(names)
            out.write(f"http://h{row}.{zone}.test/{name}\n")


def wait_for_answer(port):
    probe = f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)"
    for _ in range(200):
        if subprocess.run(namespaced([sys.executable, "-c", probe]), stderr=subprocess.DEVNULL).returncode == 0:
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing answers on port {port}")


def run(command, log):
    """Runs a command to its end: wall seconds, CPU seconds and peak RSS of its tree, exit code."""
    start = time.monotonic()
    with open(log, "wb") as out:
        environment = os.environ | {"NO_ALBUMENTATIONS_UPDATE": "1"}
        process = subprocess.Popen(
            namespaced(command), stdout=out, stderr=subprocess.STDOUT, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "wall_s": wall,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "rss_mb": usage.ru_maxrss / 1024,
        "exit": process.returncode,
    }


def count(folder):
    stats = [json.loads(path.read_text()) for path in Path(folder).glob("*_stats.json")]
    return sum(s["count"] for s in stats), sum(s["successes"] for s in stats)


def commands(args, url_list, work):
    shared = [
        f"--url_list={url_list}", "--output_format=webdataset", "--input_format=txt",
        "--image_size=256", "--resize_mode=border", f"--number_sample_per_shard={args.shard_rows}",
        f"--timeout={args.timeout}", *args.extra,
    ]
    found = {}
    if args.turbo2ds:
        found["turbo2ds"] = [args.turbo2ds, *shared, "--allow_net=127.0.0.0/8"]
    if args.img2dataset:
        found["img2dataset"] = [
            args.img2dataset, *shared, "--processes_count=2", "--thread_count=64",
        ]
    return {name: [*command, f"--output_folder={work}/{name}"] for name, command in found.items()}


def measure(args, url_list, work):
    rows = {}
    for round_number in range(args.rounds + 1):
        for name, command in commands(args, url_list, work).items():
            folder = Path(work) / name
            shutil.rmtree(folder, ignore_errors=True)
            result = run(command, f"{work}/{name}.log")
            total, successes = count(folder)
            result |= {"rows": total, "successes": successes}
            result["images_per_cpu_s"] = successes / result["cpu_s"]
            result["images_per_s"] = successes / result["wall_s"]
            label = "warm-up" if round_number == 0 else f"round {round_number}"
            print(f"{label:8} {name:12} " + " ".join(f"{k}={v:.6g}" for k, v in result.items()), flush=True)
            if round_number > 0:
                rows.setdefault(name, []).append(result)
    return rows


def summarise(rows, args):
    table = {
        name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for name, runs in rows.items()
    }
    for name, medians in table.items():
        print(f"median   {name:12} " + " ".join(f"{k}={v:.6g}" for k, v in medians.items()))
    if len(table) == 2:
        ratio = table["turbo2ds"]["images_per_cpu_s"] / table["img2dataset"]["images_per_cpu_s"]
        print(f"images per CPU-second, turbo2ds / img2dataset: {ratio:.2f}")
    machine = {"kernel": platform.release(), "cores": os.cpu_count(), "seed": args.seed}
    if args.json:
        Path(args.json).write_text(json.dumps({"machine": machine, "runs": rows, "medians": table}, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", required=True, help="folder of images")
    parser.add_argument("--turbo2ds", help="the binary; absent: not run")
    parser.add_argument("--img2dataset", help="the other side's command; absent: not run")
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--shard_rows", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--missing", type=float, default=0.1, help="share of rows that get a 404")
    parser.add_argument("--stalled", type=float, default=0.0, help="share of hosts that never answer")
    parser.add_argument("--timeout", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", help="also write the figures here")
    parser.add_argument("extra", nargs="*", help="further options for both, behind --")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work, namespace(), contextlib.ExitStack() as servers:
        os.chmod(work, 0o755)
        Path(work, "nginx.conf").write_text(NGINX.format(work=work, images=os.path.abspath(args.images)))
        Path(work, "unbound.conf").write_text(UNBOUND.format(work=work, stalled=STALLED_ADDRESS))
        servers.enter_context(server(["nginx", "-c", f"{work}/nginx.conf"]))
        servers.enter_context(server(["unbound", "-d", "-c", f"{work}/unbound.conf"]))
        stall = STALL.format(address=STALLED_ADDRESS)
        servers.enter_context(server([sys.executable, "-c", stall]))
        wait_for_answer(80)
        wait_for_answer(53)
        url_list = f"{work}/list.txt"
        write_list(url_list, args.images, args.rows, args.missing, args.stalled, args.seed)
        summarise(measure(args, url_list, work), args)


if __name__ == "__main__":
    main()
