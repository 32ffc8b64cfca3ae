"""Edge files of the small formats: BMP, GIF and TIFF, built byte by byte.

`files()` gives name -> bytes. Everything is seeded: two runs give the same bytes. Nothing here needs
a package beyond the standard library.
"""

import random
import struct
import zlib

SEED = 20240607


def noise(count, seed=SEED):
    return random.Random(seed).randbytes(count)


# --- BMP -------------------------------------------------------------------------------------


def bmp_file(header, palette, pixels, offset=None):
    offset = 14 + len(header) + len(palette) if offset is None else offset
    size = 14 + len(header) + len(palette) + len(pixels)
    return struct.pack("<2sIHHI", b"BM", size, 0, 0, offset) + header + palette + pixels


def bmp_info(width, height, depth, compression=0, colours=0, size=40, masks=(), image_size=0):
    head = struct.pack(
        "<IiiHHIIiiII", size, width, height, 1, depth, compression, image_size, 2835, 2835, colours, 0
    )
    tail = b"".join(struct.pack("<I", mask) for mask in masks)
    return (head + tail).ljust(max(size, 40), b"\0")[: size if size >= 40 else 40]


def bmp_rows(width, height, depth, seed=SEED):
    pitch = (width * depth + 31) // 32 * 4
    return noise(pitch * height, seed)


def bmp_palette(count, grey=False, seed=SEED):
    rng = random.Random(seed)
    entries = []
    for _ in range(count):
        level = rng.randrange(256)
        entry = (level, level, level) if grey else (level, rng.randrange(256), rng.randrange(256))
        entries.append(bytes(entry) + b"\0")
    return b"".join(entries)


def bmp_depths():
    for depth in (1, 4, 8):
        for grey in (False, True):
            tone = "grey" if grey else "colour"
            for width in (1, 7, 8, 9, 33):
                yield (
                    f"bmp_{depth}bit_{tone}_{width}",
                    bmp_file(bmp_info(width, 5, depth), bmp_palette(1 << depth, grey), bmp_rows(width, 5, depth)),
                )
        yield (
            f"bmp_{depth}bit_few_colours",
            bmp_file(bmp_info(9, 5, depth, colours=2), bmp_palette(2), bmp_rows(9, 5, depth)),
        )
        yield (
            f"bmp_{depth}bit_few_greys",
            bmp_file(bmp_info(9, 5, depth, colours=2), bmp_palette(2, True), bmp_rows(9, 5, depth)),
        )
        yield (
            f"bmp_{depth}bit_palette_of_256",
            bmp_file(bmp_info(9, 5, depth, colours=256), bmp_palette(256), bmp_rows(9, 5, depth)),
        )
        yield (
            f"bmp_{depth}bit_palette_of_257",
            bmp_file(bmp_info(9, 5, depth, colours=257), bmp_palette(257), bmp_rows(9, 5, depth)),
        )
        yield (
            f"bmp_{depth}bit_top_down",
            bmp_file(bmp_info(9, -5, depth), bmp_palette(1 << depth), bmp_rows(9, 5, depth)),
        )
    for depth in (0, 2, 3, 15, 16, 24, 32, 48, 64):
        for height in (5, -5):
            side = "up" if height > 0 else "down"
            yield (
                f"bmp_{depth}bit_{side}",
                bmp_file(bmp_info(7, height, depth), b"", bmp_rows(7, 5, max(depth, 1))),
            )


