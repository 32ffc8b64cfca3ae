"""Owns the BMP part of the edge set, by a writer of its own."""

import struct

import numpy as np

from .picture import cut, picture, with_alpha

RGB, RLE8, RLE4, BITFIELDS, JPEG, PNG, ALPHA_BITFIELDS = range(7)
INFO, V2, V3, V4, V5 = 40, 52, 56, 108, 124


def palette(count, grey=False, seed=0):
    if grey:
        return bytes(v for i in range(count) for v in [i * 255 // max(count - 1, 1)] * 3 + [0])
    colours = np.random.default_rng(seed + count).integers(0, 256, (count, 4), dtype=np.uint8)
    colours[:, 3] = 0
    return colours.tobytes()


def header(width, height, bits, compression=RGB, size=INFO, colours=0, masks=(), image_size=0):
    head = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, image_size, 2835, 2835, colours, 0)
    head += b"".join(struct.pack("<I", mask) for mask in masks)
    if size > len(head):
        head = head.ljust(size, b"\0")
        if size >= V4:
            head = head[:56] + b"BGRs" + head[60:]
    return head


def file(head, data, table=b"", gap=0, offset=None):
    start = 14 + len(head) + len(table) + gap if offset is None else offset
    size = 14 + len(head) + len(table) + gap + len(data)
    return b"BM" + struct.pack("<IHHI", size, 0, 0, start) + head + table + bytes(gap) + data


def rows(array, bits, top_down=False):
    """Indices or packed pixels as padded rows."""
    out = []
    for row in array if top_down else array[::-1]:
        if bits < 8:
            text = "".join(format(int(value), f"0{bits}b") for value in row)
            text += "0" * (-len(text) % 8)
            data = bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))
        else:
            data = np.ascontiguousarray(row).tobytes()
        out.append(data + bytes(-len(data) % 4))
    return b"".join(out)


def indices(width, height, bits, seed=0):
    return picture(width, height, 1, seed) >> (8 - bits)


def bgr(width, height):
    return picture(width, height)[..., ::-1]


def files():
    yield from depths()
    yield from run_lengths()
    yield from headers()
    yield from broken()


