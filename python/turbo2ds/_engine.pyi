"""The compiled engine: texts in, texts out. Not for users; see the package itself."""

from typing import Callable, Optional

__version__: str

#: The name of a dataset's record.
RECORD_NAME: str
#: How the name of a shard's mark ends.
MARK_ENDING: str
#: How the name of its metadata ends.
METADATA_ENDING: str
#: How the names of what may hold its samples end, in the order in which they are looked for.
SAMPLE_ENDINGS: list[str]
#: The columns that metadata have beside the list's own, each with every name that it can have.
COLUMNS: list[list[str]]
#: The names of columns that hold images.
IMAGE_COLUMNS: list[str]
#: The status of a row whose image is in the dataset.
SUCCESS: str

class Store:
    """A dataset in a store; the output of a run with these arguments."""

    def __init__(self, arguments: list[str]) -> None: ...
    def look(self) -> list[str]: ...
    def content(self, name: str) -> Optional[bytes]: ...
    def file(self, name: str) -> File: ...

class File:
    """A file of a dataset in a store."""

    @property
    def length(self) -> int: ...
    def read_at(self, at: int, length: int) -> bytes: ...

def place(text: str) -> tuple[bool, str]: ...
def main(arguments: list[str]) -> int: ...
def options() -> list[tuple[str, str, str, str, bool]]: ...
def split(arguments: list[str]) -> Optional[list[tuple[str, str]]]: ...
def check(arguments: list[str]) -> None: ...
def read_record(document: bytes) -> str: ...
def prepare(arguments: list[str]) -> tuple[int, int, list[int]]: ...
def run(
    arguments: list[str],
    observer: Optional[Callable[[str], None]],
    handle_signals: bool,
) -> str: ...