def bmp_masks():
    sets = {
        "555": (0x7C00, 0x3E0, 0x1F, 0),
        "565": (0xF800, 0x7E0, 0x1F, 0),
        "444": (0xF00, 0xF0, 0xF, 0xF000),
        "bgra": (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
        "rgba": (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        "bgrx": (0xFF0000, 0xFF00, 0xFF, 0),
        "1010102": (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000),
        "565_in_32": (0xF800, 0x7E0, 0x1F, 0x10000),
        "no_green": (0xFF0000, 0, 0xFF, 0xFF000000),
        "holes": (0xF0F000, 0xFF0F, 0xFF00FF, 0x81000000),
        "whole": (0xFFFFFFFF, 0xFFFFFF00, 0x1, 0x80000000),
    }
    for name, masks in sets.items():
        for depth in (16, 32):
            pixels = bmp_rows(9, 6, depth)
            plain = bmp_info(9, 6, depth, 3)
            behind = b"".join(struct.pack("<I", mask) for mask in masks[:3])
            yield f"bmp_masks_{name}_{depth}_behind_v3", bmp_file(plain, behind, pixels)
            for size in (52, 56, 64, 108, 124):
                header = bmp_info(9, 6, depth, 3, size=size, masks=masks)
                yield f"bmp_masks_{name}_{depth}_header_{size}", bmp_file(header, b"", pixels)
                yield f"bmp_masks_{name}_{depth}_both_{size}", bmp_file(header, behind, pixels)
    for compression in (4, 5, 6, -1):
        code = compression & 0xFFFFFFFF
        header = bmp_info(9, 6, 32, code, size=56, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000))
        yield f"bmp_compression_{code}", bmp_file(header, b"", bmp_rows(9, 6, 32))


def bmp_headers():
    for depth in (1, 4, 8, 16, 24, 32):
        core = struct.pack("<IHHHH", 12, 9, 6, 1, depth)
        palette = b""
        if depth <= 8:
            palette = b"".join(
                bmp_palette(1 << depth)[at * 4 : at * 4 + 3] for at in range(1 << depth)
            )
        yield f"bmp_os2_{depth}", bmp_file(core, palette, bmp_rows(9, 6, depth))
    for size in (12, 16, 20, 28, 35, 36, 39, 40, 41, 48, 64, 127):
        header = bmp_info(9, 6, 24)
        header = struct.pack("<I", size) + header[4:]
        header = header.ljust(size, b"\0")[:size]
        yield f"bmp_header_of_{size}", bmp_file(header, b"", bmp_rows(9, 6, 24))
    body = bmp_rows(9, 6, 24)
    yield "bmp_gap_before_pixels", bmp_file(bmp_info(9, 6, 24), b"", b"\x55" * 7 + body, 61)
    yield "bmp_pixels_within_header", bmp_file(bmp_info(9, 6, 24), b"", body, 20)
    yield "bmp_offset_zero", bmp_file(bmp_info(9, 6, 24), b"", body, 0)
    yield "bmp_offset_beyond", bmp_file(bmp_info(9, 6, 24), b"", body, 9999)
    yield "bmp_offset_negative", bmp_file(bmp_info(9, 6, 24), b"", body, 0xFFFFFFF0)
    for name, width, height in (
        ("no_width", 0, 6),
        ("no_height", 9, 0),
        ("negative_width", -9, 6),
        ("least_height", 1, -(1 << 31)),
        ("too_wide", (1 << 20) + 1, 1),
        ("huge", 60000, 60000),
        ("one_pixel", 1, 1),
    ):
        yield f"bmp_{name}", bmp_file(bmp_info(width, height, 24), b"", body)
    whole = bmp_file(bmp_info(9, 6, 24), b"", body)
    for cut in (2, 14, 18, 26, 53, 54, len(whole) - 40, len(whole) - 1):
        yield f"bmp_cut_{cut}", whole[:cut]
    yield "bmp_trailing_bytes", whole + b"more"


def bmp_rle():
    greys, colours = bmp_palette(256, True), bmp_palette(256)
    streams8 = {
        "plain": b"\x04\x01\x03\x02\0\0\x07\x03\0\0\x07\x04\0\0\x07\x05\0\1",
        "no_line_ends": b"\x07\x01\x07\x02\x07\x03\x07\x04",
        "early_end": b"\x03\x01\0\1",
        "end_at_once": b"\0\1",
        "absolute": b"\0\x07\1\2\3\4\5\6\7\0\0\0\0\x03\1\2\3\0\x04\x09\0\0\x07\1\0\0\x07\2\0\1",
        "absolute_over_row": b"\0\x08\1\2\3\4\5\6\7\x08\0\1",
        "run_over_row": b"\x08\x01\0\1",
        "delta": b"\x02\x01\0\2\2\1\x03\x05\0\0\0\1",
        "delta_off": b"\0\2\xff\xff\0\1",
        "delta_none": b"\0\2\0\0\x07\1\0\1",
        "cut": b"\x07\x01\x07",
        "line_ends_only": b"\0\0" * 4,
        "no_end": b"\x07\x01\0\0" * 3,
        "double_line_end": b"\x07\x01\0\0\0\0\x07\x02\0\1",
        "run_after_full_absolute": b"\0\x07\1\2\3\4\5\6\7\0\x02\x01\0\1",
    }
    streams4 = {
        "plain": b"\x07\x12\0\0\x07\x34\0\0\x07\x56\0\0\x07\x78\0\1",
        "no_line_ends": b"\x07\x12\x07\x34\x07\x56\x07\x78",
        "early_end": b"\x03\x12\0\1",
        "ends": b"\x03\x12\0\1\0\1\0\1\0\1",
        "absolute": b"\0\x07\x12\x34\x56\x70\0\0\0\x03\x12\x30\x04\x9A\0\0\x07\x11\0\0\x07\x22\0\1",
        "absolute_5": b"\0\x05\x12\x34\x50\0\x02\x9A\0\0\x07\x11\0\0\x07\x11\0\0\x07\x22\0\1",
        "run_over_row": b"\x08\x12\0\1",
        "delta": b"\x02\x12\0\2\2\1\x03\x56\0\0\0\1\0\1\0\1",
        "cut": b"\x07\x12",
    }
    for name, stream in streams8.items():
        for tone, palette in (("grey", greys), ("colour", colours)):
            yield f"bmp_rle8_{name}_{tone}", bmp_file(bmp_info(7, 4, 8, 1), palette, stream)
        yield f"bmp_rle8_{name}_down", bmp_file(bmp_info(7, -4, 8, 1), colours, stream)
        yield (
            f"bmp_rle8_{name}_few",
            bmp_file(bmp_info(7, 4, 8, 1, colours=3), bmp_palette(3), stream),
        )
    for name, stream in streams4.items():
        for tone, palette in (("grey", greys[:64]), ("colour", colours[:64])):
            yield f"bmp_rle4_{name}_{tone}", bmp_file(bmp_info(7, 4, 4, 2), palette, stream)
    yield "bmp_rle8_in_4_bits", bmp_file(bmp_info(7, 4, 4, 1), colours[:64], streams8["plain"])
    yield "bmp_rle4_in_8_bits", bmp_file(bmp_info(7, 4, 8, 2), colours, streams4["plain"])
    yield "bmp_rle8_huge", bmp_file(bmp_info(2000, 2000, 8, 1), colours, b"\0\1")


# --- GIF -------------------------------------------------------------------------------------


def lzw_codes(indices, literal_bits, clear_first=True, end=True):
    """Uncompressed LZW: a clear code often enough that the code size never grows."""
    size, clear = literal_bits + 1, 1 << literal_bits
    codes = [clear] if clear_first else []
    for count, index in enumerate(indices):
        if count and count % ((1 << literal_bits) - 2) == 0:
            codes.append(clear)
        codes.append(index)
    if end:
        codes.append(clear + 1)
    return pack_codes([(code, size) for code in codes])


def pack_codes(codes):
    bits = filled = 0
    packed = bytearray()
    for code, size in codes:
        bits |= code << filled
        filled += size
        while filled >= 8:
            packed.append(bits & 255)
            bits >>= 8
            filled -= 8
    if filled:
        packed.append(bits & 255)
    return bytes(packed)


def lzw_compress(indices, literal_bits, size_max=12, early_clear=None):
    clear = 1 << literal_bits
    codes, table, size = [(clear, literal_bits + 1)], {}, literal_bits + 1
    following, prefix = clear + 2, ()
    for index in indices:
        joined = prefix + (index,)
        if len(joined) == 1 or joined in table:
            prefix = joined
            continue
        codes.append((prefix[0] if len(prefix) == 1 else table[prefix], size))
        if following < 1 << size_max:
            table[joined] = following
            if following == 1 << size and size < 12:
                size += 1
            following += 1
        if early_clear and following >= early_clear:
            codes.append((clear, size))
            table, size, following = {}, literal_bits + 1, clear + 2
        prefix = (index,)
    codes.append((prefix[0] if len(prefix) == 1 else table[prefix], size))
    if following == 1 << size and size < 12:
        size += 1
    codes.append((clear + 1, size))
    return pack_codes(codes)


def sub_blocks(data, length=255):
    blocks = [data[at : at + length] for at in range(0, len(data), length)]
    return b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def gif_control(transparent=None, disposal=0, delay=0, length=4):
    flags = disposal << 2 | (transparent is not None)
    return b"\x21\xF9" + bytes([length, flags]) + struct.pack("<H", delay) + bytes([transparent or 0, 0])


def gif_image(indices, width, height, left=0, top=0, table=b"", interlaced=False, bits=None, data=None, block=255):
    flags = 0x40 if interlaced else 0
    if table:
        flags |= 0x80 | (len(table) // 3).bit_length() - 2
    bits = bits or 3
    data = lzw_codes(indices, bits) if data is None else data
    head = b"\x2C" + struct.pack("<HHHHB", left, top, width, height, flags)
    return head + table + bytes([bits]) + sub_blocks(data, block)


def gif_file(*parts, width=9, height=7, table=b"", background=0, version=b"GIF89a", trailer=b"\x3B"):
    flags = 0x70
    if table:
        flags |= 0x80 | (len(table) // 3).bit_length() - 2
    head = version + struct.pack("<HHBBB", width, height, flags, background, 0)
    return head + table + b"".join(parts) + trailer


def gif_table(count, seed=SEED):
    return noise(count * 3, seed)


def gif_indices(count, top=8, seed=SEED):
    rng = random.Random(seed)
    return [rng.randrange(top) for _ in range(count)]


def gif_frames():
    table, other = gif_table(8), gif_table(8, 5)
    whole = gif_indices(63)
    part = gif_indices(12)
    clear, opaque = gif_control(2), gif_control()
    full = gif_image(whole, 9, 7)
    small = gif_image(part, 4, 3, 2, 1)
    yield "gif_plain", gif_file(full, table=table)
    yield "gif_87a", gif_file(full, table=table, version=b"GIF87a")
    yield "gif_88a", gif_file(full, table=table, version=b"GIF88a")
    yield "gif_small_frame", gif_file(small, table=table, background=3)
    yield "gif_small_frame_transparent", gif_file(clear, small, table=table, background=3)
    yield "gif_small_frame_no_table", gif_file(small, background=3)
    yield "gif_small_frame_local", gif_file(gif_image(part, 4, 3, 2, 1, other), table=table, background=3)
    yield "gif_small_frame_local_only", gif_file(gif_image(part, 4, 3, 2, 1, other), background=3)
    yield "gif_transparent", gif_file(clear, full, table=table)
    yield "gif_transparent_is_background", gif_file(clear, full, table=table, background=2)
    yield "gif_transparent_index_unused", gif_file(gif_control(200), full, table=table)
    yield "gif_first_clear_last_opaque", gif_file(clear, full, opaque, small, table=table, background=4)
    yield "gif_first_opaque_last_clear", gif_file(opaque, small, clear, full, table=table, background=4)
    yield "gif_no_control_then_clear", gif_file(small, clear, full, table=table, background=4)
    yield "gif_two_controls", gif_file(clear, opaque, full, table=table)
    yield "gif_control_behind", gif_file(full, clear, table=table)
    for disposal in range(8):
        yield f"gif_disposal_{disposal}", gif_file(gif_control(2, disposal), small, full, table=table)
        yield (
            f"gif_disposal_{disposal}_second",
            gif_file(full, gif_control(2, disposal), small, table=table),
        )
    for background in (7, 8, 255):
        yield f"gif_background_{background}", gif_file(small, table=table, background=background)
        yield f"gif_background_{background}_no_table", gif_file(small, background=background)
    for name, place in {
        "right": (4, 3, 6, 1),
        "below": (4, 3, 2, 5),
        "wider": (10, 3, 0, 0),
        "no_width": (0, 3, 0, 0),
        "no_height": (4, 0, 0, 0),
        "far": (4, 3, 60000, 60000),
        "edge": (4, 3, 5, 4),
    }.items():
        indices = gif_indices(place[0] * place[1])
        yield f"gif_frame_{name}", gif_file(gif_image(indices, *place), table=table)
    for height in range(1, 18):
        indices = gif_indices(5 * height)
        yield (
            f"gif_interlaced_{height}",
            gif_file(gif_image(indices, 5, height, interlaced=True), width=5, height=height, table=table),
        )


def gif_tables():
    whole = gif_indices(63)
    for count in (2, 4, 8, 16, 256):
        yield f"gif_table_of_{count}", gif_file(gif_image(whole, 9, 7), table=gif_table(count))
        local = gif_image(whole, 9, 7, table=gif_table(count, 5))
        yield f"gif_local_of_{count}", gif_file(local)
        yield f"gif_local_of_{count}_global_of_8", gif_file(local, table=gif_table(8))
        yield f"gif_local_of_{count}_global_of_2", gif_file(local, table=gif_table(2))
    yield "gif_no_table", gif_file(gif_image(whole, 9, 7))
    yield "gif_no_table_transparent", gif_file(gif_control(1), gif_image(whole, 9, 7))
    yield "gif_index_beyond_is_transparent", gif_file(gif_control(2), gif_image([0, 1, 2] * 21, 9, 7), table=gif_table(2))


def gif_blocks():
    table = gif_table(8)
    full = gif_image(gif_indices(63), 9, 7)
    comment = b"\x21\xFE" + sub_blocks(b"a comment")
    text = b"\x21\x01" + sub_blocks(b"\0" * 12) + b""
    netscape = b"\x21\xFF\x0BNETSCAPE2.0\x03\x01\0\0\0"
    for name, block in {
        "comment": comment,
        "empty_comment": b"\x21\xFE\0",
        "text": text,
        "unknown": b"\x21\x77" + sub_blocks(b"what"),
        "netscape": netscape,
        "netscape_id_2": b"\x21\xFF\x0BNETSCAPE2.0\x03\x02\0\0\0",
        "other_application": b"\x21\xFF\x0BSOMETHING10\x03\x01\0\0\0",
        "other_application_even": b"\x21\xFF\x0BSOMETHING10\x03\x01\0\x01\x05\0",
        "xmp": b"\x21\xFF\x0BXMP DataXMP" + sub_blocks(b"<x/>" * 80),
        "application_of_3": b"\x21\xFF\x03abc\0",
        "long_control": b"\x21\xF9\x05\1\0\0\2\0\0",
        "short_control": b"\x21\xF9\x03\1\0\0\0",
        "empty_control": b"\x21\xF9\0",
        "two_part_control": b"\x21\xF9\x04\1\0\0\2\x04\0\0\0\0\0",
        "unterminated": b"\x21\xFE\x05abc",
        "zero_byte": b"\0",
        "stray_byte": b"\x55",
    }.items():
        yield f"gif_block_{name}_first", gif_file(block, full, table=table)
        yield f"gif_block_{name}_last", gif_file(full, block, table=table)
    yield "gif_no_image", gif_file(table=table)
    yield "gif_only_comment", gif_file(comment, table=table)
    yield "gif_no_trailer", gif_file(full, table=table, trailer=b"")
    yield "gif_bytes_behind", gif_file(full, table=table, trailer=b"\x3Bmore")
    yield "gif_second_frame_broken", gif_file(full, gif_image([], 9, 7, data=b"\xff" * 5), table=table)
    yield "gif_second_frame_beyond", gif_file(full, gif_image(gif_indices(12), 4, 3, 99, 99), table=table)
    whole = gif_file(gif_control(2), full, table=table)
    for cut in (6, 9, 10, 13, 20, 37, 40, 45, 50, 60, len(whole) - 3, len(whole) - 2, len(whole) - 1):
        yield f"gif_cut_{cut}", whole[:cut]
    for name, width, height in (("none", 0, 7), ("flat", 9, 0), ("huge", 65535, 65535)):
        yield f"gif_screen_{name}", gif_file(full, width=width, height=height, table=table)
    bomb = gif_file(gif_image([], 65535, 65535, bits=2, data=b"\x04"), width=65535, height=65535)
    yield "gif_35_bytes_huge", bomb.ljust(35, b"\0")
    yield "gif_large_screen_little_data", gif_file(
        gif_image([0], 1, 1), width=2000, height=2000, table=table
    )


def gif_lzw():
    table = gif_table(256)
    indices = gif_indices(63)

    def one(data, bits=3, block=255, width=9, height=7, **image):
        frame = gif_image([], width, height, bits=bits, data=data, block=block, **image)
        return gif_file(frame, width=width, height=height, table=table)

    plain = lzw_codes(indices, 3)
    for bits in range(0, 14):
        top = min(1 << max(bits, 1), 256)
        codes = lzw_codes(gif_indices(63, min(top, 8)), max(bits, 2))
        yield f"gif_lzw_literal_bits_{bits}", one(codes, bits)
    for bits in (9, 10, 11):
        codes = lzw_codes(gif_indices(63, 1 << bits), bits)
        yield f"gif_lzw_literals_beyond_256_of_{bits}_bits", one(codes, bits)
    for block in (1, 2, 3, 254):
        yield f"gif_lzw_blocks_of_{block}", one(plain, block=block)
    yield "gif_lzw_no_first_clear", one(lzw_codes(indices[:6] * 10 + [1, 2, 3], 3, clear_first=False))
    yield "gif_lzw_no_end", one(lzw_codes(indices, 3, end=False))
    for extra in range(1, 5):
        yield f"gif_lzw_{extra}_indices_more", one(lzw_codes(indices + [1] * extra, 3))
        yield f"gif_lzw_{extra}_indices_more_no_end", one(lzw_codes(indices + [1] * extra, 3, end=False))
        yield f"gif_lzw_{extra}_indices_less", one(lzw_codes(indices[:-extra], 3))
        yield f"gif_lzw_{extra}_bytes_behind", one(plain + b"\0" * extra)
        yield f"gif_lzw_{extra}_set_bytes_behind", one(plain + b"\xff" * extra)
    clear, end = 8, 9
    half = [(code, 4) for code in [clear] + indices[:6]]
    rest = [(code, 4) for chunk in range(6, 63, 6) for code in [clear] + indices[chunk : chunk + 6]]
    yield "gif_lzw_end_in_the_middle", one(pack_codes(half + [(end, 4)] + rest))
    yield "gif_lzw_end_in_the_middle_at_a_byte", one(pack_codes(half + [(end, 4), (clear, 4), (clear, 4)] + rest))
    yield "gif_lzw_code_beyond_table", one(pack_codes([(clear, 4), (1, 4), (15, 4)]))
    yield "gif_lzw_first_code_not_literal", one(pack_codes([(clear, 4), (10, 4)]))
    yield "gif_lzw_many_clears", one(pack_codes([(clear, 4)] * 50 + rest[:0] + [(c, 4) for n in range(0, 63, 6) for c in [clear] + indices[n : n + 6]]))
    yield "gif_lzw_nothing", one(b"")
    yield "gif_lzw_one_colour", one(lzw_compress([5] * 63, 3))
    yield "gif_lzw_string_over_end", one(lzw_compress([5] * 70, 3))
    for seed, (side, top) in enumerate([(64, 2), (64, 8), (200, 4), (200, 256), (300, 16)]):
        bits = max((top - 1).bit_length(), 2)
        many = gif_indices(side * side, top, seed)
        for name, options in {
            "full": {},
            "cleared_at_4096": {"early_clear": 4096},
            "cleared_at_4095": {"early_clear": 4095},
            "cleared_at_600": {"early_clear": 600},
            "table_of_9_bits": {"size_max": 9},
        }.items():
            data = lzw_compress(many, bits, **options)
            yield f"gif_lzw_{side}_{top}_{name}", one(data, bits, width=side, height=side)
    runs = [index for index in gif_indices(400, 4, 9) for _ in range(25)]
    data = lzw_compress(runs, 2)
    yield "gif_lzw_runs", one(data, 2, width=100, height=100)
    for at in range(0, len(data), max(len(data) // 12, 1)):
        broken = bytearray(data)
        broken[at] ^= 0x10
        yield f"gif_lzw_runs_flipped_{at}", one(bytes(broken), 2, width=100, height=100)


def files():
    made = {}
    for source in (
        bmp_depths,
        bmp_masks,
        bmp_headers,
        bmp_rle,
        gif_frames,
        gif_tables,
        gif_blocks,
        gif_lzw,
    ):
        for name, body in source():
            assert name not in made, name
            made[f"{name}.{name.split('_', 1)[0]}"] = body
    return made


if __name__ == "__main__":
    import pathlib
    import sys

    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files().items():
        (folder / name).write_bytes(body)
