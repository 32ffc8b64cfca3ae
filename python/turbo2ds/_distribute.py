"""Spreading a plan over machines: ranges of shards go out, what became of them comes back.

The driver makes the folder ready and counts the shards once. A worker is the engine over a range of
them (``--shard_range``), in the same folder; the list and the folder must be there under the same paths
on every machine, or be URLs of stores, whose options go to the workers with the other arguments. What
counts is what stands in the folder: a shard of a worker that was lost is either there, whole, or goes
out again.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import Any, Callable, Protocol

from turbo2ds import _engine
from turbo2ds._job import Job, Listener
from turbo2ds._report import RunReport
from turbo2ds._place import Folder, Place, place_over
from turbo2ds._run import Run, Shard
from turbo2ds.errors import Turbo2dsError

LOOK_EVERY_S = 1.0
#: A look at a store is a few requests for each thousand files.
LOOK_AT_STORE_EVERY_S = 5.0
#: Ranges for each place that can work at a time: fewer leave places idle at the end.
RANGES_PER_PLACE = 4

Range = tuple[int, int]


class Spreader(Protocol):
    """A way to machines."""

    @property
    def places(self) -> int:
        """Workers that can run at a time."""
        ...

    def run(self, ranges: list[Range]) -> list[dict[str, Any]]:
        """Have all ranges done; gives each worker's summary, or its ``error``."""
        ...

    def stop(self) -> None:
        """Cancel what runs."""
        ...

    def close(self) -> None:
        """Give back what was taken for the job."""
        ...


def work(arguments: list[str], part: Range, cores: int) -> dict[str, Any]:
    """What a worker does, on whatever machine: one range, on so many cores."""
    first, last = part
    own = [f"--shard_range={first}-{last}", f"--processes_count={cores}"]
    try:
        # Whoever runs workers looks at the folder: nothing needs to be told.
        return dict(json.loads(_engine.run([*arguments, *own], lambda text: None, False)))
    except Turbo2dsError as error:
        return {"error": str(error)}


def distribute(job: Job, listener: Listener) -> RunReport:
    """Run a job over machines to its end."""
    begun = time.time()
    first, count, done = _engine.prepare(job.arguments)
    before = set(done)
    todo = [shard for shard in range(first, first + count) if shard not in before]
    # A store may be away for as long as the workers wait for it.
    reaching = [f"--outage_wait={job.options['outage_wait']}", *job.storage]
    watcher = Watcher(place_over(job.output_folder, reaching), set(todo), listener)
    results: list[dict[str, Any]] = []
    if todo:
        results = _run_rounds(job, todo, watcher, listener)
    watcher.look()
    missing = len(todo) - len(watcher.found)
    if missing:
        errors = sorted({result["error"] for result in results if "error" in result})
        lines = [f"{missing} shards are missing; the same call does them", *errors]
        _note(listener, "\n".join(lines))
    summary = {
        **watcher.counts,
        "event": "summary",
        "shards": len(watcher.found),
        "shards_before": len(before),
        "shards_elsewhere": 0,
        "shards_missing": missing,
        "bytes": sum(result.get("bytes", 0) for result in results),
        "seconds": time.time() - begun,
        "lossy": _sums(result.get("lossy", {}) for result in results),
        "names": {},
    }
    summary["text"] = _line("total", summary, summary["seconds"])
    listener.take(summary)
    return RunReport.of_summary(job.output_folder, summary, job.storage)


