"""Owns the GIF part of the edge set, by a writer of its own."""

import struct

import numpy as np

from .picture import cut, flips, picture


def lzw(indices, least):
    """GIF's variable-width LZW of a byte sequence, `least` bits to begin with."""
    clear, end = 1 << least, (1 << least) + 1
    table = {(value,): value for value in range(clear)}
    width, bits, used = least + 1, 0, 0
    out = bytearray()

    def put(code):
        nonlocal bits, used
        bits |= code << used
        used += width
        while used >= 8:
            out.append(bits & 255)
            bits >>= 8
            used -= 8

    put(clear)
    prefix, following = (), end + 1
    for value in indices:
        if prefix + (value,) in table:
            prefix += (value,)
            continue
        put(table[prefix])
        if following < 4096:
            table[prefix + (value,)] = following
            if following == 1 << width and width < 12:
                width += 1
            following += 1
        else:
            put(clear)
            table = {(value,): value for value in range(clear)}
            width, following = least + 1, end + 1
        prefix = (value,)
    put(table[prefix])
    put(end)
    if used:
        out.append(bits & 255)
    return bytes(out)


def blocks(data):
    parts = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def palette(bits, seed=0):
    return np.random.default_rng(seed + bits).integers(0, 256, 3 << bits, dtype=np.uint8).tobytes()


def indices(width, height, bits, seed=0):
    return picture(width, height, 1, seed, 256) >> (8 - bits)


def control(transparent=None, disposal=0, delay=10):
    flags = disposal << 2 | (transparent is not None)
    return b"\x21\xf9\x04" + struct.pack("<BHB", flags, delay, transparent or 0) + b"\0"


