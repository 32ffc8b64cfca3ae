"""Owns the TIFF part of the edge set, by a writer of its own and, for JPEG in TIFF, by libtiff."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from . import fax
from .picture import cut, flips, picture, with_alpha

BYTE, ASCII, SHORT, LONG, RATIO, LONG8 = 1, 2, 3, 4, 5, 16
CODES = {BYTE: "B", ASCII: "B", SHORT: "H", LONG: "I", RATIO: "I", LONG8: "Q"}
NONE, CCITT, LZW, DEFLATE, OLD_DEFLATE, PACKBITS = 1, 2, 5, 8, 32946, 32773
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, CMYK, YCBCR, LAB = 0, 1, 2, 3, 4, 5, 6, 8


def packbits(data):
    """Literal runs of up to 128 bytes, and repeats of three or more."""
    out, at = b"", 0
    while at < len(data):
        run = 1
        while at + run < len(data) and data[at + run] == data[at] and run < 128:
            run += 1
        if run >= 3:
            out += bytes([257 - run, data[at]])
        else:
            run = min(128, len(data) - at)
            out += bytes([run - 1]) + data[at : at + run]
        at += run
    return out


def lzw(data):
    """TIFF's LZW: high bits first, the width raised one code before it is needed."""
    table = {bytes([value]): value for value in range(256)}
    bits, used, width, following, prefix = 256, 9, 9, 258, b""
    for value in data:
        longer = prefix + bytes([value])
        if longer in table:
            prefix = longer
            continue
        bits, used = bits << width | table[prefix], used + width
        table[longer] = following
        following += 1
        if following == 4094:
            bits, used = bits << width | 256, used + width
            table = {bytes([value]): value for value in range(256)}
            following = 258
        width = max(following.bit_length(), 9)
        prefix = bytes([value])
    bits, used = bits << width | table[prefix], used + width
    width = max((following + 1).bit_length(), 9)
    bits, used = bits << width | 257, used + width
    pad = -used % 8
    return (bits << pad).to_bytes((used + pad) // 8, "big")


COMPRESSORS = {NONE: bytes, LZW: lzw, DEFLATE: zlib.compress, OLD_DEFLATE: zlib.compress, PACKBITS: packbits}


def packed(samples, depth, endian):
    """Rows of height x (width x channels) samples as bytes, each padded to a whole byte."""
    flat = samples.reshape(samples.shape[0], -1)
    if samples.dtype.kind == "f":
        return [row.astype(samples.dtype.newbyteorder(endian)).tobytes() for row in flat]
    if depth in (8, 16, 32):
        return [row.astype(f"{endian}u{depth // 8}").tobytes() for row in flat]
    rows = []
    for row in flat:
        text = "".join(format(int(value), f"0{depth}b") for value in row)
        text += "0" * (-len(text) % 8)
        rows.append(bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8)))
    return rows


def differences(samples, depth):
    """Horizontal predictor: each sample less its left neighbour of the same channel."""
    out = samples.astype(np.int64)
    out[:, 1:] -= samples[:, :-1].astype(np.int64)
    return (out % (1 << depth)).astype(samples.dtype)


def pieces_of(samples, tile, strip):
    if tile:
        for y in range(0, samples.shape[0], tile):
            for x in range(0, samples.shape[1], tile):
                part = samples[y : y + tile, x : x + tile]
                pad = [(0, tile - part.shape[0]), (0, tile - part.shape[1]), (0, 0)]
                yield np.pad(part, pad)
    else:
        for y in range(0, samples.shape[0], strip):
            yield samples[y : y + strip]


class Layout:
    """How a file stores its samples, and what it says of them."""

    def __init__(self, **options):
        self.depth, self.photometric, self.compression = 8, RGB, NONE
        self.endian, self.big, self.tile, self.strip = "<", False, 0, 0
        self.predictor, self.planar, self.fill_order, self.extra = 1, 1, 1, None
        self.more = {}
        unknown = [name for name in options if not hasattr(self, name)]
        assert not unknown, unknown
        self.__dict__.update(options)


def encoded_pieces(samples, layout):
    planes = [samples]
    if layout.planar == 2:
        planes = [samples[..., index : index + 1] for index in range(samples.shape[2])]
    out = []
    for plane in planes:
        for part in pieces_of(plane, layout.tile, layout.strip or samples.shape[0]):
            if layout.predictor == 2:
                part = differences(part, layout.depth)
            data = b"".join(packed(part, layout.depth, layout.endian))
            if layout.fill_order == 2:
                data = bytes(int(format(value, "08b")[::-1], 2) for value in data)
            out.append(COMPRESSORS[layout.compression](data))
    return out


