"""What the engine tells while a run goes on, as Python sees it."""

import sys
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Optional

PLAIN_LINE_EVERY_S = 10.0


@dataclass(frozen=True)
class Progress:
    """A moment of a run; counts are rows of this run."""

    #: Rows that have ended, in whatever way.
    count: int
    #: Rows of the whole list, where its format tells without reading it through.
    total: Optional[int]
    successes: int
    failed_to_download: int
    failed_to_resize: int
    #: Since the run began.
    seconds: float
    #: Over the last seconds.
    images_per_sec: float
    bytes_per_sec: float
    #: Downloads under way.
    in_flight: int
    open_shards: int
    #: Rows by failure.
    failures: dict[str, int] = field(default_factory=dict)
    #: The state as one line.
    text: str = ""

    @classmethod
    def of_event(cls, event: dict[str, Any], seconds: float) -> "Progress":
        names = (name for name in cls.__dataclass_fields__ if name != "seconds")
        return cls(seconds=seconds, **{name: event[name] for name in names})

    def metrics(self) -> dict[str, float]:
        """What ``enable_wandb`` logs of a run, under the same names, for any other tracker; empty until a
        row has ended."""
        return metrics("total", asdict(self), self.seconds)


def metrics(prefix: str, counts: dict[str, Any], seconds: float) -> dict[str, float]:
    """Counts as img2dataset's metrics: rows per second, shares of the rows, rows."""
    count = counts["count"]
    if not count:
        return {}
    return {
        f"{prefix}/img_per_sec": count / max(seconds, 1e-3),
        f"{prefix}/success": counts["successes"] / count,
        f"{prefix}/failed_to_download": counts["failed_to_download"] / count,
        f"{prefix}/failed_to_resize": counts["failed_to_resize"] / count,
        f"{prefix}/count": count,
    }


class Printer:
    """Prints a run's lines where Python's own output goes, which in a notebook is the cell."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._next = clock() + PLAIN_LINE_EVERY_S

    def take(self, event: dict[str, Any]) -> None:
        kind, text = event["event"], event["text"]
        if kind == "progress":
            if self._clock() < self._next:
                return
            self._next = self._clock() + PLAIN_LINE_EVERY_S
        stream = sys.stdout if kind in ("shard", "summary") else sys.stderr
        print(text, file=stream, flush=True)


class Reporter:
    """Hands the progress to a caller's function; of the lines only what asks for attention is left."""

    def __init__(self, on_progress: Callable[[Progress], None], clock: Callable[[], float]) -> None:
        self._on_progress = on_progress
        self._clock = clock
        self._begun = clock()

    def take(self, event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            self._on_progress(Progress.of_event(event, self._clock() - self._begun))
        elif event["event"] == "note":
            print(event["text"], file=sys.stderr, flush=True)
