"""Datasets for the readers: one run of the binary per output format, against the fake web."""

import os
import pathlib
import subprocess

import pytest

ROWS = 120
FAILED = ROWS // 20
PER_SHARD = 50


def binary(variable, name):
    """The binary named by a variable of the environment, or the one of the debug build."""
    root = pathlib.Path(__file__).resolve().parents[2]
    path = pathlib.Path(os.environ.get(variable, root / "target" / "debug" / name))
    assert path.is_file(), f"no binary at {path}: run `cargo build --workspace --bins`"
    return str(path)


@pytest.fixture(scope="session")
def make_dataset(tmp_path_factory):
    """A function from an output format and further options to a dataset's folder, made once."""
    made = {}

    def make(output_format, *options):
        if (output_format, options) not in made:
            folder = tmp_path_factory.mktemp(output_format)
            subprocess.run(
                [
                    binary("FAKEWEB_BIN", "fakeweb"),
                    *("--write-list", str(folder / "list.csv"), "--count", str(ROWS)),
                    *("--run", "--", binary("TURBO2DS_BIN", "turbo2ds"), "{list}"),
                    *("--output_folder", str(folder / "dataset")),
                    *("--output_format", output_format),
                    *("--number_sample_per_shard", str(PER_SHARD)),
                    *("--caption_col", "caption", "--save_additional_columns", '["id"]'),
                    *("--image_size", "64", "--allow_net", "127.0.0.0/8"),
                    *options,
                ],
                check=True,
                timeout=120,
            )
            made[output_format, options] = folder / "dataset"
        return made[output_format, options]

    return make
