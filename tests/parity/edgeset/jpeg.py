"""Owns the JPEG part of the edge set."""

import base64
import io
import struct

import cv2
import numpy as np
from PIL import Image

from . import exif
from .picture import colour_profile, cut, flips, picture

SAMPLINGS = {
    "444": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    "422": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "440": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440,
    "411": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411,
}


def encode(array, quality=88, sampling="420", progressive=0, restart=0):
    parameters = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive]
    parameters += [cv2.IMWRITE_JPEG_RST_INTERVAL, restart]
    if array.ndim == 3:
        parameters += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLINGS[sampling]]
    return cv2.imencode(".jpg", array, parameters)[1].tobytes()


def by_pillow(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88, **options)
    return out.getvalue()


def segments(data):
    """(marker, start, end) up to and with SOS; the last end is where entropy-coded data begins."""
    at = 2
    while True:
        marker = data[at + 1]
        end = at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        yield marker, at, end
        if marker == 0xDA:
            return
        at = end


def scan_start(data):
    return list(segments(data))[-1][2]


def without(data, unwanted):
    """`data` without the segments of these markers."""
    out, last = data[:2], 2
    for marker, start, end in segments(data):
        if marker not in unwanted:
            out += data[start:end]
        last = end
    return out + data[last:]


def frame_header(data):
    return next(start for marker, start, _ in segments(data) if marker in (0xC0, 0xC1, 0xC2))


def with_segment(data, marker, payload, behind_jfif=True):
    at = 2
    if behind_jfif and data[3] == 0xE0:
        at = 4 + struct.unpack(">H", data[4:6])[0]
    segment = bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload
    return data[:at] + segment + data[at:]


def with_exif(data, tiff, behind_jfif=True):
    return with_segment(data, 0xE1, b"Exif\0\0" + tiff, behind_jfif)


def files():
    yield from sizes_and_samplings()
    yield from colour_spaces()
    yield from with_metadata()
    yield from cut_short()
    yield from corrupt()
    yield from odd_structure()


def sizes_and_samplings():
    for width, height in [(1, 1), (1, 7), (7, 1), (2, 2), (3, 3), (17, 13), (1000, 3), (2, 900)]:
        yield f"size_{width}x{height}", encode(picture(width, height))
    yield "size_640x427", encode(picture(640, 427), 90)
    yield "size_512x512", encode(picture(512, 512), 80, "444")
    yield "size_257x255", encode(picture(257, 255), 95)
    for progressive in (0, 1):
        kind = "progressive" if progressive else "baseline"
        for sampling in SAMPLINGS:
            for width, height in [(47, 33), (64, 48), (1, 9), (35, 2)]:
                array = picture(width, height, seed=progressive)
                name = f"{kind}_{sampling}_{width}x{height}"
                yield name, encode(array, sampling=sampling, progressive=progressive)
        for width, height in [(47, 33), (1, 1), (300, 200)]:
            array = picture(width, height, 1, seed=progressive)
            yield f"{kind}_grey_{width}x{height}", encode(array, progressive=progressive)
    for sampling in SAMPLINGS:
        yield f"restarts_{sampling}", encode(picture(83, 61), sampling=sampling, restart=2)
    yield "restarts_progressive", encode(picture(83, 61), progressive=1, restart=3)
    yield "restarts_grey", encode(picture(83, 61, 1), restart=1)
    for quality in (1, 30, 100):
        yield f"quality_{quality}", encode(picture(90, 70), quality)
    yield "optimised_tables", by_pillow(Image.fromarray(picture(90, 70)), optimize=True)


