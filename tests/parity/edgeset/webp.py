"""Owns the WebP part of the edge set."""

import io
import struct

from PIL import Image

from . import exif
from .picture import colour_profile, cut, flips, picture, with_alpha


def encode(array, lossless=False, quality=75, **options):
    out = io.BytesIO()
    image = Image.fromarray(array)
    image.save(out, "WEBP", lossless=lossless, quality=quality, **options)
    return out.getvalue()


def chunk(name, payload):
    return name + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)


def riff(body):
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def chunks(data):
    at, out = 12, []
    while at + 8 <= len(data):
        size = struct.unpack("<I", data[at + 4 : at + 8])[0]
        out.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return out


def vp8x(width, height, flags):
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return chunk(b"VP8X", struct.pack("<I", flags) + sides)


ICC, ALPHA, EXIF, XMP, ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02


def frame(array, x, y, lossless=True, blend=0, dispose=0):
    """An ANMF chunk: `array` at (x, y)."""
    height, width = array.shape[:2]
    parts = [(name, data) for name, data in chunks(encode(array, lossless)) if name != b"VP8X"]
    head = b"".join(struct.pack("<I", value)[:3] for value in (x // 2, y // 2, width - 1, height - 1, 100))
    return chunk(b"ANMF", head + bytes([blend << 1 | dispose]) + b"".join(chunk(*part) for part in parts))


def animation(width, height, flags, background, frames):
    head = vp8x(width, height, flags | ANIMATION)
    return riff(head + chunk(b"ANIM", struct.pack("<IH", background, 0)) + b"".join(frames))


def files():
    for width, height in [(1, 1), (1, 9), (9, 1), (2, 2), (3, 3), (17, 13), (900, 3), (3, 700), (300, 200)]:
        yield f"lossy_{width}x{height}", encode(picture(width, height))
        yield f"lossless_{width}x{height}", encode(picture(width, height), True)
    for width, height in [(1, 1), (17, 13), (120, 90)]:
        rgba = with_alpha(picture(width, height))
        yield f"lossy_alpha_{width}x{height}", encode(rgba)
        yield f"lossless_alpha_{width}x{height}", encode(rgba, True, exact=True)
    opaque = with_alpha(picture(30, 20))
    opaque[..., 3] = 255
    yield "lossless_alpha_all_opaque", encode(opaque, True)
    yield "lossy_grey", encode(picture(40, 30, 1))
    yield "lossless_of_few_colours", encode(picture(40, 30) // 64 * 64, True)
    for quality in (1, 100):
        yield f"lossy_quality_{quality}", encode(picture(61, 43), quality=quality)
    yield from extended()
    yield from animated()
    yield from broken()


def extended():
    plain = chunks(encode(picture(40, 28)))
    image = chunk(*plain[0])
    profile = colour_profile()
    icc, xmp = chunk(b"ICCP", profile), chunk(b"XMP ", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    block = exif.camera("<")
    bare, marked = chunk(b"EXIF", block), chunk(b"EXIF", b"Exif\0\0" + exif.camera(">"))
    for name, flags, body in [
        ("plain", 0, image),
        ("exif", EXIF, image + bare),
        ("exif_behind_a_mark", EXIF, image + marked),
        ("exif_not_in_the_flags", 0, image + bare),
        ("exif_in_the_flags_only", EXIF, image),
        ("exif_before_the_image", EXIF, bare + image),
        ("exif_orientation_6", EXIF, image + chunk(b"EXIF", exif.orientation(">", 6))),
        ("exif_empty", EXIF, image + chunk(b"EXIF", b"")),
        ("exif_broken", EXIF, image + chunk(b"EXIF", b"II*\0\xff\xff\xff\x7f")),
        ("icc", ICC, icc + image),
        ("xmp", XMP, image + xmp),
        ("icc_exif_xmp", ICC | EXIF | XMP, icc + image + bare + xmp),
        ("alpha_in_the_flags_only", ALPHA, image),
        ("unknown_chunk", 0, chunk(b"ABCD", b"odd") + image),
    ]:
        yield f"vp8x_{name}", riff(vp8x(40, 28, flags) + body)
    yield "vp8x_of_another_size", riff(vp8x(60, 28, 0) + image)
    yield "vp8x_odd_chunk_before_exif", riff(
        vp8x(40, 28, EXIF | XMP) + image + chunk(b"XMP ", b"odd") + bare
    )
    yield "exif_without_vp8x", riff(image + bare)
    lossless = chunks(encode(picture(40, 28), True))
    yield "vp8x_lossless", riff(vp8x(40, 28, 0) + chunk(*lossless[0]))
    clear = [part for part in chunks(encode(with_alpha(picture(40, 28)))) if part[0] != b"VP8X"]
    body = b"".join(chunk(*part) for part in clear)
    yield "alpha_not_in_the_flags", riff(vp8x(40, 28, 0) + body)
    yield "alph_without_vp8x", riff(body)


def animated():
    whole = [picture(48, 32, seed=seed) for seed in range(3)]
    yield "animated_rgb", animation(48, 32, 0, 0, [frame(array, 0, 0, False) for array in whole])
    yield "animated_lossless", animation(48, 32, 0, 0, [frame(array, 0, 0) for array in whole])
    clear = [with_alpha(array) for array in whole]
    yield "animated_alpha", animation(48, 32, ALPHA, 0, [frame(array, 0, 0, False) for array in clear])
    small, small_clear = picture(20, 14, seed=4), with_alpha(picture(20, 14, seed=4))
    for name, flags, first in [("", 0, small), ("_alpha", ALPHA, small_clear)]:
        for background in (0, 0xFF3366CC, 0x80FFFFFF):
            rest = frame(clear[1] if flags else whole[1], 0, 0, False)
            yield f"animated_first_frame_smaller{name}_on_{background:08x}", animation(
                48, 32, flags, background, [frame(first, 10, 6), rest]
            )
    yield "animated_alpha_not_in_the_flags", animation(48, 32, 0, 0, [frame(clear[0], 0, 0)])
    yield "animated_one_frame", animation(48, 32, 0, 0, [frame(whole[0], 0, 0)])
    yield "animated_no_blend", animation(48, 32, ALPHA, 0, [frame(clear[0], 0, 0, True, 1, 1)])
    yield "animated_frame_beyond_the_canvas", animation(48, 32, 0, 0, [frame(whole[0], 20, 20)])
    yield "animated_without_frames", animation(48, 32, 0, 0, [])
    both = animation(48, 32, 0, 0, [frame(array, 0, 0, False) for array in whole])
    first_end = 30 + 14 + 8 + struct.unpack("<I", both[48:52])[0]
    yield "animated_cut_in_the_second_frame", both[: first_end + 60]
    yield "animated_cut_in_the_first_frame", both[: first_end - 60]
    yield "animated_cut_behind_the_first_frame", both[:first_end]
    out = io.BytesIO()
    pages = [Image.fromarray(array) for array in clear]
    pages[0].save(out, "WEBP", save_all=True, append_images=pages[1:], duration=100)
    yield "animated_by_pillow", out.getvalue()


def broken():
    kinds = {
        "lossy": encode(picture(120, 90)),
        "lossless": encode(picture(120, 90), True),
        "alpha": encode(with_alpha(picture(120, 90))),
    }
    for kind, data in kinds.items():
        for per_cent in (10, 50, 90, 99):
            yield f"cut_{kind}_at_{per_cent}_per_cent", cut(data, per_cent)
        yield f"cut_{kind}_last_byte", data[:-1]
        yield f"cut_{kind}_half_right_sizes", right_sizes(data)
        for seed in range(2):
            yield f"flips_{kind}_{seed}", flips(data, 60, 2 + 3 * seed, 10 + seed, b"")
        yield f"bytes_behind_{kind}", data + b"trailing garbage"
        yield f"riff_size_too_small_{kind}", data[:4] + struct.pack("<I", len(data) // 2) + data[8:]
        yield f"riff_size_too_large_{kind}", data[:4] + struct.pack("<I", len(data) + 100) + data[8:]
    lossy = kinds["lossy"]
    yield "riff_size_of_zero", lossy[:4] + bytes(4) + lossy[8:]
    yield "riff_size_odd", lossy[:4] + struct.pack("<I", len(lossy) - 7) + lossy[8:]
    yield "bare_vp8_frame", lossy[20:]
    yield "cut_to_the_riff_header", lossy[:12]
    yield "cut_to_20_bytes", lossy[:20]
    yield "cut_to_31_bytes", lossy[:31]
    yield "width_of_zero", lossy[:26] + b"\0\0" + lossy[28:]
    yield "wave_file", b"RIFF" + lossy[4:8] + b"WAVE" + lossy[12:]


def right_sizes(data):
    """Half of the last chunk, with its size and the file's made true."""
    parts = chunks(data)
    name, payload = parts[-1]
    parts[-1] = (name, payload[: len(payload) // 2])
    return riff(b"".join(chunk(*part) for part in parts))