def depths():
    for width, height in [(1, 1), (2, 2), (3, 3), (5, 1), (1, 7), (17, 13), (33, 20)]:
        yield f"rgb_24_{width}x{height}", file(header(width, height, 24), rows(bgr(width, height), 24))
    for bits in (1, 4, 8):
        for width in (1, 7, 33):
            table = palette(1 << bits)
            data = rows(indices(width, 20, bits), bits)
            yield f"palette_{bits}_{width}x20", file(header(width, 20, bits), data, table)
        data = rows(indices(33, 20, bits), bits)
        yield f"palette_{bits}_grey", file(header(33, 20, bits), data, palette(1 << bits, True))
        upside = rows(indices(33, 20, bits), bits, True)
        yield f"palette_{bits}_top_down", file(header(33, -20, bits), upside, palette(1 << bits))
        few = (1 << bits) - 1
        yield f"palette_{bits}_short", file(header(33, 20, bits, colours=few), data, palette(few))
    yield "palette_2", file(header(33, 20, 2), rows(indices(33, 20, 2), 2), palette(4))
    rgb = picture(33, 20).astype(np.uint16)
    rgb555 = (rgb[..., 0] >> 3 << 10 | rgb[..., 1] >> 3 << 5 | rgb[..., 2] >> 3).astype("<u2")
    rgb565 = (rgb[..., 0] >> 3 << 11 | rgb[..., 1] >> 2 << 5 | rgb[..., 2] >> 3).astype("<u2")
    yield "rgb_16", file(header(33, 20, 16), rows(rgb555, 16))
    yield "rgb_16_masks_555", file(header(33, 20, 16, BITFIELDS, masks=(0x7C00, 0x3E0, 0x1F)), rows(rgb555, 16))
    yield "rgb_16_masks_565", file(header(33, 20, 16, BITFIELDS, masks=(0xF800, 0x7E0, 0x1F)), rows(rgb565, 16))
    yield "rgb_16_masks_444", file(header(33, 20, 16, BITFIELDS, masks=(0xF00, 0xF0, 0xF)), rows(rgb555, 16))
    bgra = with_alpha(bgr(33, 20))
    yield "rgb_32_alpha_ignored", file(header(33, 20, 32), rows(bgra, 32))
    bgrx = bgra.copy()
    bgrx[..., 3] = 0
    yield "rgb_32_of_zero_alpha", file(header(33, 20, 32), rows(bgrx, 32))
    yield "rgb_32_top_down", file(header(33, -20, 32), rows(bgra, 32, True))
    yield "rgb_24_top_down", file(header(33, -20, 24), rows(bgr(33, 20), 24, True))
    masks = (0xFF0000, 0xFF00, 0xFF)
    yield "rgb_32_masks", file(header(33, 20, 32, BITFIELDS, masks=masks), rows(bgra, 32))
    yield "rgb_32_masks_reversed", file(header(33, 20, 32, BITFIELDS, masks=masks[::-1]), rows(bgra, 32))
    for size, name in [(V3, "v3"), (V4, "v4"), (V5, "v5")]:
        full = (*masks, 0xFF000000)
        yield f"{name}_with_alpha", file(header(33, 20, 32, BITFIELDS, size, masks=full), rows(bgra, 32))
        yield f"{name}_without_alpha_mask", file(
            header(33, 20, 32, BITFIELDS, size, masks=(*masks, 0)), rows(bgra, 32)
        )
        yield f"{name}_24", file(header(33, 20, 24, size=size), rows(bgr(33, 20), 24))
        yield f"{name}_32_without_masks", file(header(33, 20, 32, size=size), rows(bgra, 32))
    shifted = (0xFF000000, 0xFF0000, 0xFF00, 0xFF)
    yield "v4_rgba_order", file(header(33, 20, 32, BITFIELDS, V4, masks=shifted), rows(bgra, 32))
    yield "v2_masks", file(header(33, 20, 32, BITFIELDS, V2, masks=masks), rows(bgra, 32))
    yield "alpha_bitfields", file(
        header(33, 20, 32, ALPHA_BITFIELDS, masks=(*masks, 0xFF000000)), rows(bgra, 32)
    )
    yield "rgb_32_10_bits_each", file(
        header(33, 20, 32, BITFIELDS, masks=(0x3FF00000, 0xFFC00, 0x3FF)), rows(bgra, 32)
    )


def encoded(array, nibbles=False):
    """Runs where two or more equal pixels stand, else literal pixels in threes."""
    out = b""
    for row in array[::-1]:
        at, values = 0, row.tolist()
        while at < len(values):
            run = 1
            while at + run < len(values) and values[at + run] == values[at] and run < 255:
                run += 1
            literal = values[at : at + 3]
            if run >= 2 or len(literal) < 3:
                out += bytes([run, values[at] * 17 if nibbles else values[at]])
                at += run
            elif nibbles:
                out += bytes([0, 3, literal[0] << 4 | literal[1], literal[2] << 4])
                at += 3
            else:
                out += bytes([0, 3, *literal, 0])
                at += 3
        out += b"\0\0"
    return out + b"\0\1"