def image(array, x=0, y=0, least=None, local=None, interlaced=False, bits=8):
    height, width = array.shape
    flags = 0x40 * interlaced
    if local is not None:
        flags |= 0x80 | (len(local) // 3).bit_length() - 2
    rows = list(array)
    if interlaced:
        rows = rows[::8] + rows[4::8] + rows[2::4] + rows[1::2]
    flat = np.concatenate(rows).tolist() if rows and width else []
    least = max(bits, 2) if least is None else least
    head = b"\x2c" + struct.pack("<HHHHB", x, y, width, height, flags) + (local or b"")
    return head + bytes([least]) + (blocks(lzw(flat, least)) if flat else b"\0")


def screen(width, height, table=None, background=0, version=b"89a"):
    flags = 0x70
    if table is not None:
        flags |= 0x80 | (len(table) // 3).bit_length() - 2
    return b"GIF" + version + struct.pack("<HHBBB", width, height, flags, background, 0) + (table or b"")


def file(width, height, *parts, bits=8, table=True, **options):
    colours = palette(bits) if table else None
    return screen(width, height, colours, **options) + b"".join(parts) + b"\x3b"


LOOP = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"


def files():
    yield from stills()
    yield from frames()
    yield from broken()


def stills():
    for width, height in [(1, 1), (1, 9), (9, 1), (2, 2), (17, 13), (600, 2), (3, 500), (160, 120)]:
        yield f"size_{width}x{height}", file(width, height, image(indices(width, height, 8)))
    for bits in range(1, 9):
        part = image(indices(40, 30, bits), bits=bits)
        yield f"colours_{1 << bits}", file(40, 30, part, bits=bits)
    yield "wider_codes_than_needed", file(40, 30, image(indices(40, 30, 2), least=7), bits=2)
    plain = indices(40, 30, 8)
    yield "version_87a", file(40, 30, image(plain), version=b"87a")
    yield "version_90a", file(40, 30, image(plain), version=b"90a")
    for height in (1, 2, 3, 5, 8, 9, 30):
        yield f"interlaced_of_{height}_rows", file(40, height, image(indices(40, height, 8), interlaced=True))
    few = indices(40, 30, 2)
    yield "transparent", file(40, 30, control(int(few[3, 3])), image(few, bits=2), bits=2)
    yield "transparent_interlaced", file(
        40, 30, control(int(few[3, 3])), image(few, bits=2, interlaced=True), bits=2
    )
    yield "transparent_index_of_no_pixel", file(40, 30, control(200), image(few, bits=2), bits=8)
    yield "transparent_index_beyond_the_palette", file(40, 30, control(77), image(few, bits=2), bits=2)
    yield "transparent_is_the_background", file(
        40, 30, control(1), image(few, bits=2), bits=2, background=1
    )
    yield "background_3", file(40, 30, image(few, bits=2), bits=2, background=3)
    yield "local_palette", file(40, 30, image(plain, local=palette(8, 5)))
    yield "local_palette_only", file(40, 30, image(few, bits=2, local=palette(2, 5)), table=False)
    yield "local_palette_transparent", file(
        40, 30, control(2), image(few, bits=2, local=palette(2, 5)), bits=4
    )
    yield "no_palette", file(40, 30, image(plain), table=False)
    yield "index_beyond_the_palette", file(40, 30, image(plain), bits=2)
    yield "comment_and_text", file(40, 30, b"\x21\xfe" + blocks(b"words"), image(plain))
    yield "application_block", file(40, 30, LOOP, image(plain))
    yield "unknown_extension", file(40, 30, b"\x21\x77" + blocks(b"words"), image(plain))
    yield "grey_palette", screen(40, 30, bytes(v for i in range(256) for v in (i, i, i))) + image(plain) + b";"


def frames():
    few = indices(24, 16, 2)
    for name, transparent in (("", None), ("_transparent", 1)):
        first = control(transparent)
        yield f"frame_smaller{name}", file(40, 30, first, image(few, 8, 6, bits=2), bits=2)
        yield f"frame_smaller_background_2{name}", file(
            40, 30, first, image(few, 8, 6, bits=2), bits=2, background=2
        )
        yield f"frame_at_the_corner{name}", file(40, 30, first, image(few, bits=2), bits=2)
        yield f"frame_beyond_the_edge{name}", file(40, 30, first, image(few, 30, 20, bits=2), bits=2)
        yield f"frame_outside{name}", file(40, 30, first, image(few, 50, 50, bits=2), bits=2)
        yield f"frame_larger{name}", file(10, 9, first, image(few, bits=2), bits=2)
    yield "frame_smaller_without_global_palette", file(
        40, 30, image(few, 8, 6, bits=2, local=palette(2, 1)), table=False
    )
    yield "screen_of_zero", file(0, 0, image(few, bits=2), bits=2)
    yield "screen_of_zero_height", file(24, 0, image(few, bits=2), bits=2)
    yield "screen_of_65535", file(65535, 65535, image(few, bits=2), bits=2)
    yield "frame_of_zero", file(24, 16, image(few[:0], bits=2), bits=2)
    for disposal in range(4):
        parts = [control(3, disposal) + image(indices(40, 30, 2, seed), bits=2) for seed in range(3)]
        yield f"animated_disposal_{disposal}", file(40, 30, LOOP, *parts, bits=2)
    small = control(2, 2) + image(few, 5, 7, bits=2)
    yield "animated_first_frame_smaller", file(
        40, 30, LOOP, small, control() + image(indices(40, 30, 2), bits=2), bits=2
    )
    whole = file(40, 30, LOOP, image(indices(40, 30, 4), bits=4), image(indices(40, 30, 4, 3), bits=4), bits=4)
    yield "animated_cut_in_the_second_frame", whole[:-150]
    yield "no_frames", file(40, 30)
    yield "two_control_blocks", file(40, 30, control(1), control(2), image(indices(40, 30, 2), bits=2), bits=2)


def broken():
    whole = file(80, 60, image(indices(80, 60, 8)))
    for per_cent in (2, 10, 30, 50, 90, 99):
        yield f"cut_at_{per_cent}_per_cent", cut(whole, per_cent)
    yield "cut_last_byte", whole[:-1]
    yield "cut_last_2_bytes", whole[:-2]
    yield "cut_to_the_signature", whole[:6]
    yield "cut_half_with_end", cut(whole, 50) + b"\0\x3b"
    for seed in range(3):
        yield f"flips_{seed}", flips(whole[:-3], 900, 1 + 2 * seed, seed, b"") + whole[-3:]
    yield "bytes_behind_the_end", whole + b"garbage"
    yield "bytes_between_blocks", file(40, 30, b"\0\0\0", image(indices(40, 30, 8)))
    array = indices(40, 30, 4)
    for least in (0, 1, 9, 12):
        part = bytearray(image(array, bits=4))
        part[10] = least
        yield f"least_code_size_{least}", file(40, 30, bytes(part), bits=4)
    short = image(array[:20], bits=4)
    yield "too_few_pixels", file(40, 30, short[:7] + struct.pack("<H", 30) + short[9:], bits=4)
    long = image(indices(40, 40, 4), bits=4)
    yield "too_many_pixels", file(40, 30, long[:7] + struct.pack("<H", 30) + long[9:], bits=4)
    yield "without_end_code", file(40, 30, without_end(array), bits=4)
    yield "code_beyond_the_table", file(40, 30, image(array[:1], bits=4)[:10] + b"\4\4\xff\xff\xff\xff\0", bits=4)
    yield "no_data", file(40, 30, image(array, bits=4)[:11] + b"\0", bits=4)


def without_end(array):
    """Pixels whose code stream stops behind the last pixel's code."""
    part = image(array, bits=4)
    return part[:11] + blocks(lzw(array.ravel().tolist(), 4)[:-1])
