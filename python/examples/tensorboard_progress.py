"""A run's metrics in TensorBoard while it goes on.

    pip install tensorboard
    python tensorboard_progress.py list.txt out logs & tensorboard --logdir logs
"""

import sys

import turbo2ds
from tensorboard.summary import Writer
from tracked import Tracked


def main(url_list, output_folder, log_folder):
    writer = Writer(log_folder)

    def log(metrics, step):
        for name, value in metrics.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    try:
        with Tracked(log) as on_progress:
            turbo2ds.download(url_list, output_folder=output_folder, on_progress=on_progress)
    finally:
        writer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
