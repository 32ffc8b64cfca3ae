"""Writes the edge set: python edges.py OUT_DIR. Every file is named for what it is."""

import pathlib
import sys

import edges_small
from edgeset import bmp, gif, jpeg, other, png, tiff, webp

MODULES = {"jpg": jpeg, "png": png, "webp": webp, "gif": gif, "bmp": bmp, "tiff": tiff}


def edge_files():
    """(file name, bytes) of the whole set."""
    for extension, module in MODULES.items():
        for name, data in module.files():
            yield f"{extension}_{name}.{extension}", data
    for name, extension, data in other.files():
        yield f"other_{name}.{extension}", data
    for name, data in edges_small.files().items():
        stem, extension = name.rsplit(".", 1)
        yield f"{extension}_field_{stem}.{extension}", data


def write(folder):
    """Writes the set and returns the paths in order."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, data in edge_files():
        path = folder / name
        assert path not in paths, f"two files are called {name}"
        path.write_bytes(data)
        paths.append(path)
    return paths


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(len(write(sys.argv[1])), "files")
