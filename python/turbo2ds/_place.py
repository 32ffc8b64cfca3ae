"""Where a dataset is: a folder of a file system, or one in a store, which the engine reads."""

import io
import os
import pathlib
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Optional, Protocol, Union

from turbo2ds import _engine
from turbo2ds._signature import path_text, storage_arguments
from turbo2ds.errors import OutputError

#: A path of a file system, or the URL of a store as text.
Location = Union[pathlib.Path, str]

#: Seconds for which a reader waits for a store that is away.
READER_PATIENCE_S = 60


class Place(Protocol):
    """A dataset's folder."""

    @property
    def folder(self) -> Location:
        """Where it is."""
        ...

    def look(self) -> Iterable[str]:
        """The names of what is there now; an error if there is no folder."""
        ...

    def content(self, name: str) -> Optional[bytes]:
        """The content of a mark or of the record, if that is there. Of a store's: as of the last look."""
        ...

    def find(self, name: str) -> Optional[Location]:
        """Where a file or folder is, if it is there."""
        ...

    def open(self, name: str) -> Any:
        """A file as pyarrow reads it."""
        ...


class Folder:
    """A folder of a file system."""

    def __init__(self, path: str) -> None:
        self.folder = pathlib.Path(path)

    def look(self) -> Iterable[str]:
        try:
            return os.listdir(self.folder)
        except (FileNotFoundError, NotADirectoryError):
            raise _nothing_at(self.folder) from None

    def content(self, name: str) -> Optional[bytes]:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def find(self, name: str) -> Optional[Location]:
        path = self.folder / name
        return path if path.exists() else None

    def open(self, name: str) -> Any:
        return self.folder / name


class StoreFolder:
    """A folder in a store. What has not changed since the last look is not read again."""

    def __init__(self, url: str, arguments: list[str]) -> None:
        #: Without a password, if the URL has one.
        self.folder = url
        self._store = _engine.Store(arguments)
        self._names: frozenset[str] = frozenset()
        self._looking = threading.Lock()

    def look(self) -> Iterable[str]:
        with self._looking:
            self._names = frozenset(self._store.look())
        if not self._names:
            raise _nothing_at(self.folder)
        return self._names

    def content(self, name: str) -> Optional[bytes]:
        return self._store.content(name)

    def find(self, name: str) -> Optional[Location]:
        return f"{self.folder}/{name}" if name in self._names else None

    def open(self, name: str) -> Any:
        return StoreFile(self._store.file(name))


class StoreFile(io.RawIOBase):
    """A file of a store, which is read where it is asked for."""

    def __init__(self, file: "_engine.File") -> None:
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._file.length}[whence]
        if base + offset < 0:
            raise ValueError("a place before the file's beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._file.length - self._at)
        if length <= 0:
            return 0
        buffer[:length] = self._file.read_at(self._at, length)
        self._at += length
        return length


def place_of(folder: Union[str, "os.PathLike[str]"], storage_options: Optional[Mapping[str, Any]]) -> Place:
    """The dataset's folder at a path or a URL, with what the store takes as options."""
    return place_over(path_text(folder), storage_arguments(storage_options))


def place_over(folder: str, reaching: list[str]) -> Place:
    """The same with the engine's own arguments for how a store is reached."""
    is_store, shown = _engine.place(folder)
    if not is_store:
        return Folder(shown)
    # Of a repeated option the last one counts.
    reading = ["--url_list=-", f"--output_folder={folder}", f"--outage_wait={READER_PATIENCE_S}"]
    return StoreFolder(shown, [*reading, *reaching])


def _nothing_at(folder: Location) -> OutputError:
    return OutputError(f"no folder at {folder}", "give the output_folder of a run")
