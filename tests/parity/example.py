"""Owns building the codec's example, through which the scripts here ask it. Never asks."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def build():
    """Builds the example with CARGO (or cargo) and gives its path."""
    command = [os.environ.get("CARGO", "cargo"), "build", "--release", "-p", "turbo2ds-codec"]
    subprocess.run([*command, "--example", "process_images"], cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return str(target / "release" / "examples" / "process_images")


def corpus_of(folder, otherwise):
    """The images of a folder; without it, a loud word of what is done instead."""
    if folder.is_dir():
        return sorted(path for path in folder.iterdir() if path.is_file() and path.suffix != ".json")
    print(f"!!! There is no corpus at {folder}: {otherwise}.", file=sys.stderr)
    return []
