"""Ranges of shards over a Ray cluster: one task for each.

The cluster that this process is connected to is used, or the one it finds, or one is made on this
machine. The package must be importable on the nodes. A task whose worker was lost is run again by Ray,
and after that by the driver.
"""

from typing import Any, Optional

from turbo2ds._distribute import Range, work
from turbo2ds.errors import UsageError

#: Cores of one task.
CORES = 1


class RaySpreader:
    """A connection for one job."""

    def __init__(self, arguments: list[str], processes_count: Optional[int]) -> None:
        try:
            import ray
        except ImportError as error:
            hint = "pip install 'turbo2ds[ray]'"
            raise UsageError("distributor is ray and that is not installed", hint) from error
        self._ray: Any = ray
        self._arguments = arguments
        self._owned = not ray.is_initialized()
        if self._owned:
            try:
                ray.init(address="auto")
            except ConnectionError:
                ray.init(include_dashboard=False, num_cpus=processes_count)
        self._running: list[Any] = []

    @property
    def places(self) -> int:
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)) // CORES)

    def run(self, ranges: list[Range]) -> list[dict[str, Any]]:
        task = self._ray.remote(num_cpus=CORES, max_retries=3)(work)
        self._running = [task.remote(self._arguments, part, CORES) for part in ranges]
        results = [self._result(reference) for reference in self._running]
        self._running = []
        return results

    def _result(self, reference: Any) -> dict[str, Any]:
        try:
            result: dict[str, Any] = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            # The worker was lost again and again; its shards go out once more.
            return {"error": f"{type(error).__name__} of a Ray task"}
        return result

    def stop(self) -> None:
        for reference in self._running:
            self._ray.cancel(reference, force=True)

    def close(self) -> None:
        if self._owned:
            self._ray.shutdown()