def fields_of(samples, layout):
    height, width, channels = samples.shape
    kind = 3 if samples.dtype.kind == "f" else 1
    fields = {
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, [layout.depth] * channels),
        259: (SHORT, [layout.compression]),
        262: (SHORT, [layout.photometric]),
        277: (SHORT, [channels]),
        284: (SHORT, [layout.planar]),
    }
    if layout.fill_order != 1:
        fields[266] = (SHORT, [layout.fill_order])
    if layout.predictor != 1:
        fields[317] = (SHORT, [layout.predictor])
    if layout.extra is not None:
        fields[338] = (SHORT, [layout.extra])
    if kind != 1:
        fields[339] = (SHORT, [kind] * channels)
    if layout.tile:
        fields |= {322: (SHORT, [layout.tile]), 323: (SHORT, [layout.tile])}
    else:
        fields[278] = (LONG, [layout.strip or height])
    return fields


def page(samples, layout, at, last):
    """A directory at `at` behind which its values and pixels stand; (bytes, where the next may be)."""
    if samples.ndim == 2:
        samples = samples[..., np.newaxis]
    pieces = encoded_pieces(samples, layout)
    fields = fields_of(samples, layout)
    offsets, counts = (324, 325) if layout.tile else (273, 279)
    fields[counts] = (LONG, [len(piece) for piece in pieces])
    fields[offsets] = (LONG, [0] * len(pieces))
    fields |= layout.more
    endian, count_code, offset_code, room = layout.endian, "H", "I", 4
    if layout.big:
        count_code, offset_code, room = "Q", "Q", 8
    size = struct.calcsize(endian + count_code) + len(fields) * (4 + 2 * room) + room
    longs = {}
    for tag, (kind, values) in fields.items():
        longs[tag] = struct.pack(f"{endian}{len(values)}{CODES[kind]}", *values)
    tail_at = at + size
    for tag in sorted(longs):
        if len(longs[tag]) > room:
            tail_at += len(longs[tag]) + len(longs[tag]) % 2
    places = [tail_at + sum(map(len, pieces[:index])) for index in range(len(pieces))]
    if offsets not in layout.more:
        longs[offsets] = struct.pack(f"{endian}{len(places)}I", *places)
    body, tail = struct.pack(endian + count_code, len(fields)), b""
    for tag in sorted(fields):
        kind, values = fields[tag]
        count = len(values) // (2 if kind == RATIO else 1)
        body += struct.pack(endian + "HH" + offset_code, tag, kind, count)
        if len(longs[tag]) <= room:
            body += longs[tag].ljust(room, b"\0")
        else:
            body += struct.pack(endian + offset_code, at + size + len(tail))
            tail += longs[tag] + b"\0" * (len(longs[tag]) % 2)
    end = places[-1] + len(pieces[-1])
    following = 0 if last else end + end % 2
    body += struct.pack(endian + offset_code, following) + tail + b"".join(pieces)
    return body + b"\0" * (end % 2 if not last else 0)


def file(samples, *more_pages, **options):
    layout = Layout(**options)
    mark = b"II" if layout.endian == "<" else b"MM"
    if layout.big:
        out = mark + struct.pack(layout.endian + "HHHQ", 43, 8, 0, 16)
    else:
        out = mark + struct.pack(layout.endian + "HI", 42, 8)
    pages = [samples, *more_pages]
    for index, array in enumerate(pages):
        out += page(array, layout, len(out), index == len(pages) - 1)
    return out


def files():
    yield from kinds()
    yield from storage()
    yield from by_libtiff()
    yield from broken()
    for name, data in fax.files():
        yield f"fax_{name}", data


