"""Owns EXIF blocks: TIFF directories of either byte order, whole and broken."""

import struct

BYTE, ASCII, SHORT, LONG, RATIO, SBYTE, UNDEFINED, SSHORT, SLONG, SRATIO, FLOAT, DOUBLE = range(1, 13)
CODES = {BYTE: "B", ASCII: "B", SHORT: "H", LONG: "I", RATIO: "I", SBYTE: "b", UNDEFINED: "B"}
CODES |= {SSHORT: "h", SLONG: "i", SRATIO: "i", FLOAT: "f", DOUBLE: "d"}


def pack(endian, kind, values):
    """The bytes of a field's values; (count, bytes)."""
    if isinstance(values, str):
        values = values.encode("latin-1") + b"\0"
    if isinstance(values, int):
        values = [values]
    flat = [part for value in values for part in (value if isinstance(value, tuple) else (value,))]
    data = struct.pack(f"{endian}{len(flat)}{CODES[kind]}", *flat)
    return len(flat) // (2 if kind in (RATIO, SRATIO) else 1), data


def directory(endian, at, entries, following=0):
    """A directory that stands at offset `at`, its long values right behind it."""
    body = struct.pack(endian + "H", len(entries))
    tail_at = at + 2 + 12 * len(entries) + 4
    tail = b""
    for tag, kind, values in entries:
        count, data = pack(endian, kind, values)
        body += struct.pack(endian + "HHI", tag, kind, count)
        if len(data) <= 4:
            body += data.ljust(4, b"\0")
        else:
            body += struct.pack(endian + "I", tail_at + len(tail))
            tail += data + b"\0" * (len(data) % 2)
    return body + struct.pack(endian + "I", following) + tail


def header(endian, first=8):
    mark = b"II" if endian == "<" else b"MM"
    return mark + struct.pack(endian + "HI", 42, first)


def block(endian, entries, exif=None, gps=None, interop=None, thumbnail=None):
    """A whole EXIF block. Pointers to the sub-directories are added to `entries`."""
    entries = list(entries)
    for tag, wanted in ((0x8769, exif), (0x8825, gps)):
        if wanted is not None:
            entries.append((tag, LONG, [0]))
    exif = list(exif) if exif is not None else None
    if interop is not None:
        exif.append((0xA005, LONG, [0]))
    out = b""
    # The second pass knows where each directory came to stand in the first.
    places = {}
    for _ in range(2):
        point = {0x8769: places.get("exif", 0), 0x8825: places.get("gps", 0)}
        entries = [(t, k, [point[t]]) if t in point else (t, k, v) for t, k, v in entries]
        out = header(endian) + directory(endian, 8, entries, places.get("thumbnail", 0))
        for name, wanted in (("exif", exif), ("gps", gps), ("interop", interop)):
            if wanted is None:
                continue
            places[name] = len(out)
            wanted = [
                (t, k, [places.get("interop", 0)]) if t == 0xA005 else (t, k, v)
                for t, k, v in wanted
            ]
            out += directory(endian, len(out), wanted)
        if thumbnail is not None:
            places["thumbnail"] = len(out)
            fields = [(0x0103, SHORT, 6), (0x011A, RATIO, [(72, 1)]), (0x0201, LONG, [0])]
            fields.append((0x0202, LONG, [len(thumbnail)]))
            size = len(directory(endian, 0, fields))
            fields[2] = (0x0201, LONG, [len(out) + size])
            out += directory(endian, len(out), fields) + thumbnail
    return out


def orientation(endian, value):
    return block(endian, [(0x0112, SHORT, value)])


