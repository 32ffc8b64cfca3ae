"""Owns what each side of a comparison is asked to run: the same job by each one's own command line.

Never runs anything but a version.
"""

import subprocess
from pathlib import Path

JOB = Path(__file__).with_name("daft_job.py")


class Side:
    """One program under comparison."""

    def __init__(self, name, version, command, environment=None):
        self.name, self.version = name, version
        self.command, self.environment = command, environment or {}

    def output(self, folder):
        """The words of the command line that name the output."""
        return [str(folder)] if self.name == "daft" else [f"--output_folder={folder}"]


def version_of(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = (done.stdout or done.stderr).strip()
    return said.splitlines()[0] if said else "unknown"


def shared(args, url_list):
    return [
        f"--url_list={url_list}", "--input_format=parquet", "--url_col=URL", "--caption_col=TEXT",
        "--output_format=webdataset", f"--image_size={args.image_size}", f"--resize_mode={args.resize_mode}",
        f"--number_sample_per_shard={args.shard_rows}", f"--timeout={args.timeout}", f"--retries={args.retries}",
    ]


def turbo2ds(args, url_list):
    command = [args.turbo2ds, *shared(args, url_list), "--dns=system", "--allow_net=127.0.0.0/8", *args.option]
    return Side("turbo2ds", version_of([args.turbo2ds, "--version"]), command)


def img2dataset(args, url_list):
    python = Path(args.img2dataset).with_name("python")
    ask = "import importlib.metadata as m; print(m.version('img2dataset'), 'opencv', m.version('opencv-python-headless'))"
    command = [
        args.img2dataset, *shared(args, url_list),
        f"--processes_count={args.processes}", f"--thread_count={args.threads}", "--enable_wandb=False",
    ]
    environment = {"NO_ALBUMENTATIONS_UPDATE": "1"}
    return Side("img2dataset", version_of([str(python), "-c", ask]), command, environment)


def daft(args, url_list):
    ask = "import daft; print(daft.__version__)"
    command = [args.daft, str(JOB), str(url_list), str(args.image_size)]
    return Side("daft", version_of([args.daft, "-c", ask]), command)


def chosen(args, url_list):
    """The sides that were named on the command line."""
    makers = {"turbo2ds": turbo2ds, "img2dataset": img2dataset, "daft": daft}
    return [make(args, url_list) for name, make in makers.items() if getattr(args, name)]
