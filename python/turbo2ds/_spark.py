"""Ranges of shards over a Spark cluster: one task for each.

The active session is used, or one is made on this machine. The package must be importable on the
executors: installed there, or sent by spark.archives. Spark itself runs the tasks of a lost executor again.
"""

from typing import Any, Optional

from turbo2ds._distribute import Range, work
from turbo2ds.errors import UsageError


class SparkSpreader:
    """A session for one job."""

    def __init__(self, arguments: list[str], processes_count: Optional[int]) -> None:
        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            hint = "pip install 'turbo2ds[pyspark]'"
            raise UsageError("distributor is pyspark and that is not installed", hint) from error
        self._arguments = arguments
        active = SparkSession.getActiveSession()
        self._owned = active is None
        if active is None:
            cores = processes_count or "*"
            active = SparkSession.builder.master(f"local[{cores}]").appName("turbo2ds").getOrCreate()
        self._session: Any = active

    @property
    def _cores(self) -> int:
        """Of one task."""
        return int(self._session.sparkContext.getConf().get("spark.task.cpus", "1"))

    @property
    def places(self) -> int:
        slots = int(self._session.sparkContext.defaultParallelism)
        return max(1, slots // self._cores)

    def run(self, ranges: list[Range]) -> list[dict[str, Any]]:
        arguments, cores = self._arguments, self._cores
        parts = self._session.sparkContext.parallelize(ranges, len(ranges))
        done: list[dict[str, Any]] = parts.map(lambda part: work(arguments, part, cores)).collect()
        return done

    def stop(self) -> None:
        self._session.sparkContext.cancelAllJobs()

    def close(self) -> None:
        if self._owned:
            self._session.stop()
