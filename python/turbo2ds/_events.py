"""What the engine tells while a run goes on, as Python sees it."""

import sys
from dataclasses import dataclass, field
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
    def of_event(cls, event: dict[str, Any]) -> "Progress":
        names = cls.__dataclass_fields__
        return cls(**{name: event[name] for name in names})


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

    def __init__(self, on_progress: Callable[[Progress], None]) -> None:
        self._on_progress = on_progress

    def take(self, event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            self._on_progress(Progress.of_event(event))
        elif event["event"] == "note":
            print(event["text"], file=sys.stderr, flush=True)
