"""The record's options as Python values.

The record keeps each option in the engine's canonical text, which is made to be compared. Here it
becomes what a user would have passed to ``download``.
"""

import json
import re
from typing import Any

_REENCODE = {
    "Always": {"skip_reencode": False, "disable_all_reencoding": False},
    "SkipIfUnchanged": {"skip_reencode": True, "disable_all_reencoding": False},
    "Never": {"skip_reencode": False, "disable_all_reencoding": True},
}
_WORDS = {"Lanczos4": "lanczos"}
_ENDINGS = {"None": "", "Gzip": ".gz", "Zstd": ".zst"}


def readable(options: dict[str, str]) -> dict[str, Any]:
    """Options of a record as ``download`` takes them."""
    values: dict[str, Any] = {}
    for name, text in options.items():
        if name == "reencode" and text in _REENCODE:
            values.update(_REENCODE[text])
        elif name == "input_format" and (pair := re.fullmatch(r"\((\w+), (\w+)\)", text)):
            values[name] = pair[1].lower() + _ENDINGS.get(pair[2], "")
        else:
            values[name] = _value(text)
    return values


def _value(text: str) -> Any:
    if filter_name := re.fullmatch(r"Antialiased\((\w+)\)", text):
        return filter_name[1].lower()
    if wrapped := re.fullmatch(r"Some\((.*)\)", text, re.DOTALL):
        return _value(wrapped[1])
    if text == "None":
        return None
    try:
        return float("inf") if text == "inf" else json.loads(_as_json(text))
    except ValueError:
        return _WORDS.get(text) or _snake(text)


def _as_json(text: str) -> str:
    # Rust writes characters beyond printable ASCII as \u{e9} where it escapes them at all.
    return re.sub(r"\\u\{([0-9a-f]+)\}", lambda found: json.dumps(chr(int(found[1], 16)))[1:-1], text)


def _snake(word: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).lower()
