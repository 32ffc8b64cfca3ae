"""A finished or unfinished run as an object: shards, statistics, failures, options and metadata.

Reads marks, the folder's record and parquet files, whose image column is left where it is.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Optional, Union

from turbo2ds import _engine
from turbo2ds._place import Location, Place, place_of
from turbo2ds.errors import OutputError

if TYPE_CHECKING:
    import pyarrow

_COUNTS = ("count", "successes", "failed_to_download", "failed_to_resize")


@dataclass(frozen=True)
class Shard:
    """A shard that is done."""

    shard_id: int
    #: Its number as it stands in file names.
    name: str
    #: A path, or the URL of a store as text; so are ``data`` and ``metadata_file``.
    folder: Location
    #: The mark as it was written: counts, times, rows by status.
    stats: dict[str, Any]
    place: InitVar[Place]
    # Each shard has its own; a dataclass takes what is not of the class for a field.
    _at: ClassVar[Place]

    def __post_init__(self, place: Place) -> None:
        # No field: it is not shown, compared or handed on.
        object.__setattr__(self, "_at", place)

    @property
    def data(self) -> Optional[Location]:
        """The file or folder with its samples; none for the dummy format."""
        found = (self._at.find(self.name + ending) for ending in _engine.SAMPLE_ENDINGS)
        return next((location for location in found if location is not None), None)

    @property
    def metadata_file(self) -> Optional[Location]:
        """Its parquet file; none for the dummy format."""
        return self._at.find(self.name + _engine.METADATA_ENDING)

    def metadata(self, columns: Optional[Sequence[str]] = None) -> "pyarrow.Table":
        """Its rows, failures among them, without the images."""
        parquet = _parquet()
        if self.metadata_file is None:
            raise OutputError(f"shard {self.name} has no metadata", "the dummy format writes none")
        file = parquet.ParquetFile(self._at.open(self.name + _engine.METADATA_ENDING))
        if columns is None:
            columns = [field.name for field in file.schema_arrow if not _is_image(field)]
        return file.read(columns=list(columns))


class Run:
    """What stands in a dataset's folder. Read anew by each property, so that it follows a run."""

    def __init__(
        self,
        folder: Union[str, "os.PathLike[str]"],
        storage_options: Optional[Mapping[str, Any]] = None,
    ) -> None:
        self._open(place_of(folder, storage_options))

    @classmethod
    def at(cls, place: Place) -> "Run":
        """The run at a place that is open."""
        run = cls.__new__(cls)
        run._open(place)
        return run

    def _open(self, place: Place) -> None:
        #: A path, or the URL of a store as text.
        self.folder = place.folder
        self._place = place
        place.look()

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    @property
    def shards(self) -> list[Shard]:
        """The shards that are done, by number. One whose mark does not read is not done."""
        return sorted(self.new_shards(), key=lambda shard: shard.shard_id)

    def new_shards(
        self, known: Container[int] = (), wanted: Optional[Container[int]] = None
    ) -> Iterator[Shard]:
        """The shards that are done and not ``known``, of all or of the ``wanted`` ones, in any order."""
        for file in self._place.look():
            if not file.endswith(_engine.MARK_ENDING):
                continue
            name = file[: -len(_engine.MARK_ENDING)]
            if not re.fullmatch("[0-9]+", name) or int(name) in known:
                continue
            if wanted is not None and int(name) not in wanted:
                continue
            stats = _mark(self._place, file)
            if stats is not None:
                yield Shard(int(name), name, self.folder, stats, self._place)

    @property
    def stats(self) -> dict[str, Any]:
        """Totals over all shards: counts, first start, last end, rows by status."""
        shards = [shard.stats for shard in self.shards]
        totals: dict[str, Any] = {name: sum(stats[name] for stats in shards) for name in _COUNTS}
        totals["shards"] = len(shards)
        totals["start_time"] = min((stats["start_time"] for stats in shards), default=None)
        totals["end_time"] = max((stats["end_time"] for stats in shards), default=None)
        totals["status_dict"] = dict(_by_status(shards).most_common())
        return totals

    @property
    def failures(self) -> dict[str, int]:
        """Rows by failure, the most frequent first."""
        counts = _by_status(shard.stats for shard in self.shards)
        del counts[_engine.SUCCESS]
        return dict(counts.most_common())

    @property
    def options(self) -> dict[str, Any]:
        """The options that decided the dataset, of the folder's last run; none without a record."""
        runs = self.runs
        return runs[-1]["options"] if runs else {}

    @property
    def runs(self) -> list[dict[str, Any]]:
        """Whose shards these are: ``first_shard_id`` and ``options`` of each run, oldest first."""
        self._place.look()
        document = self._place.content(_engine.RECORD_NAME)
        if document is None:
            return []
        try:
            record = json.loads(_engine.read_record(document))
        except ValueError as error:
            path = f"{self.folder}/{_engine.RECORD_NAME}"
            raise OutputError(f"{path} {error}", "a dataset's record is written by turbo2ds alone") from None
        return [
            {"first_shard_id": run["first_shard_id"], "options": _values(run["options"])}
            for run in record["runs"]
        ]

    def metadata(self, columns: Optional[Sequence[str]] = None) -> "pyarrow.Table":
        """All rows as one table, without the images; see :meth:`iter_metadata` for long lists."""
        import pyarrow

        _parquet()
        tables = list(self.iter_metadata(columns))
        if not tables:
            return pyarrow.table({})
        # A column that is null throughout one shard has its type in another.
        return pyarrow.concat_tables(tables, promote_options="permissive")

    def iter_metadata(self, columns: Optional[Sequence[str]] = None) -> Iterator["pyarrow.Table"]:
        """A table for each shard that has metadata, by number."""
        for shard in self.shards:
            if shard.metadata_file is not None:
                yield shard.metadata(columns)


def open_run(
    folder: Union[str, "os.PathLike[str]"], storage_options: Optional[Mapping[str, Any]] = None
) -> Run:
    """Open the folder of a run, finished or not: a path, or a store's URL with the options that fsspec takes
    for it. Never reads an image."""
    return Run(folder, storage_options)


def _mark(place: Place, file: str) -> Optional[dict[str, Any]]:
    try:
        stats = json.loads(place.content(file) or b"")
    except (OSError, ValueError):
        return None
    whole = isinstance(stats, dict) and all(name in stats for name in _COUNTS)
    return stats if whole else None


def _values(options: dict[str, Any]) -> dict[str, Any]:
    """A run's options as ``download`` takes them: JSON has no infinity."""
    numbers = {name for name, kind, *_ in _engine.options() if kind == "NUMBER"}
    return {
        name: float(value) if name in numbers and value == "inf" else value for name, value in options.items()
    }


def _by_status(marks: Any) -> "Counter[str]":
    counts: Counter[str] = Counter()
    for stats in marks:
        counts.update(stats.get("status_dict", {}))
    return counts


def _is_image(field: "pyarrow.Field") -> bool:
    import pyarrow.types as types

    binary = types.is_binary(field.type) or types.is_large_binary(field.type)
    return field.name in _engine.IMAGE_COLUMNS and binary


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        message = "metadata is read by pyarrow: pip install 'turbo2ds[arrow]'"
        raise ImportError(message) from error
    return pyarrow.parquet