def colour_spaces():
    rgb = Image.fromarray(picture(61, 45))
    adobe_rgb = by_pillow(rgb, keep_rgb=True)
    yield "rgb_with_adobe_transform_0", adobe_rgb
    yield "rgb_by_component_names", without(adobe_rgb, {0xEE})
    yield "rgb_ids_with_jfif", with_segment(
        without(adobe_rgb, {0xEE}), 0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"
    )
    for width, height in [(61, 45), (8, 8), (1, 3)]:
        cmyk = by_pillow(Image.fromarray(picture(width, height, 4), "CMYK"))
        yield f"cmyk_adobe_{width}x{height}", cmyk
        yield f"cmyk_without_adobe_{width}x{height}", without(cmyk, {0xEE})
        ycck = bytearray(cmyk)
        adobe = next(start for marker, start, _ in segments(cmyk) if marker == 0xEE)
        ycck[adobe + 15] = 2
        yield f"ycck_{width}x{height}", bytes(ycck)
    cmyk = Image.fromarray(picture(61, 45, 4, seed=2), "CMYK")
    yield "cmyk_progressive", by_pillow(cmyk, progressive=True)
    ycc = encode(picture(61, 45))
    for transform in (0, 1, 2):
        payload = b"Adobe\0\x64\0\0\0\0" + bytes([transform])
        yield f"ycc_with_adobe_transform_{transform}", with_segment(
            without(ycc, {0xE0}), 0xEE, payload, False
        )
    yield "ycc_without_jfif", without(ycc, {0xE0})
    odd = bytearray(without(ycc, {0xE0}))
    sof = frame_header(bytes(odd))
    scan = next(start for marker, start, _ in segments(bytes(odd)) if marker == 0xDA)
    for index in range(3):
        odd[sof + 10 + 3 * index] = 40 + index
        odd[scan + 5 + 2 * index] = 40 + index
    yield "component_ids_of_no_meaning", bytes(odd)
    yield "grey_with_2x2_sampling_factors", patched(encode(picture(61, 45, 1)), 11, b"\x22")
    yield "two_components", two_components()
    for name, text in ARITHMETIC.items():
        yield name, base64.b64decode(text)


def two_components():
    """A grey file whose frame header claims a second component that no scan brings."""
    grey = encode(picture(33, 21, 1))
    at = frame_header(grey)
    header = bytearray(grey[at : at + 13])
    header[2:4] = struct.pack(">H", 14)
    header[9] = 2
    return grey[:at] + bytes(header) + b"\x02\x11\x00" + grey[at + 13 :]


def with_metadata():
    plain = encode(picture(40, 28))
    for value in range(0, 10):
        endian = "<>"[value % 2]
        yield f"exif_orientation_{value}", with_exif(plain, exif.orientation(endian, value))
    small = encode(picture(16, 12, seed=5), 60)
    for endian, order in (("<", "little"), (">", "big")):
        yield f"exif_camera_{order}_endian", with_exif(plain, exif.camera(endian, small))
        yield f"exif_every_type_{order}_endian", with_exif(plain, exif.types(endian))
        for name, block in exif.broken(endian):
            yield f"exif_{name}_{order}_endian", with_exif(plain, block)
    yield "exif_before_jfif", with_exif(plain, exif.camera("<"), False)
    yield "exif_alone", with_exif(without(plain, {0xE0}), exif.camera(">", small))
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    yield "exif_behind_xmp", with_segment(
        with_exif(plain, exif.camera("<")), 0xE1, xmp
    )
    yield "xmp_alone", with_segment(plain, 0xE1, xmp)
    yield "exif_behind_4000_bytes", with_segment(
        with_exif(plain, exif.orientation("<", 8)), 0xE2, b"FPXR\0" + bytes(4100)
    )
    yield "exif_behind_photoshop", with_segment(
        with_exif(plain, exif.camera("<")), 0xED, b"Photoshop 3.0\x008BIM" + bytes(30)
    )
    yield "exif_behind_the_tables", behind_tables(plain, exif.orientation("<", 6))
    yield "exif_twice", with_exif(with_exif(plain, exif.orientation("<", 6)), exif.orientation(">", 3))
    profile = colour_profile()
    yield "icc_profile", with_segment(plain, 0xE2, b"ICC_PROFILE\0\1\1" + profile)
    yield "icc_and_exif", with_exif(
        with_segment(plain, 0xE2, b"ICC_PROFILE\0\1\1" + profile), exif.camera(">"), False
    )
    yield "comment", with_segment(plain, 0xFE, b"a comment \xff\xd9 with a marker in it")
    yield "exif_segment_too_long", lying_length(with_exif(plain, exif.orientation("<", 6)), 60000)
    yield "exif_segment_too_short", lying_length(with_exif(plain, exif.orientation("<", 6)), 4)


def lying_length(data, length):
    at = next(start for marker, start, _ in segments(data) if marker == 0xE1)
    return data[: at + 2] + struct.pack(">H", length) + data[at + 4 :]


def behind_tables(data, tiff):
    at = next(start for marker, start, _ in segments(data) if marker == 0xDA)
    payload = b"Exif\0\0" + tiff
    return data[:at] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + data[at:]


