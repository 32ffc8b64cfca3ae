"""Owns what a comparison says: medians, the table, and the JSON with all that a figure needs beside it."""

import json
import os
import platform
import statistics
from pathlib import Path

COLUMNS = (
    ("images_per_cpu_s", "images/CPU-s", "{:.1f}"),
    ("cpu_us_per_image", "CPU us/image", "{:.0f}"),
    ("images_per_s", "images/s", "{:.1f}"),
    ("wall_s", "wall s", "{:.2f}"),
    ("success_share", "success %", "{:.2%}"),
    ("peak_rss_mb", "peak RSS MB", "{:.0f}"),
    ("server_cpu_us_per_image", "server us/image", "{:.0f}"),
)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
        model = next((line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name")), "unknown")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "machine": platform.machine()}


def medians(runs):
    table = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    table["success_share"] = table["images"] / table["rows"]
    return table


def table(title, by_side):
    """Lines of a markdown table, the first side's ratio to each other one behind it."""
    yield f"### {title}"
    yield ""
    yield "| | " + " | ".join(name for _, name, _ in COLUMNS) + " |"
    yield "|---" * (len(COLUMNS) + 1) + "|"
    for name, row in by_side.items():
        cells = [form.format(row[key]) for key, _, form in COLUMNS]
        yield f"| {name} | " + " | ".join(cells) + " |"
    first, *others = by_side
    for other in others:
        pair = [by_side[name] for name in (first, other)]
        cpu, wall = (pair[0][key] / pair[1][key] for key in ("images_per_cpu_s", "images_per_s"))
        yield f"\n{first} / {other}: {cpu:.2f} times the images per CPU-second, {wall:.2f} times the images per second"
    yield ""


def against_floor(runs, floors):
    """CPU of a whole run per image over what codec and hash take in a loop of the same round."""
    if not floors:
        return
    for loop, title in (("own", "turbo2ds' own codec in a loop"), ("bare", "bare library calls in a loop")):
        taken = [floor[loop] for floor in floors]
        yield f"{title}: {statistics.median(taken):.0f} us per image ({', '.join(f'{us:.0f}' for us in taken)})"
        for name, rounds in runs.items():
            ratios = [done["cpu_us_per_image"] / us for done, us in zip(rounds, taken, strict=True)]
            yield f"{name}: {statistics.median(ratios):.3f} times that ({', '.join(f'{r:.3f}' for r in ratios)})"


def write(path, content):
    Path(path).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