def camera(endian, thumbnail=None):
    """What a camera writes: every common type, long texts, GPS, interoperability."""
    main = [
        (0x010E, ASCII, "A small \xe9dge set, written by hand  "),
        (0x010F, ASCII, "Maker & Sons"),
        (0x0110, ASCII, 'Model "X"\\1'),
        (0x0112, SHORT, 6),
        (0x011A, RATIO, [(300, 1)]),
        (0x011B, RATIO, [(30000, 100)]),
        (0x0128, SHORT, 2),
        (0x0131, ASCII, "edges"),
        (0x0132, ASCII, "2024:02:29 23:59:59"),
        (0x013E, RATIO, [(313, 1000), (329, 1000)]),
        (0x0213, SHORT, 1),
        (0x8298, ASCII, "(c) nobody\0the editor"),
        (0x9C9B, BYTE, [0x54, 0, 0x69, 0, 0xE9, 0, 0, 0]),
    ]
    photo = [
        (0x829A, RATIO, [(10, 2500)]),
        (0x829D, RATIO, [(28, 10)]),
        (0x8822, SHORT, 3),
        (0x8827, SHORT, [400]),
        (0x9000, UNDEFINED, b"0232"),
        (0x9003, ASCII, "2024:02:29 23:59:58"),
        (0x9101, UNDEFINED, [1, 2, 3, 0]),
        (0x9201, SRATIO, [(-7, 3)]),
        (0x9202, RATIO, [(0, 0)]),
        (0x9204, SRATIO, [(-2, 6)]),
        (0x9207, SHORT, 5),
        (0x9208, SHORT, 77),
        (0x9209, SHORT, 0x5D),
        (0x920A, RATIO, [(50, 1)]),
        (0x927C, UNDEFINED, bytes(range(64))),
        (0x9286, UNDEFINED, b"ASCII\0\0\0a comment"),
        (0xA000, UNDEFINED, b"0100"),
        (0xA001, SHORT, 0xFFFF),
        (0xA002, LONG, [640]),
        (0xA003, SHORT, 480),
        (0xA300, UNDEFINED, [3]),
        (0xA301, UNDEFINED, [1]),
        (0xA302, UNDEFINED, [2, 0, 2, 0, 0, 1, 1, 2]),
        (0xA405, SHORT, 75),
        (0xA406, SHORT, 9),
        (0xA432, RATIO, [(24, 1), (70, 1), (28, 10), (28, 10)]),
        (0xBEEF, SHORT, [1, 2, 3]),
        (0xC4A5, UNDEFINED, b"PrintIM\0" + bytes(24)),
    ]
    gps = [
        (0x0000, BYTE, [2, 3, 0, 0]),
        (0x0001, ASCII, "N"),
        (0x0002, RATIO, [(48, 1), (51, 1), (2952, 100)]),
        (0x0003, ASCII, "W"),
        (0x0004, RATIO, [(2, 1), (17, 1), (40, 0)]),
        (0x0005, BYTE, [0]),
        (0x0006, RATIO, [(3512, 100)]),
        (0x0007, RATIO, [(23, 1), (59, 1), (59, 1)]),
        (0x001D, ASCII, "2024:02:29"),
    ]
    interop = [(0x0001, ASCII, "R98"), (0x0002, UNDEFINED, b"0100")]
    return block(endian, main, photo, gps, interop, thumbnail)


def types(endian):
    """Every field type, on tags of no meaning and on tags that expect another."""
    return block(
        endian,
        [
            (0x0100, LONG, [4000000000]),
            (0x0101, SLONG, [-5]),
            (0x0102, SHORT, [8, 8, 8]),
            (0x0103, SHORT, 6),
            (0x0106, SBYTE, [-1, 2]),
            (0x010E, ASCII, ""),
            (0x010F, ASCII, "no end".rstrip("\0")),
            (0x0112, LONG, [8]),
            (0x0115, SSHORT, [-3]),
            (0x0131, BYTE, list(b"bytes as text")),
            (0x013B, ASCII, "tab\there\x01\x7f"),
            (0x0140, SHORT, list(range(70))),
            (0x5000, FLOAT, [1.5]),
            (0x5001, DOUBLE, [-2.25, 1e300]),
            (0x5002, FLOAT, [float("inf"), 1e-7]),
            (0x5003, UNDEFINED, list(range(200, 230))),
            (0x5004, RATIO, [(2**32 - 1, 3)]),
            (0x5005, SRATIO, [(-(2**31), -1)]),
            (0x5006, BYTE, [7]),
        ],
    )


