"""What ``download`` gives back."""

from dataclasses import dataclass
from typing import Any

from turbo2ds._run import Run, open_run


@dataclass(frozen=True)
class RunReport:
    """A finished run. Counts are of the shards that this run wrote."""

    output_folder: str
    #: Rows.
    count: int
    successes: int
    failed_to_download: int
    failed_to_resize: int
    #: Shards written, found done, and missing because this machine failed them.
    shards: int
    shards_before: int
    #: Shards done here that another worker had done before.
    shards_elsewhere: int
    shards_missing: int
    #: Body bytes received.
    bytes: int
    seconds: float
    #: Rows by failure.
    failures: dict[str, int]
    #: What of the list could not be kept as it came, by kind.
    lossy: dict[str, int]
    #: Counters of name resolution.
    names: dict[str, Any]

    @classmethod
    def of_summary(cls, output_folder: str, summary: dict[str, Any]) -> "RunReport":
        names = (name for name in cls.__dataclass_fields__ if name != "output_folder")
        return cls(output_folder=output_folder, **{name: summary[name] for name in names})

    def open(self) -> Run:
        """The dataset that the run left."""
        return open_run(self.output_folder)
