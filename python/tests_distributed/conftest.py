"""A web and a list for workers; the clusters are the tests' own."""

import importlib.util
import os
import pathlib
import sys

import pytest
from example import FAILED, ROWS

# The other tests' web is this one's too; two files of one name cannot both be imported by it.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
_spec = importlib.util.spec_from_file_location(
    "turbo2ds_tests_conftest", pathlib.Path(__file__).resolve().parents[1] / "tests" / "conftest.py"
)
_shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_shared)
web, small_list, s3 = _shared.web, _shared.small_list, _shared.s3

os.environ["PYSPARK_PYTHON"] = sys.executable
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# A cluster of one test has no secrets to keep.
os.environ["RAY_AUTH_MODE"] = "disabled"


@pytest.fixture
def slow_list(web, tmp_path):
    """Each picture takes its time, so that workers overlap and can be caught in the middle."""
    path = tmp_path / "list.txt"
    urls = [f"{web}/slow/150/{seed}.jpg" for seed in range(ROWS - FAILED)]
    urls += [f"{web}/missing/{number}.jpg" for number in range(FAILED)]
    path.write_text("".join(f"{url}\n" for url in urls), encoding="utf-8")
    return str(path)