def _run_rounds(
    job: Job, todo: list[int], watcher: "Watcher", listener: Listener
) -> list[dict[str, Any]]:
    """The shards, then those that failed, as often as they may be tried again."""
    # A repeated option counts as given last.
    arguments = [*job.arguments, "--incremental_mode=incremental"]
    subjob = int(job.options["subjob_size"])
    results: list[dict[str, Any]] = []
    spreader = _spreader(job, arguments)
    try:
        for attempt in range(1 + int(job.options["max_shard_retry"])):
            if attempt:
                _note(listener, f"{len(todo)} shards failed and are done again, try {attempt}")
            size = max(1, min(subjob, len(todo) // (RANGES_PER_PLACE * spreader.places)))
            for start in range(0, len(todo), subjob):
                batch = list(ranges(todo[start : start + subjob], size))
                results += _follow(lambda batch=batch: spreader.run(batch), watcher)  # type: ignore[misc]
            todo = [shard for shard in todo if shard not in watcher.found]
            if not todo:
                break
    except BaseException:
        spreader.stop()
        raise
    finally:
        spreader.close()
    return results


def ranges(shards: list[int], most: int) -> Iterator[Range]:
    """Numbers in their order as ranges without gaps, of at most so many."""
    first = last = shards[0]
    for shard in shards[1:]:
        if shard == last + 1 and shard - first < most:
            last = shard
        else:
            yield first, last
            first = last = shard
    yield first, last


def _follow(
    run: Callable[[], list[dict[str, Any]]], watcher: "Watcher"
) -> list[dict[str, Any]]:
    """Run on a thread and tell of the shards as they come, so that the caller stays interruptible."""
    pool = ThreadPoolExecutor(1)
    try:
        running = pool.submit(run)
        while True:
            try:
                return running.result(timeout=watcher.every_s)
            except NotYet:
                # Also a worker's own TimeoutError, where it is that.
                if running.done():
                    return running.result()
            finally:
                watcher.look()
    finally:
        pool.shutdown(wait=False)


class Watcher:
    """Sees the marks of shards come and tells of them, as a run on one machine does."""

    def __init__(self, place: Place, wanted: set[int], listener: Listener) -> None:
        self.found: set[int] = set()
        #: Of the shards found.
        self.counts: dict[str, Any] = {**dict.fromkeys(_COUNTS, 0), "failures": {}}
        self.every_s = LOOK_EVERY_S if isinstance(place, Folder) else LOOK_AT_STORE_EVERY_S
        self._run = Run.at(place)
        self._wanted = wanted
        self._listener = listener

    def look(self) -> None:
        for shard in self._run.new_shards(known=self.found, wanted=self._wanted):
            event = _shard_event(shard)
            self.found.add(shard.shard_id)
            for name in _COUNTS:
                self.counts[name] += event[name]
            self.counts["failures"] = _sums([self.counts["failures"], event["failures"]])
            self._listener.take(event)
        text = f"{len(self.found)} of {len(self._wanted)} shards"
        self._listener.take({**self.counts, **_NO_GAUGES, "event": "progress", "total": None, "text": text})


_COUNTS = ("count", "successes", "failed_to_download", "failed_to_resize")
_NO_GAUGES = {"images_per_sec": 0.0, "bytes_per_sec": 0.0, "in_flight": 0, "open_shards": 0}


def _shard_event(shard: Shard) -> dict[str, Any]:
    stats = shard.stats
    seconds = stats["end_time"] - stats["start_time"]
    return {
        **stats,
        "event": "shard",
        "shard_id": shard.shard_id,
        "seconds": seconds,
        "failures": _failures(stats),
        "text": _line("worker", stats, seconds),
    }


def _failures(stats: dict[str, Any]) -> dict[str, int]:
    return {status: n for status, n in stats["status_dict"].items() if status != "success"}


def _line(head: str, counts: dict[str, Any], seconds: float) -> str:
    count = counts["count"]
    names = [
        ("success", "successes"),
        ("failed to download", "failed_to_download"),
        ("failed to resize", "failed_to_resize"),
    ]
    shares = [f"{text}: {counts[name] / max(count, 1):.3f}" for text, name in names]
    rate = f"images per sec: {count / max(seconds, 1e-3):.0f}"
    return " - ".join([f"{head:<7}", *shares, rate, f"count: {count}"])


def _sums(counts: Any) -> dict[str, int]:
    sums: dict[str, int] = {}
    for each in counts:
        for name, n in each.items():
            sums[name] = sums.get(name, 0) + n
    return sums


def _note(listener: Listener, text: str) -> None:
    listener.take({"event": "note", "text": text})


def _spreader(job: Job, arguments: list[str]) -> Spreader:
    if job.options["distributor"] == "pyspark":
        from turbo2ds._spark import SparkSpreader

        return SparkSpreader(arguments, job.options["processes_count"])
    from turbo2ds._ray import RaySpreader

    return RaySpreader(arguments, job.options["processes_count"])
