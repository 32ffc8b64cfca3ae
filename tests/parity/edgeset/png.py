"""Owns the PNG part of the edge set, by a writer of its own: encoders offer too few of the choices."""

import struct
import zlib

import numpy as np

from . import exif
from .picture import colour_profile, cut, flips, picture, with_alpha

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
NAMES = {GREY: "grey", RGB: "rgb", PALETTE: "palette", GREY_ALPHA: "grey_alpha", RGBA: "rgba"}
DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGBA: (8, 16)}
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(name, payload=b"", crc_off=0):
    crc = (zlib.crc32(name + payload) + crc_off) & 0xFFFFFFFF
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", crc)


def header(width, height, depth, colour, interlace=0, compression=0, filtering=0):
    fields = (width, height, depth, colour, compression, filtering, interlace)
    return chunk(b"IHDR", struct.pack(">IIBBBBB", *fields))


def packed_rows(samples, depth):
    """Each row of height x width x channels samples as the bytes of a PNG row."""
    flat = samples.reshape(samples.shape[0], -1)
    if depth == 16:
        return [row.astype(">u2").tobytes() for row in flat]
    if depth == 8:
        return [row.astype(np.uint8).tobytes() for row in flat]
    rows = []
    for row in flat:
        bits = "".join(format(int(sample), f"0{depth}b") for sample in row)
        bits += "0" * (-len(bits) % 8)
        rows.append(bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)))
    return rows


def filtered(rows, step, kind):
    """Rows behind their filter bytes; `kind` of None takes all five in turn."""
    out, above = b"", bytes(len(rows[0])) if rows else b""
    for y, row in enumerate(rows):
        filter_type = y % 5 if kind is None else kind
        out += bytes([filter_type]) + one_filtered(row, above, step, filter_type)
        above = row
    return out


