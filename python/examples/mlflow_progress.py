"""A run in MLflow: its options, its metrics while it goes on, its failures at the end.

    pip install mlflow          # mlflow-skinny is enough to log
    MLFLOW_TRACKING_URI=http://localhost:5000 python mlflow_progress.py list.txt out
"""

import sys

import mlflow
import turbo2ds
from tracked import Tracked


def main(url_list, output_folder):
    with mlflow.start_run():
        with Tracked(lambda metrics, step: mlflow.log_metrics(metrics, step=step)) as on_progress:
            report = turbo2ds.download(url_list, output_folder=output_folder, on_progress=on_progress)
        mlflow.log_params(report.open().options)
        mlflow.log_dict(report.failures, "failures.json")


if __name__ == "__main__":
    main(*sys.argv[1:])