def run_lengths():
    for width in (1, 6, 33):
        yield f"rle8_{width}x20", file(
            header(width, 20, 8, RLE8), encoded(indices(width, 20, 3)), palette(256)
        )
        yield f"rle4_{width}x20", file(
            header(width, 20, 4, RLE4), encoded(indices(width, 20, 2), True), palette(16)
        )
    table = palette(256)
    for bits, kind in ((8, RLE8), (4, RLE4)):
        name, table = f"rle{bits}", palette(1 << bits)
        head = header(12, 6, bits, kind)
        yield f"{name}_delta", file(head, b"\4\x11\0\2\3\2\5\x22\0\0\3\x33\0\1", table)
        yield f"{name}_ends_early", file(head, b"\4\x11\0\0\3\x33\0\1", table)
        yield f"{name}_run_beyond_the_row", file(head, b"\x20\x11\0\0\3\x33\0\0\0\1", table)
        yield f"{name}_runs_on_without_row_ends", file(head, b"\x0c\x11\x0c\x22" * 3 + b"\0\1", table)
        yield f"{name}_too_many_rows", file(head, b"\x0c\x11\0\0" * 9 + b"\0\1", table)
        yield f"{name}_without_end", file(head, b"\x0c\x11\0\0" * 6, table)
        yield f"{name}_delta_beyond_the_image", file(head, b"\0\2\xff\xff\3\x11\0\1", table)
        yield f"{name}_top_down", file(header(12, -6, bits, kind), b"\x0c\x11\0\0\x0c\x22\0\0" * 3 + b"\0\1", table)
    yield "rle8_grey", file(header(12, 6, 8, RLE8), b"\x0c\x71\0\0" * 6 + b"\0\1", palette(256, True))


def headers():
    core = struct.pack("<IHHHH", 12, 33, 20, 1, 24)
    yield "os2_24", file(core, rows(bgr(33, 20), 24))
    for bits in (1, 4, 8):
        core = struct.pack("<IHHHH", 12, 33, 20, 1, bits)
        table = b"".join(palette(1 << bits)[at : at + 3] for at in range(0, 4 << bits, 4))
        yield f"os2_{bits}", file(core, rows(indices(33, 20, bits), bits), table)
    long = header(33, 20, 24, size=64)
    yield "os2_version_2", file(long, rows(bgr(33, 20), 24))
    plain, data = header(33, 20, 24), rows(bgr(33, 20), 24)
    yield "gap_before_the_pixels", file(plain, data, gap=50)
    yield "offset_of_zero", file(plain, data, offset=0)
    yield "offset_into_the_header", file(plain, data, offset=30)
    yield "offset_beyond_the_end", file(plain, data, offset=100000)
    yield "file_size_of_zero", file(plain, data)[:2] + bytes(4) + file(plain, data)[6:]
    yield "planes_of_zero", file(plain[:12] + b"\0\0" + plain[14:], data)
    yield "colours_of_300", file(header(33, 20, 8, colours=300), rows(indices(33, 20, 8), 8), palette(300))
    yield "colours_of_a_billion", file(
        header(33, 20, 8, colours=10**9), rows(indices(33, 20, 8), 8), palette(256)
    )
    yield "header_of_41", file(header(33, 20, 24, size=41), data)
    yield "embedded_jpeg", file(header(33, 20, 0, JPEG), b"\xff\xd8\xff\xd9")
    yield "compression_of_9", file(header(33, 20, 24, 9), data)
    yield "depth_of_3", file(header(33, 20, 3), data)
    yield "depth_of_64", file(header(33, 20, 64), data * 4)


def broken():
    whole = file(header(60, 40, 24), rows(bgr(60, 40), 24))
    for per_cent in (1, 10, 50, 90, 99):
        yield f"cut_at_{per_cent}_per_cent", cut(whole, per_cent)
    yield "cut_last_byte", whole[:-1]
    small = file(header(33, 20, 8), rows(indices(33, 20, 8), 8), palette(256))
    yield "cut_in_the_palette", small[:200]
    yield "cut_palette_image", small[:-100]
    packed = file(header(33, 20, 8, RLE8), encoded(indices(33, 20, 3)), palette(256))
    yield "cut_rle8", packed[:-200]
    yield "bytes_behind_the_pixels", whole + b"garbage" * 20
    yield "width_of_zero", file(header(0, 20, 24), b"\0" * 100)
    yield "height_of_zero", file(header(20, 0, 24), b"\0" * 100)
    yield "width_negative", file(header(-33, 20, 24), rows(bgr(33, 20), 24))
    yield "width_of_a_million", file(header(1_000_000, 20, 24), rows(bgr(33, 20), 24))
    yield "height_of_minus_two_billion", file(header(33, -(2**31), 24), rows(bgr(33, 20), 24))