def kinds():
    for width, height in [(1, 1), (1, 9), (9, 1), (2, 2), (3, 3), (400, 2), (300, 200)]:
        yield f"size_{width}x{height}", file(picture(width, height))
    for depth in (1, 2, 4, 8, 16, 32):
        grey = picture(35, 22, 1, levels=1 << min(depth, 16)).astype(np.uint32)
        grey = grey << 16 if depth == 32 else grey
        yield f"grey_{depth}", file(grey, depth=depth, photometric=BLACK_IS_ZERO)
        if depth < 32:
            yield f"grey_{depth}_white_is_zero", file(grey, depth=depth, photometric=WHITE_IS_ZERO)
    yield "grey_12", file(picture(34, 22, 1, levels=4096), depth=12, photometric=BLACK_IS_ZERO)
    yield "rgb_16", file(picture(35, 22, levels=65536), depth=16)
    yield "rgb_4", file(picture(36, 22, levels=16), depth=4)
    for name, extra in (("associated", 1), ("unassociated", 2), ("unspecified", 0)):
        rgba = with_alpha(picture(35, 22))
        yield f"rgba_8_{name}", file(rgba, extra=extra)
        grey_alpha = with_alpha(picture(35, 22, 1))
        yield f"grey_alpha_8_{name}", file(grey_alpha, extra=extra, photometric=BLACK_IS_ZERO)
    yield "rgba_16", file(with_alpha(picture(35, 22, levels=65536), 65535), depth=16, extra=2)
    yield "rgba_without_extra_samples", file(with_alpha(picture(35, 22)))
    yield "five_samples", file(picture(35, 22, 5), more={338: (SHORT, [0, 0])})
    cmyk = picture(35, 22, 4)
    yield "cmyk_8", file(cmyk, photometric=CMYK)
    yield "cmyk_16", file(picture(35, 22, 4, levels=65536), depth=16, photometric=CMYK)
    yield "cmyk_8_planar", file(cmyk, photometric=CMYK, planar=2)
    for depth in (1, 2, 4, 8):
        table = np.random.default_rng(depth).integers(0, 65536, 3 << depth).tolist()
        indices = picture(35, 22, 1) >> (8 - depth)
        yield f"palette_{depth}", file(indices, depth=depth, photometric=PALETTE, more={320: (SHORT, table)})
    small = [value // 257 for value in table]
    yield "palette_8_of_8_bit_values", file(indices, photometric=PALETTE, more={320: (SHORT, small)})
    yield "palette_missing", file(indices, photometric=PALETTE)
    ycc = {530: (SHORT, [1, 1]), 531: (SHORT, [1])}
    ycc[529] = (RATIO, [299, 1000, 587, 1000, 114, 1000])
    ycc[532] = (RATIO, [0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1])
    yield "ycbcr_444", file(picture(35, 22), photometric=YCBCR, more=ycc)
    yield "lab_8", file(picture(35, 22), photometric=LAB)
    yield "mask_1", file(picture(35, 22, 1, levels=2), depth=1, photometric=MASK)
    floats = picture(35, 22, 1).astype(np.float32)
    yield "float_32_grey", file(floats, depth=32, photometric=BLACK_IS_ZERO)
    yield "float_32_grey_0_to_1", file(floats / 255, depth=32, photometric=BLACK_IS_ZERO)
    yield "float_32_rgb", file(picture(35, 22).astype(np.float32), depth=32)
    yield "float_64_grey", file(floats.astype(np.float64), depth=64, photometric=BLACK_IS_ZERO)


def storage():
    rgb = picture(70, 50)
    names = {LZW: "lzw", DEFLATE: "deflate", OLD_DEFLATE: "old_deflate", PACKBITS: "packbits"}
    for compression, name in names.items():
        yield f"{name}_rgb", file(rgb, compression=compression)
        yield f"{name}_rgb_strips", file(rgb, compression=compression, strip=7)
        yield f"{name}_rgb_tiles", file(rgb, compression=compression, tile=32)
        yield f"{name}_grey_1", file(
            picture(35, 22, 1, levels=2), compression=compression, depth=1, photometric=BLACK_IS_ZERO
        )
    for compression in (LZW, DEFLATE):
        name = f"{names[compression]}_predictor_2"
        yield f"{name}_rgb", file(rgb, compression=compression, predictor=2)
        yield f"{name}_rgb_tiles", file(rgb, compression=compression, predictor=2, tile=16)
        grey = picture(35, 22, 1, levels=65536)
        for endian, order in (("<", "little"), (">", "big")):
            yield f"{name}_grey_16_{order}_endian", file(
                grey, compression=compression, predictor=2, depth=16, photometric=BLACK_IS_ZERO, endian=endian
            )
        yield f"{name}_rgba", file(with_alpha(rgb), compression=compression, predictor=2, extra=2)
        yield f"{name}_planar", file(rgb, compression=compression, predictor=2, planar=2)
    yield "lzw_of_many_codes", file(picture(200, 150), compression=LZW)
    yield "strips_of_1_row", file(rgb, strip=1)
    yield "strips_of_49_rows", file(rgb, strip=49)
    yield "planar", file(rgb, planar=2)
    yield "planar_strips", file(rgb, planar=2, strip=9)
    yield "planar_tiles", file(rgb, planar=2, tile=32)
    yield "planar_rgba", file(with_alpha(rgb), planar=2, extra=2)
    yield "tiles_of_16_grey", file(picture(70, 50, 1), tile=16, photometric=BLACK_IS_ZERO)
    yield "lzw_tiles_of_32_grey", file(
        picture(70, 50, 1), tile=32, compression=LZW, photometric=BLACK_IS_ZERO
    )
    yield "tiles_rgb_16", file(picture(70, 50, levels=65536), depth=16, tile=32)
    yield "big_endian_rgb", file(rgb, endian=">")
    yield "big_endian_rgb_16", file(picture(35, 22, levels=65536), depth=16, endian=">")
    yield "big_tiff", file(rgb, big=True)
    yield "big_tiff_big_endian_lzw", file(rgb, big=True, endian=">", compression=LZW, strip=8)
    yield "fill_order_2_grey_1", file(
        picture(35, 22, 1, levels=2), depth=1, photometric=BLACK_IS_ZERO, fill_order=2
    )
    yield "two_pages", file(rgb, picture(20, 20, seed=4))
    for value in range(1, 9):
        yield f"orientation_{value}", file(rgb, more={274: (SHORT, [value])})
    yield "orientation_6_tiles", file(rgb, tile=32, more={274: (SHORT, [6])})
    yield "orientation_5_grey_16", file(
        picture(35, 22, 1, levels=65536), depth=16, photometric=BLACK_IS_ZERO, more={274: (SHORT, [5])}
    )
    texts = {270: (ASCII, b"words\0"), 271: (ASCII, b"Maker\0"), 282: (RATIO, [72, 1])}
    yield "with_texts", file(rgb, more=texts)
    yield "reduced_resolution_page", file(rgb, more={254: (LONG, [1])})


def by_libtiff():
    rgb = Image.fromarray(picture(70, 50))
    grey = Image.fromarray(picture(70, 50, 1))
    bits = Image.fromarray(picture(70, 50, 1)).convert("1")
    for name, image, compression in [
        ("jpeg_rgb", rgb, "jpeg"),
        ("jpeg_grey", grey, "jpeg"),
        ("jpeg_ycbcr", rgb.convert("YCbCr"), "jpeg"),
        ("group_3", bits, "group3"),
        ("group_4", bits, "group4"),
        ("ccitt", bits, "tiff_ccitt"),
        ("lzw_palette", rgb.quantize(30), "tiff_lzw"),
        ("lzw_rgba", Image.fromarray(with_alpha(picture(70, 50))), "tiff_lzw"),
        ("zstd_rgb", rgb, "zstd"),
        ("lzma_rgb", rgb, "lzma"),
    ]:
        out = io.BytesIO()
        image.save(out, "TIFF", compression=compression)
        yield f"libtiff_{name}", out.getvalue()


def broken():
    rgb = picture(60, 40)
    whole = file(rgb, strip=8)
    packed_file = file(rgb, strip=8, compression=LZW)
    deflated = file(rgb, compression=DEFLATE)
    for per_cent in (2, 10, 50, 90, 99):
        yield f"cut_at_{per_cent}_per_cent", cut(whole, per_cent)
        yield f"cut_lzw_at_{per_cent}_per_cent", cut(packed_file, per_cent)
    yield "cut_deflate_at_50_per_cent", cut(deflated, 50)
    yield "cut_deflate_at_99_per_cent", cut(deflated, 99)
    yield "cut_last_byte", whole[:-1]
    for seed in range(2):
        yield f"flips_lzw_{seed}", flips(packed_file, 400, 3, seed, b"")
        yield f"flips_deflate_{seed}", flips(deflated, 300, 3, seed, b"")
    yield "bytes_behind", whole + b"garbage" * 9
    yield "directory_beyond_the_end", whole[:4] + struct.pack("<I", 10**6) + whole[8:]
    yield "strip_offset_beyond_the_end", file(rgb, more={273: (LONG, [10**6])})
    yield "strip_count_too_small", file(rgb, more={279: (LONG, [100])})
    yield "without_strip_counts", file(rgb, more={279: (SHORT, [0])})
    yield "width_of_zero", file(rgb, more={256: (LONG, [0])})
    yield "width_of_a_billion", file(rgb, more={256: (LONG, [10**9])})
    yield "depth_of_9", file(rgb, more={258: (SHORT, [9, 9, 9])})
    yield "depths_that_differ", file(rgb, more={258: (SHORT, [8, 8, 16])})
    yield "compression_of_999", file(rgb, more={259: (SHORT, [999])})
    yield "photometric_of_999", file(rgb, more={262: (SHORT, [999])})
    yield "orientation_of_9", file(rgb, more={274: (SHORT, [9])})
    yield "rows_per_strip_of_four_billion", file(rgb, more={278: (LONG, [2**32 - 1])})
    loop = bytearray(file(rgb))
    at = 8 + 2 + 12 * struct.unpack("<H", loop[8:10])[0]
    loop[at : at + 4] = struct.pack("<I", 8)
    yield "next_directory_is_itself", bytes(loop)
