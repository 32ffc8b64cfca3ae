"""Plans spread by PySpark and Ray whose list and dataset are in a store: nothing is shared but that."""

import pathlib

import pytest
import turbo2ds
from example import FAILED, ROWS, SHARDS, options
from stores import SECRET
from turbo2ds._command import main


@pytest.mark.parametrize("distributor", ["pyspark", "ray"])
def test_a_plan_is_spread_from_a_store_to_a_store(s3, slow_list, tmp_path, monkeypatch, capfd, distributor):
    s3.put(f"lists/{distributor}.txt", pathlib.Path(slow_list).read_bytes())
    # What is local to the driver is no place that a worker could find.
    monkeypatch.chdir(tmp_path)
    given = {**options(s3.url(f"out/{distributor}")), "storage_options": s3.options, "distributor": distributor}
    report = turbo2ds.download(s3.url(f"lists/{distributor}.txt"), **given, processes_count=2)
    assert (report.count, report.successes, report.failed_to_download) == (ROWS, ROWS - FAILED, FAILED)
    assert (report.shards, report.shards_before, report.shards_missing) == (SHARDS, 0, 0)
    run = report.open()
    assert [shard.shard_id for shard in run.shards] == list(range(SHARDS))
    assert run.metadata(["key"]).num_rows == ROWS
    again = turbo2ds.download(s3.url(f"lists/{distributor}.txt"), **given)
    assert (again.shards, again.shards_before) == (0, SHARDS)
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err
    assert not list(tmp_path.glob("s3:*"))
    verify = ["verify", s3.url(f"out/{distributor}"), f"--storage_option=endpoint_url={s3.endpoint}"]
    credentials = [f"--storage_option=key={s3.options['key']}", f"--storage_option=secret={SECRET}"]
    assert main([*verify, *credentials]) == 0