def one_filtered(row, above, step, filter_type):
    out = bytearray(len(row))
    for at, value in enumerate(row):
        left = row[at - step] if at >= step else 0
        up, corner = above[at], above[at - step] if at >= step else 0
        if filter_type == 4:
            guess = left + up - corner
            guess = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
        else:
            guess = (0, left, up, (left + up) // 2)[filter_type]
        out[at] = (value - guess) & 255
    return bytes(out)


def raw(samples, depth, interlace=0, kind=None):
    """The bytes that go into zlib."""
    if samples.ndim == 2:
        samples = samples[..., np.newaxis]
    step = max(samples.shape[2] * depth // 8, 1)
    if not interlace:
        return filtered(packed_rows(samples, depth), step, kind)
    out = b""
    for x, y, dx, dy in PASSES:
        part = samples[y::dy, x::dx]
        if part.shape[0] and part.shape[1]:
            out += filtered(packed_rows(part, depth), step, kind)
    return out


def file(samples, depth=8, colour=RGB, interlace=0, kind=None, before=b"", behind=b"", pieces=1):
    """A PNG; `before` and `behind` are whole chunks on either side of the data."""
    height, width = samples.shape[:2]
    data = zlib.compress(raw(samples, depth, interlace, kind), 6)
    size = -(-len(data) // pieces)
    parts = [chunk(b"IDAT", data[at : at + size]) for at in range(0, len(data), size)]
    head = SIGNATURE + header(width, height, depth, colour, interlace)
    return head + before + b"".join(parts) + behind + chunk(b"IEND")


def samples_of(width, height, depth, colour, seed=0):
    levels = 1 << depth
    if colour in (GREY_ALPHA, RGBA):
        return with_alpha(picture(width, height, CHANNELS[colour] - 1, seed, levels), levels - 1)
    return picture(width, height, CHANNELS[colour], seed, levels)


def palette(depth, short=0):
    count = (1 << depth) - short
    rng = np.random.default_rng(depth)
    return chunk(b"PLTE", rng.integers(0, 256, count * 3, dtype=np.uint8).tobytes())


def files():
    yield from types_and_sizes()
    yield from transparency()
    yield from chunks()
    yield from broken()
    yield from animated()


def types_and_sizes():
    for colour, depths in DEPTHS.items():
        for depth in depths:
            before = palette(depth) if colour == PALETTE else b""
            for interlace in (0, 1):
                name = f"{NAMES[colour]}_{depth}" + "_interlaced" * interlace
                samples = samples_of(37, 23, depth, colour)
                yield name, file(samples, depth, colour, interlace, before=before)
    for width, height in [(1, 1), (1, 9), (9, 1), (2, 2), (3, 3), (5, 1), (900, 2), (3, 700)]:
        yield f"size_{width}x{height}", file(samples_of(width, height, 8, RGB))
        if width * height < 100:
            yield f"size_{width}x{height}_interlaced", file(samples_of(width, height, 8, RGB), 8, RGB, 1)
            yield f"size_{width}x{height}_grey_1", file(samples_of(width, height, 1, GREY), 1, GREY)
            yield f"size_{width}x{height}_rgba", file(samples_of(width, height, 8, RGBA), 8, RGBA)
    yield "size_300x200_rgba", file(samples_of(300, 200, 8, RGBA), 8, RGBA, kind=0)
    yield "size_400x300_rgb", file(samples_of(400, 300, 8, RGB), kind=2)
    for kind in range(5):
        for colour in (GREY, RGB, RGBA):
            samples = samples_of(21, 12, 8, colour, kind)
            yield f"filter_{kind}_{NAMES[colour]}", file(samples, 8, colour, kind=kind)
        yield f"filter_{kind}_rgb_16", file(samples_of(21, 12, 16, RGB, kind), 16, kind=kind)


def transparency():
    for depth in DEPTHS[PALETTE]:
        short = chunk(b"tRNS", bytes(range(0, 256, 256 >> depth))[: max((1 << depth) // 2, 1)])
        whole = chunk(b"tRNS", bytes([255] * (1 << depth)))
        for interlace in (0, 1):
            samples = samples_of(37, 23, depth, PALETTE)
            name = f"palette_{depth}_trns" + "_interlaced" * interlace
            yield name, file(samples, depth, PALETTE, interlace, before=palette(depth) + short)
        yield f"palette_{depth}_trns_opaque", file(samples, depth, PALETTE, before=palette(depth) + whole)
    for depth in DEPTHS[GREY]:
        samples = samples_of(37, 23, depth, GREY)
        key = chunk(b"tRNS", struct.pack(">H", int(samples[5, 5])))
        yield f"grey_{depth}_trns", file(samples, depth, GREY, before=key)
        yield f"grey_{depth}_trns_interlaced", file(samples, depth, GREY, 1, before=key)
    for depth in DEPTHS[RGB]:
        samples = samples_of(37, 23, depth, RGB)
        samples[8:12, 5:20] = samples[5, 5]
        key = chunk(b"tRNS", struct.pack(">HHH", *(int(value) for value in samples[5, 5])))
        yield f"rgb_{depth}_trns", file(samples, depth, RGB, before=key)
        yield f"rgb_{depth}_trns_interlaced", file(samples, depth, RGB, 1, before=key)
    rgb = samples_of(20, 10, 8, RGB)
    yield "rgb_trns_of_wrong_length", file(rgb, before=chunk(b"tRNS", b"\0\1"))
    yield "trns_behind_idat", file(rgb, behind=chunk(b"tRNS", bytes(6)))
    indices = samples_of(20, 10, 8, PALETTE)
    yield "palette_trns_too_long", file(indices, 8, PALETTE, before=palette(8, 200) + chunk(b"tRNS", bytes(100)))
    yield "palette_trns_before_plte", file(indices, 8, PALETTE, before=chunk(b"tRNS", bytes(9)) + palette(8))
    yield "palette_index_beyond_it", file(indices, 8, PALETTE, before=palette(8, 250))
    yield "palette_missing", file(indices, 8, PALETTE)
    yield "palette_of_odd_length", file(indices, 8, PALETTE, before=chunk(b"PLTE", bytes(100)))
    yield "rgba_with_trns", file(samples_of(20, 10, 8, RGBA), 8, RGBA, before=chunk(b"tRNS", bytes(6)))


def chunks():
    rgb, grey = samples_of(33, 21, 8, RGB), samples_of(33, 21, 8, GREY)
    gamma = chunk(b"gAMA", struct.pack(">I", 100000))
    profile = colour_profile()
    white = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    single = {
        "gama_1": gamma,
        "gama_45455": chunk(b"gAMA", struct.pack(">I", 45455)),
        "chrm": chunk(b"cHRM", white),
        "srgb": chunk(b"sRGB", b"\0"),
        "iccp": chunk(b"iCCP", b"name\0\0" + zlib.compress(profile)),
        "iccp_broken": chunk(b"iCCP", b"name\0\0" + b"no zlib data"),
        "sbit": chunk(b"sBIT", b"\5\6\5"),
        "bkgd": chunk(b"bKGD", struct.pack(">HHH", 255, 0, 0)),
        "phys": chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1)),
        "time": chunk(b"tIME", struct.pack(">HBBBBB", 2024, 2, 29, 1, 2, 3)),
        "text": chunk(b"tEXt", b"Comment\0words") + chunk(b"zTXt", b"C\0\0" + zlib.compress(b"more")),
        "suggested_palette": palette(4),
        "unknown_ancillary": chunk(b"abCd", b"whatever"),
        "unknown_critical": chunk(b"ABCD", b"whatever"),
    }
    for name, before in single.items():
        yield f"chunk_{name}", file(rgb, before=before)
    yield "chunk_gama_and_srgb", file(rgb, before=gamma + single["srgb"])
    yield "chunk_gama_grey", file(grey, 8, GREY, before=gamma)
    yield "chunk_gama_rgba", file(samples_of(33, 21, 8, RGBA), 8, RGBA, before=gamma)
    yield "chunk_cicp_pq", file(rgb, before=chunk(b"cICP", bytes([9, 16, 0, 1])))
    yield "chunk_ancillary_with_bad_crc", file(rgb, before=chunk(b"tEXt", b"Comment\0words", 1))
    yield "chunk_gama_with_bad_crc", file(rgb, before=chunk(b"gAMA", struct.pack(">I", 100000), 1))
    block = exif.camera(">")
    yield "exif_before_idat", file(rgb, before=chunk(b"eXIf", block))
    yield "exif_behind_idat", file(rgb, behind=chunk(b"eXIf", exif.camera("<")))
    yield "exif_orientation_6", file(rgb, before=chunk(b"eXIf", exif.orientation("<", 6)))
    yield "exif_with_bad_crc", file(rgb, before=chunk(b"eXIf", block, 5))
    yield "exif_broken", file(rgb, before=chunk(b"eXIf", b"what"))
    yield "exif_in_raw_profile_text", file(rgb, before=raw_profile(block))
    yield "many_idats", file(rgb, pieces=40)
    yield "zero_length_idats", empty_idats(rgb)
    yield "chunk_between_idats", split(rgb)


def raw_profile(block):
    text = b"\nexif\n%8d\n" % (len(block) + 6) + (b"Exif\0\0" + block).hex().encode() + b"\n"
    return chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))


def empty_idats(samples):
    data = zlib.compress(raw(samples, 8))
    body = chunk(b"IDAT") * 2 + chunk(b"IDAT", data[:50]) + chunk(b"IDAT") + chunk(b"IDAT", data[50:])
    return SIGNATURE + header(33, 21, 8, RGB) + body + chunk(b"IDAT") + chunk(b"IEND")


def split(samples):
    data = zlib.compress(raw(samples, 8))
    body = chunk(b"IDAT", data[:50]) + chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", data[50:])
    return SIGNATURE + header(33, 21, 8, RGB) + body + chunk(b"IEND")


def with_data(data, width=33, height=21, depth=8, colour=RGB, interlace=0):
    head = SIGNATURE + header(width, height, depth, colour, interlace)
    return head + chunk(b"IDAT", data) + chunk(b"IEND")


def broken():
    rgb = samples_of(61, 47, 8, RGB)
    whole = file(rgb, pieces=3)
    interlaced = file(rgb, 8, RGB, 1, pieces=3)
    for per_cent in (3, 10, 50, 90, 99):
        yield f"cut_at_{per_cent}_per_cent", cut(whole, per_cent)
        yield f"cut_interlaced_at_{per_cent}_per_cent", cut(interlaced, per_cent)
    yield "cut_last_byte", whole[:-1]
    yield "cut_iend_crc", whole[:-4]
    yield "cut_iend", whole[:-12]
    yield "cut_behind_ihdr", whole[:33]
    yield "cut_inside_ihdr", whole[:20]
    yield "cut_to_signature", whole[:8]
    yield "cut_half_with_iend", cut(whole, 50) + chunk(b"IEND")
    yield "bytes_behind_iend", whole + b"garbage" * 30
    yield "bad_crc_in_ihdr", SIGNATURE + chunk(b"IHDR", whole[16:29], 1) + whole[33:]
    yield "bad_crc_in_idat", whole.replace(whole[-16:-12], b"\1\2\3\4")
    yield "bad_crc_in_first_idat", bad_first_crc(whole)
    yield "bad_crc_in_iend", whole[:-4] + bytes(4)
    yield "bad_crc_in_plte", file(
        samples_of(20, 10, 8, PALETTE), 8, PALETTE, before=palette(8)[:-4] + bytes(4)
    )
    data = raw(samples_of(33, 21, 8, RGB), 8)
    deflated = zlib.compress(data)
    for seed in range(3):
        yield f"flips_in_zlib_{seed}", with_data(flips(deflated, 2, 1 + seed, seed, b""))
    yield "bad_adler", with_data(deflated[:-4] + bytes(4))
    yield "adler_missing", with_data(deflated[:-4])
    yield "bad_zlib_header", with_data(b"\x12\x34" + deflated[2:])
    yield "raw_deflate_without_zlib", with_data(deflated[2:-4])
    yield "too_few_rows", with_data(zlib.compress(data[:-100]))
    yield "too_many_rows", with_data(zlib.compress(data + bytes(1000)))
    yield "bytes_behind_zlib", with_data(deflated + bytes(100))
    yield "filter_of_five", with_data(zlib.compress(b"\5" + data[1:]))
    yield "filter_of_255_in_the_middle", with_data(zlib.compress(data[:1000] + b"\xff" + data[1001:]))
    yield "data_empty", with_data(b"")
    yield "stored_blocks", with_data(zlib.compress(data, 0))
    yield "without_idat", SIGNATURE + header(9, 9, 8, RGB) + chunk(b"IEND")
    yield "width_of_zero", with_data(deflated, width=0)
    yield "height_of_zero", with_data(deflated, height=0)
    yield "width_of_two_billion", with_data(deflated, width=2_000_000_000)
    yield "depth_of_3", with_data(deflated, depth=3)
    yield "colour_type_of_5", with_data(deflated, colour=5)
    yield "rgb_of_depth_4", with_data(deflated, depth=4)
    yield "interlace_of_2", with_data(deflated, interlace=2)
    yield "two_ihdr", whole[:33] + whole[8:]
    yield "without_ihdr", SIGNATURE + whole[33:]
    yield "chunk_before_ihdr", SIGNATURE + chunk(b"tEXt", b"a\0b") + whole[8:]
    yield "cgbi", SIGNATURE + chunk(b"CgBI", b"\x50\0\x20\2") + whole[8:]
    yield "signature_of_unix_lines", b"\x89PNG\n\x1a\n" + whole[8:]
    yield "chunk_of_four_billion_bytes", whole[:33] + b"\xff\xff\xff\xffIDAT" + whole[41:]


def bad_first_crc(whole):
    length = struct.unpack(">I", whole[33:37])[0]
    at = 33 + 8 + length
    return whole[:at] + bytes(4) + whole[at + 4 :]


def animated():
    frames = [samples_of(30, 20, 8, RGBA, seed) for seed in range(2)]
    first, second = (zlib.compress(raw(frame, 8)) for frame in frames)
    control = struct.pack(">IIIIIHHBB", 0, 30, 20, 0, 0, 1, 10, 0, 0)
    later = struct.pack(">IIIIIHHBB", 1, 30, 20, 0, 0, 1, 10, 0, 1)
    head = SIGNATURE + header(30, 20, 8, RGBA) + chunk(b"acTL", struct.pack(">II", 2, 0))
    tail = chunk(b"fcTL", later) + chunk(b"fdAT", struct.pack(">I", 2) + second) + chunk(b"IEND")
    yield "apng", head + chunk(b"fcTL", control) + chunk(b"IDAT", first) + tail
    yield "apng_with_hidden_default", head + chunk(b"IDAT", first) + tail
    small = zlib.compress(raw(samples_of(10, 8, 8, RGBA, 3), 8))
    part = struct.pack(">IIIIIHHBB", 0, 10, 8, 5, 6, 1, 10, 0, 0)
    yield "apng_first_frame_smaller", head + chunk(b"fcTL", part) + chunk(b"IDAT", small) + tail
    rgb = zlib.compress(raw(samples_of(30, 20, 8, RGB), 8))
    plain = SIGNATURE + header(30, 20, 8, RGB) + chunk(b"acTL", struct.pack(">II", 1, 0))
    yield "apng_rgb_of_one_frame", plain + chunk(b"fcTL", control) + chunk(b"IDAT", rgb) + chunk(b"IEND")
    yield "apng_cut_in_the_second_frame", (head + chunk(b"fcTL", control) + chunk(b"IDAT", first) + tail)[:-60]