def cut_short():
    kinds = {
        "baseline": encode(picture(120, 90)),
        "progressive": encode(picture(120, 90), progressive=1),
        "grey": encode(picture(120, 90, 1)),
        "restarts": encode(picture(120, 90), restart=4),
        "cmyk": by_pillow(Image.fromarray(picture(120, 90, 4), "CMYK")),
    }
    for kind, data in kinds.items():
        for per_cent in (3, 10, 50, 90, 99):
            yield f"cut_{kind}_at_{per_cent}_per_cent", cut(data, per_cent)
        yield f"cut_{kind}_last_byte", data[:-1]
        yield f"cut_{kind}_last_2_bytes", data[:-2]
        yield f"cut_{kind}_at_half_with_eoi", cut(data, 50) + b"\xff\xd9"
    yield "cut_behind_the_headers", kinds["baseline"][: scan_start(kinds["baseline"])]
    yield "cut_inside_the_frame_header", kinds["baseline"][: frame_header(kinds["baseline"]) + 7]
    yield "cut_behind_soi", kinds["baseline"][:2]
    yield "cut_to_3_bytes", kinds["baseline"][:3]


def corrupt():
    kinds = {
        "baseline": encode(picture(120, 90, seed=3)),
        "progressive": encode(picture(120, 90, seed=3), progressive=1),
        "restarts": encode(picture(120, 90, seed=3), restart=4),
        "grey": encode(picture(120, 90, 1, seed=3)),
    }
    for kind, data in kinds.items():
        start = scan_start(data)
        for seed in range(4):
            hit = flips(data[:-2], start, 1 + 3 * seed, 40 + seed)
            yield f"flips_{kind}_{seed}", hit + b"\xff\xd9"
            yield f"flips_{kind}_{seed}_without_eoi", hit
        middle = (start + len(data)) // 2
        yield f"zeroes_{kind}", data[:middle] + bytes(40) + data[middle + 40 :]
        yield f"ones_{kind}", data[:middle] + b"\xff" * 10 + data[middle + 10 :]
        for marker in (0xD3, 0xD9, 0xC4, 0x01, 0xD8):
            put = data[:middle] + bytes([0xFF, marker]) + data[middle:]
            yield f"marker_{marker:02x}_in_{kind}", put
        yield f"bytes_lost_in_{kind}", data[: middle - 30] + data[middle:]
    yield "flips_anywhere", flips(kinds["baseline"], 2, 12, 77)
    yield "flips_in_huffman_tables", flips(kinds["baseline"][:-2], 200, 3, 78)


def patched(data, offset, new):
    """`data` with bytes of its frame header replaced, `offset` from the marker."""
    at = frame_header(data) + offset
    return data[:at] + new + data[at + len(new) :]


def odd_structure():
    plain = encode(picture(50, 34))
    start = scan_start(plain)
    yield "garbage_before_eoi", plain[:-2] + b"\x12\x34\x56\x78" * 8 + b"\xff\xd9"
    yield "fill_bytes_before_eoi", plain[:-2] + b"\xff" * 9 + b"\xff\xd9"
    yield "bytes_behind_eoi", plain + b"something else\xff\xd8\xff"
    yield "zeroes_behind_eoi", plain + bytes(500)
    yield "second_image_behind_eoi", plain + encode(picture(20, 20, seed=9))
    yield "two_soi", plain[:2] + plain
    yield "without_soi", plain[2:]
    yield "byte_before_soi", b"\0" + plain
    yield "without_huffman_tables", without(plain, {0xC4})
    yield "without_quantisation_tables", without(plain, {0xDB})
    yield "without_frame_header", without(plain, {0xC0})
    yield "without_scan", without(plain, {0xDA})[:start]
    yield "height_of_zero", patched(plain, 5, b"\0\0")
    dnl = b"\xff\xdc\0\4" + struct.pack(">H", 34)
    yield "height_in_dnl", patched(plain, 5, b"\0\0")[:-2] + dnl + b"\xff\xd9"
    yield "width_of_zero", patched(plain, 7, b"\0\0")
    yield "height_twice_the_truth", patched(plain, 5, struct.pack(">H", 68))
    yield "height_half_the_truth", patched(plain, 5, struct.pack(">H", 17))
    yield "height_of_65535", patched(plain, 5, b"\xff\xff")
    yield "precision_of_12", patched(plain, 4, b"\x0c")
    yield "precision_of_0", patched(plain, 4, b"\0")
    yield "extended_sequential", patched(plain, 1, b"\xc1")
    yield "lossless_frame", patched(plain, 1, b"\xc3")
    yield "two_frame_headers", twice(plain, frame_header(plain))
    yield "fill_bytes_between_segments", plain[:20] + b"\xff\xff\xff" + plain[20:]
    yield "garbage_between_segments", plain[:20] + b"\1\2\3\4" + plain[20:]
    yield "progressive_of_one_scan", one_scan(encode(picture(50, 34), progressive=1))
    yield "sampling_factor_of_five", patched(plain, 11, b"\x51")
    out = io.BytesIO()
    pages = [Image.fromarray(picture(40, 30, seed=seed)) for seed in range(2)]
    pages[0].save(out, "MPO", save_all=True, append_images=pages[1:])
    yield "mpo_of_two", out.getvalue()


