"""Owns one run of one side: wall clock, CPU and memory of its process tree, and what came out.

Never compares.
"""

import json
import os
import shutil
import subprocess
import time


def run(side, folder, log, server, environment):
    """Runs a side into an empty folder: seconds, megabytes, counts and the server's own CPU."""
    shutil.rmtree(folder, ignore_errors=True)
    served = server.cpu_s()
    ended = run_to_end([*side.command, *side.output(folder)], log, environment | side.environment)
    wall, cpu = ended["wall_s"], ended["cpu_s"]
    rows, images = count(folder)
    return {
        "rows": rows,
        "images": images,
        "wall_s": wall,
        "cpu_s": cpu,
        "images_per_s": images / wall,
        "images_per_cpu_s": images / cpu,
        "cpu_us_per_image": cpu / images * 1e6 if images else 0.0,
        "peak_rss_mb": ended["peak_rss_mb"],
        "server_cpu_us_per_image": (server.cpu_s() - served) / images * 1e6 if images else 0.0,
    }


def run_to_end(command, log, environment, started=lambda pid: None):
    """Runs a command that must succeed: its seconds, and the megabytes of its tree's largest process."""
    start = time.monotonic()
    with open(log, "wb") as out:
        env = os.environ | environment
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=env)
        started(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        said = log.read_text(errors="replace")[-3000:]
        raise SystemExit(f"{command[0]} ended with {process.returncode}:\n{said}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"wall_s": wall, "cpu_s": cpu, "peak_rss_mb": usage.ru_maxrss / 1024}


def codec_floor(program, images, size, work):
    """CPU microseconds per image of hashing, decoding, resizing and encoding in a loop on one thread: by
    turbo2ds' own code over all images, and by bare library calls over those that they take."""
    out = work / "floors.json"
    command = [program, "loop", "--images", images, "--size", size, "--rounds", 1, "--json", out]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    tables = json.loads(out.read_text(encoding="utf-8"))["sections"]["loop"]
    rows = tables[0]["rows"]
    return {"own": rows[0]["ours us"], "bare": rows[-1]["bare us"]}


def count(folder):
    """Rows and successes by the statistics of the shards."""
    stats = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*_stats.json")]
    return sum(s["count"] for s in stats), sum(s["successes"] for s in stats)
