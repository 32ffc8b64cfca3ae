"""The examples that hand a run's metrics to MLflow and TensorBoard, read back by those."""

import os
import pathlib
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).resolve().parents[1] / "examples"
#: What `enable_wandb` logs of a run.
METRICS = {f"total/{name}" for name in ("img_per_sec", "success", "failed_to_download", "failed_to_resize", "count")}
ROWS, FAILED = 12, 1


def run_example(name, *arguments, **variables):
    line = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(line, env={**os.environ, **variables}, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr


def check(last):
    """The last values of a run, by name."""
    assert last.keys() == METRICS
    assert last["total/count"] == ROWS
    assert last["total/success"] == pytest.approx(1 - FAILED / ROWS)
    assert last["total/failed_to_download"] == pytest.approx(FAILED / ROWS)
    assert last["total/failed_to_resize"] == 0
    assert last["total/img_per_sec"] > 0


def test_mlflow_has_the_metrics_the_options_and_the_failures(small_list, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "tracked").as_uri()
    run_example("mlflow_progress.py", small_list, tmp_path / "out", MLFLOW_TRACKING_URI=uri)

    from mlflow import MlflowClient
    from mlflow.artifacts import load_dict

    client = MlflowClient(uri)
    (run,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    assert run.info.status == "FINISHED"
    check(run.data.metrics)
    history = client.get_metric_history(run.info.run_id, "total/count")
    assert [point.step for point in history] == [point.value for point in history]
    assert run.data.params["encode_format"] == "jpg"
    assert load_dict(f"{run.info.artifact_uri}/failures.json") == {"HTTP Error 404: Not Found": FAILED}


def test_tensorboard_has_the_metrics(small_list, tmp_path):
    logs = tmp_path / "logs"
    run_example("tensorboard_progress.py", small_list, tmp_path / "out", logs)

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(logs))
    events.Reload()
    # A scalar is a tensor of no dimension since TensorBoard 2.
    points = {name: events.Tensors(name) for name in events.Tags()["tensors"]}
    check({name: float(make_ndarray(of_name[-1].tensor_proto)) for name, of_name in points.items()})
    assert all(of_name[-1].step == ROWS for of_name in points.values())
