"""A Spark standalone cluster, a Ray cluster of three nodes and a Metaflow flow, a part of each killed."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tarfile

import pytest
import turbo2ds
from clusters import kill_session, meanwhile, ray_nodes, spark_standalone
from example import FAILED, ROWS, SHARDS, options
from turbo2ds._command import main

FLOW = pathlib.Path(__file__).resolve().parents[1] / "examples" / "dataset_flow.py"


def members(output):
    """The content of every sample, by shard and name."""
    found = {}
    for shard in sorted(output.glob("*.tar")):
        with tarfile.open(shard) as archive:
            for member in archive:
                found[shard.name, member.name] = archive.extractfile(member).read()
    return found


@pytest.fixture
def alone(slow_list, tmp_path):
    """What one box makes of the list."""
    output = tmp_path / "alone"
    turbo2ds.download(slow_list, **options(output))
    return members(output)


def check(output, alone):
    run = turbo2ds.open_run(output)
    assert [shard.shard_id for shard in run.shards] == list(range(SHARDS))
    assert run.metadata(["key"]).num_rows == ROWS
    assert run.failures == {"HTTP Error 404: Not Found": FAILED}
    assert main(["verify", str(output)]) == 0
    assert members(output) == alone


def test_a_worker_of_a_spark_cluster_that_is_killed_loses_nothing(alone, slow_list, tmp_path):
    from pyspark.sql import SparkSession

    output = tmp_path / "out"
    with spark_standalone(tmp_path) as (url, workers):
        builder = SparkSession.builder.master(url).config("spark.driver.host", "127.0.0.1")
        builder = builder.config("spark.executor.memory", "512m").config("spark.ui.enabled", "false")
        session = builder.getOrCreate()
        try:
            with meanwhile(output, lambda: kill_session(workers[0])) as done:
                report = turbo2ds.download(slow_list, **options(output), distributor="pyspark")
        finally:
            session.stop()
    assert done
    assert report.count == ROWS
    check(output, alone)


def packed_package(folder):
    """The installed package as an archive whose root is its folder's parent, as the documentation makes it."""
    archive = folder / "turbo2ds.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(pathlib.Path(turbo2ds.__file__).parent, arcname="turbo2ds")
    return archive


def test_executors_without_the_package_get_it_by_an_archive(alone, slow_list, tmp_path, monkeypatch):
    from pyspark.sql import SparkSession

    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    python = bare / "bin" / "python"
    assert subprocess.run([python, "-c", "import turbo2ds"], stderr=subprocess.DEVNULL).returncode != 0
    monkeypatch.setenv("PYSPARK_PYTHON", str(python))
    output = tmp_path / "out"
    with spark_standalone(tmp_path) as (url, _):
        session = (
            SparkSession.builder.master(url)
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.executor.memory", "512m")
            .config("spark.ui.enabled", "false")
            .config("spark.archives", f"{packed_package(tmp_path)}#turbo2ds_package")
            .config("spark.executorEnv.PYTHONPATH", "turbo2ds_package")
            .getOrCreate()
        )
        try:
            parts = session.sparkContext.parallelize(range(4), 4)
            where = parts.map(lambda _: __import__("turbo2ds").__file__).collect()
            report = turbo2ds.download(slow_list, **options(output), distributor="pyspark")
        finally:
            session.stop()
    assert all("turbo2ds_package" in place for place in where), where
    assert report.count == ROWS
    check(output, alone)


def test_a_node_of_a_ray_cluster_that_is_killed_loses_nothing(alone, slow_list, tmp_path):
    output = tmp_path / "out"
    with ray_nodes(tmp_path) as (_, nodes):
        with meanwhile(output, lambda: kill_session(nodes[0])) as done:
            report = turbo2ds.download(slow_list, **options(output), distributor="ray")
    assert done
    assert report.count == ROWS
    check(output, alone)


def test_a_task_of_a_flow_that_is_killed_is_tried_again(alone, slow_list, tmp_path):
    output = tmp_path / "out"
    own = {key: value for key, value in options(output).items() if key != "output_folder"}
    line = [sys.executable, str(FLOW), "--no-pylint", "run", "--url_list", slow_list]
    line += ["--output_folder", str(output), "--workers", "3", "--options", json.dumps(own)]
    variables = {
        "METAFLOW_USER": "test",
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path),
    }
    with open(tmp_path / "flow.log", "wb") as log:
        flow = subprocess.Popen(line, cwd=tmp_path, env={**os.environ, **variables}, stdout=log, stderr=log)
    with meanwhile(output, lambda: os.kill(a_task(flow.pid), signal.SIGKILL)) as done:
        code = flow.wait(timeout=240)
    said = (tmp_path / "flow.log").read_text()
    assert (done, code) == ([True], 0), said
    assert f"{ROWS} rows in" in said
    assert "Retrying" in said or "retry" in said.lower(), said
    check(output, alone)


def a_task(flow):
    """A process of the flow's that downloads."""
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().split(b"\0")
            parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if b"step" in line and b"download" in line and int(parent) == flow:
            return int(entry.name)
    raise AssertionError("no task downloads")
