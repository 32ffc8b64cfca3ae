"""The commands of docs/from-img2dataset.md, over small lists of their columns."""

import hashlib
import pathlib
import re
import shlex
import subprocess
import sys
import urllib.request

import pyarrow
import pyarrow.parquet
import pytest
import turbo2ds

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "from-img2dataset.md"
ROWS = 6


def commands():
    """By the dataset's name, as one line each."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^\*\*(.+?)\*\*.*\n\n```sh\n((?:.+\n)+)```$", text, re.MULTILINE)
    assert len(found) == 6
    return {name: command.replace("\\\n", " ").strip() for name, command in found}


def value(words, option):
    return words[words.index(option) + 1] if option in words else None


def names(words, option):
    return re.findall(r'"(\w+)"', value(words, option) or "")


def write_list(folder, words, web):
    """A list of the columns that a command names, where the command expects it."""
    urls = [f"{web}/img/{seed}.jpg?w=640&h=480" for seed in range(ROWS)]
    columns = {value(words, "--url_col"): urls}
    columns[value(words, "--caption_col")] = [f"picture {seed}" for seed in range(ROWS)]
    for name in names(words, "--save_additional_columns"):
        columns[name] = list(range(ROWS))
    if boxes := value(words, "--bbox_col"):
        columns[boxes] = [[[0.1, 0.1, 0.4, 0.5]]] * (ROWS - 1) + [[]]
    if checked := names(words, "--verify_hash"):
        bodies = [urllib.request.urlopen(url).read() for url in urls]
        columns[checked[0]] = [hashlib.sha256(body).hexdigest() for body in bodies]
    path = folder / value(words, "--url_list")
    if path.suffix == ".tsv":
        rows = [columns, *zip(*columns.values())]
        path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
        return
    if not path.suffix:
        path.mkdir()
        path = path / "part-0.parquet"
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


@pytest.mark.parametrize("dataset", commands())
def test_a_command_of_the_page_makes_its_dataset(tmp_path, web, dataset):
    words = shlex.split(commands()[dataset])
    assert words[0] == "turbo2ds"
    write_list(tmp_path, words, web)
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    run = turbo2ds.open_run(tmp_path / value(words, "--output_folder"))
    assert run.stats["successes"] == ROWS, run.failures
    kept = names(words, "--save_additional_columns") + ["caption", "url"]
    assert set(kept) <= set(run.metadata().column_names)
