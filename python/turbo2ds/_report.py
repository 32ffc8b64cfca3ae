"""What ``download`` gives back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from turbo2ds._place import place_over
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
    def of_summary(cls, output_folder: str, summary: dict[str, Any], storage: list[str]) -> "RunReport":
        names = (name for name in cls.__dataclass_fields__ if name != "output_folder")
        report = cls(output_folder=output_folder, **{name: summary[name] for name in names})
        # No field: what is shown, saved or sent of a report has no secret.
        object.__setattr__(report, "_storage", storage)
        return report

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_storage"}

    def open(self, storage_options: Optional[Mapping[str, Any]] = None) -> Run:
        """The dataset that the run left, with the storage options of the run unless there are others. A copy
        of the report in another process has not kept them."""
        if storage_options is None:
            return Run.at(place_over(self.output_folder, getattr(self, "_storage", [])))
        return open_run(self.output_folder, storage_options)