def broken(endian):
    """Blocks that point where they should not; (name, block)."""
    good = camera(endian)
    yield "pointer_beyond_the_end", block(endian, [(0x0112, SHORT, 3), (0x8825, LONG, [99999])])
    yield "first_directory_beyond_the_end", header(endian, 70000)
    yield "directory_that_follows_itself", header(endian) + directory(
        endian, 8, [(0x0112, SHORT, 3)], 8
    )
    yield "sub_directory_that_is_its_parent", header(endian) + directory(
        endian, 8, [(0x0112, SHORT, 3), (0x8769, LONG, [8])]
    )
    yield "cut_within_the_directory", good[:60]
    yield "unknown_field_type", header(endian) + struct.pack(
        endian + "HHHIIHHIII", 2, 0x0112, 77, 1, 3, 0x010F, ASCII, 3, 0x41420000, 0
    )
    yield "count_of_four_billion", header(endian) + struct.pack(
        endian + "HHHIII", 1, 0x010F, ASCII, 0xFFFFFFFF, 26, 0
    )
    yield "many_shorts_beyond_the_end", header(endian) + struct.pack(
        endian + "HHHIII", 1, 0x0102, SHORT, 5000, 26, 0
    )
    yield "more_entries_than_bytes", header(endian) + struct.pack(endian + "H", 60000) + bytes(50)
    yield "no_entries", header(endian) + struct.pack(endian + "HI", 0, 0)
    yield "magic_of_43", good[:2] + struct.pack(endian + "H", 43) + good[4:]
    yield "unknown_byte_order", b"XX" + good[2:]
    yield "nothing_behind_the_mark", b""
    yield "negative_offsets", header(endian) + directory(endian, 8, [(0x8769, SLONG, [-1])])
    yield from broken_pointers(endian)


def pointing(endian, kind, values, behind=b"", following=0, tag=0x8825):
    """A maker's name and a pointer; what it may point at stands at byte 38."""
    entries = [(0x010F, ASCII, "Abc"), (tag, kind, values)]
    return header(endian) + directory(endian, 8, entries, following) + behind


def broken_pointers(endian):
    """Pointers that lead into what is no directory, and tags that claim what is not there."""
    nested = header(endian) + bytes(24)
    gps = directory(endian, 38, [(0x0001, ASCII, "N"), (0x001D, ASCII, "2024:02:29")])
    yield "gps_pointer_into_a_nested_header", pointing(endian, LONG, [38], nested)
    yield "gps_pointer_to_its_own_directory", pointing(endian, LONG, [8])
    yield "gps_pointer_to_the_last_byte", pointing(endian, LONG, [39], bytes(2))
    yield "gps_pointer_of_no_values", pointing(endian, LONG, [], gps)
    yield "gps_pointer_of_a_ratio", pointing(endian, RATIO, [(38, 1)], gps)
    yield "gps_pointer_of_a_float", pointing(endian, FLOAT, [38.0], gps)
    yield "gps_pointer_of_a_text", pointing(endian, ASCII, "&\0\0", gps)
    yield "gps_pointer_of_two_values", pointing(endian, SHORT, [38, 8], gps)
    yield "gps_directory_cut_short", pointing(endian, LONG, [38], gps[:30])
    yield "exif_pointer_into_a_nested_header", pointing(endian, LONG, [38], nested, tag=0x8769)
    yield "exif_pointer_beyond_the_end", pointing(endian, LONG, [99999], tag=0x8769)
    yield "exif_directory_cut_in_an_entry", pointing(endian, LONG, [38], gps[:19], tag=0x8769)
    yield "interop_pointer_into_the_exif_directory", pointing(
        endian, LONG, [38], directory(endian, 38, [(0x8827, SHORT, 400), (0xA005, LONG, [38])]), tag=0x8769
    )
    yield "following_directory_beyond_the_end", pointing(endian, LONG, [38], gps, 99999)
    yield "following_directory_is_the_gps_directory", pointing(endian, LONG, [38], gps, 38)
    yield "two_directories_that_follow_each_other", pointing(
        endian, LONG, [38], directory(endian, 38, [(0x0112, SHORT, 3)], 8), 38
    )
    yield "entry_count_beyond_the_data", pointing(
        endian, LONG, [38], struct.pack(endian + "HHHI", 500, 1, ASCII, 2) + b"N\0\0\0"
    )
    yield "a_text_that_starts_beyond_the_end", header(endian) + struct.pack(
        endian + "HHHIIHHIII", 2, 0x0131, ASCII, 40, 88888, 0x0112, SHORT, 1, 3 << (16 * (endian == ">")), 0
    )
    yield "a_text_that_ends_beyond_the_end", header(endian) + struct.pack(
        endian + "HHHIIHHIII", 2, 0x0131, ASCII, 4000, 20, 0x0112, SHORT, 1, 3 << (16 * (endian == ">")), 0
    )
