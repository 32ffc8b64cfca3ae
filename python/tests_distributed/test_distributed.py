"""Plans spread by PySpark and Ray over several processes of this machine."""

import os
import pathlib
import signal

import pytest
import turbo2ds
from clusters import meanwhile
from example import FAILED, ROWS, SHARDS, options
from turbo2ds._command import main
from turbo2ds._distribute import ranges


def check(report, output):
    """Every shard is there once and whole, and the report is of what is there."""
    assert (report.count, report.successes, report.failed_to_download) == (ROWS, ROWS - FAILED, FAILED)
    assert report.failures == {"HTTP Error 404: Not Found": FAILED}
    assert (report.shards, report.shards_before, report.shards_missing) == (SHARDS, 0, 0)
    run = turbo2ds.open_run(output)
    assert [shard.shard_id for shard in run.shards] == list(range(SHARDS))
    assert run.metadata(["key"]).num_rows == ROWS
    assert main(["verify", str(output)]) == 0


@pytest.fixture
def spark(tmp_path):
    """A master and two workers in processes of their own, one core each."""
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .appName("test")
        .config("spark.executor.memory", "512m")
        .config("spark.local.dir", str(tmp_path))
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture
def ray_cluster():
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False)
    yield ray
    ray.shutdown()


def processes(word):
    """Processes of this machine whose command line holds a word."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes()
        except OSError:
            continue
        if word.encode() in line:
            found.append(int(entry.parent.name))
    return found


def kill_one(word):
    os.kill(processes(word)[0], signal.SIGKILL)


def test_numbers_become_ranges_without_gaps():
    assert list(ranges([0, 1, 2, 3, 4], 2)) == [(0, 1), (2, 3), (4, 4)]
    assert list(ranges([0, 1, 5, 6, 9], 10)) == [(0, 1), (5, 6), (9, 9)]


def test_spark_spreads_a_plan(spark, slow_list, tmp_path, capfd):
    del spark
    output = tmp_path / "out"
    report = turbo2ds.download(slow_list, **options(output), distributor="pyspark", subjob_size=10)
    check(report, output)
    said = capfd.readouterr().out
    assert said.count("worker  - success") == SHARDS
    assert f"count: {ROWS}" in said
    again = turbo2ds.download(slow_list, **options(output), distributor="pyspark")
    assert (again.shards, again.shards_before) == (0, SHARDS)


def test_a_lost_spark_executor_loses_nothing(spark, slow_list, tmp_path):
    del spark
    output = tmp_path / "out"
    with meanwhile(output, lambda: kill_one("CoarseGrainedExecutorBackend")) as done:
        report = turbo2ds.download(slow_list, **options(output), distributor="pyspark")
    assert done
    check(report, output)


def test_spark_without_a_session_makes_one_and_ends_it(slow_list, tmp_path):
    from pyspark.sql import SparkSession

    output = tmp_path / "out"
    report = turbo2ds.download(slow_list, **options(output), distributor="pyspark", processes_count=2)
    check(report, output)
    assert SparkSession.getActiveSession() is None


def test_ray_spreads_a_plan(ray_cluster, slow_list, tmp_path):
    del ray_cluster
    output = tmp_path / "out"
    report = turbo2ds.download(slow_list, **options(output), distributor="ray")
    check(report, output)


def test_a_lost_ray_worker_loses_nothing(ray_cluster, slow_list, tmp_path):
    del ray_cluster
    output = tmp_path / "out"
    with meanwhile(output, lambda: kill_one("ray::work")) as done:
        report = turbo2ds.download(slow_list, **options(output), distributor="ray")
    assert done
    check(report, output)


def test_failed_shards_are_tried_again_and_then_missing(ray_cluster, slow_list, tmp_path, capfd):
    del ray_cluster
    output = tmp_path / "out"
    # Where the last shard's data goes stands something that no file can replace, from the middle of the job on:
    # what is there before it begins is refused.
    blocked = output / f"{SHARDS - 1:05}.tar"
    once = {**options(output), "distributor": "ray"}
    with meanwhile(output, lambda: (blocked / "in the way").mkdir(parents=True)) as done:
        report = turbo2ds.download(slow_list, **once, max_shard_retry=2)
    assert done
    assert report.shards_missing >= 1
    assert report.shards + report.shards_missing == SHARDS
    said = capfd.readouterr().err
    assert "try 1" in said and "try 2" in said
    assert "shards are missing" in said
    (blocked / "in the way").rmdir()
    blocked.rmdir()
    report = turbo2ds.download(slow_list, **once)
    assert report.shards_missing == 0
    assert main(["verify", str(output)]) == 0


def test_overwrite_and_extend_are_the_drivers(ray_cluster, slow_list, tmp_path):
    del ray_cluster
    output = tmp_path / "out"
    for mode, first in [("incremental", 0), ("extend", SHARDS), ("overwrite", 0)]:
        report = turbo2ds.download(slow_list, **options(output), distributor="ray", incremental_mode=mode)
        assert report.shards == SHARDS
        shards = [shard.shard_id for shard in turbo2ds.open_run(output).shards]
        assert shards[-SHARDS:] == list(range(first, first + SHARDS))
    assert len(shards) == SHARDS


def test_an_error_of_the_job_is_the_callers(slow_list, tmp_path):
    with pytest.raises(turbo2ds.UsageError):
        turbo2ds.download(slow_list, **options(tmp_path / "out"), distributor="dask")
    with pytest.raises(turbo2ds.InputError):
        turbo2ds.download("/no/such/list", **options(tmp_path / "out"), distributor="ray")