def twice(data, at):
    length = 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return data[: at + length] + data[at : at + length] + data[at + length :]


def one_scan(data):
    """A progressive file whose later scans are missing, but not its EOI."""
    start = scan_start(data)
    at = start
    while not (data[at] == 0xFF and data[at + 1] not in (0, 0xFF)):
        at += 1
    return data[:at] + b"\xff\xd9"


# Arithmetic coding, which none of the pinned encoders offers: 40 x 28, by libjpeg's `cjpeg
# -arithmetic -quality 60 -sample 2x2`, without and with `-progressive`.
ARITHMETIC = {
    "arithmetic_baseline": (
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZG"
        "NywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09P"
        "T09PT09PT09PT09PT09PT09PT09PT09PT0//yQARCAAcACgDASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIR"
        "AxEAPwD9wOVc6jNhMh5ZWZQO8PrWNSPwrb62N3BpboQ9m1/31KnaQXCRblliMMKqneFQ3eu2uN7xDD7WgYF3s77I"
        "4yAlLfTC5ZAOXaL8fpQPevaeFsqA8WJ2WUjurLmpHj+q5NM7bfoK6gOQeA5uf3Jd1boishjKWvy4LVoFxRw4rJXw"
        "27mi2SF4/pgHlgKK/WauFYWM/wD9keVoXf7/AAoxThTmQLWUmzCXBW88qtY+gIKzrECleS6Izum56XMPkr3pGtGc"
        "inf5d1iTFsri8ATXDhEgVXt+Y98dOIf+UpLD2MBIdLJXnWyQDgO6hq1hRPeIHCpPRRGt4vgoAgAE8P/Z"
    ),
    "arithmetic_progressive": (
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZG"
        "NywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09P"
        "T09PT09PT09PT09PT09PT09PT09PT09PT0//ygARCAAcACgDASIAAhEBAxEB/8wABgAQARD/2gAMAwEAAhADEAAA"
        "Aft/vn1SfIdRxrAQc6eTcGlxRkPzSJ45Z5Q28MXg/8wABBAF/9oACAEBAAEFAhqpbPIof/gknpu6Gj0KIJGXh5t3"
        "foTFzQGPIhD/zAAEEQX/2gAIAQMBAT8BHrP/AJ1oTMb5TX5FWBH/zAAEEQX/2gAIAQIBAT8BJF3uTSlyLW7F4iw9"
        "FGfM/8wABBAF/9oACAEBAAY/AsdxcN+A/8wABBAF/9oACAEBAAE/IdM9byBD9xCDboY1EaVQ0Zi0hELUcRA4wTz+"
        "0QqCOthC+gjM0SDImeXtDmD/2gAMAwEAAgADAAAAEADjECtg/8wABBEF/9oACAEDAQE/EEHy0xlU0yxMm0rA/8wA"
        "BBEF/9oACAECAQE/EOiZkEQZn15LEjMQ/8wABBAF/9oACAEBAAE/EHhaAOYncLHQOQWhwf2I+Ob1e4mRdqcAVyFA"
        "qdphfuRETFBoIKl6Dzhjd/osBwOlyjXS+5rNkC/UCtN4QxoWeYVgjN2xxN5d8CLzAHoFXJpjAgSUUxfnI6yA/9k="
    ),
}
