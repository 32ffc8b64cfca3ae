"""Owns what is no supported image: other formats, documents and nothing at all.

`files()` yields (name, extension, bytes), because here the extension is not the module's.
"""

import io
import struct

import cv2
import numpy as np
from PIL import Image

from .picture import picture


def files():
    rgb = picture(40, 30)
    yield "empty", "bin", b""
    yield "one_byte", "bin", b"\xff"
    yield "zeroes", "bin", bytes(2000)
    yield "noise", "bin", np.random.default_rng(8).integers(0, 256, 3000, dtype=np.uint8).tobytes()
    yield "page", "html", b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n" * 5
    yield "drawing", "svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    yield "document", "pdf", b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    yield "answer", "json", b'{"error": "forbidden"}'
    for name, extension in [("icon", "ico"), ("cursor", "dds"), ("targa", "tga")]:
        yield name, extension, by_pillow(rgb, extension.upper())
    yield "photoshop", "psd", b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 30, 40, 8, 3) + bytes(4000)
    yield "codestream", "j2k", by_pillow(rgb, "JPEG2000", no_jp2=True)
    yield "boxes", "jp2", by_pillow(rgb, "JPEG2000")
    yield "still", "avif", by_pillow(rgb, "AVIF", speed=10)
    yield "brand_only", "avif", struct.pack(">I", 24) + b"ftypavif\0\0\0\0avifmif1"
    yield "brand_only", "heic", struct.pack(">I", 24) + b"ftypheic\0\0\0\0heicmif1"
    yield "signature_only", "jxl", b"\xff\x0a" + bytes(60)
    for extension, array in [("ppm", rgb), ("pgm", rgb[..., 0]), ("pbm", rgb[..., 0] // 128 * 255)]:
        yield "binary", extension, cv2.imencode(f".{extension}", array)[1].tobytes()
    yield "ascii", "ppm", b"P3 2 1 255 255 0 0 0 255 0\n"
    yield "binary", "pam", cv2.imencode(".pam", rgb)[1].tobytes()
    yield "floats", "pfm", cv2.imencode(".pfm", rgb.astype(np.float32) / 255)[1].tobytes()
    yield "floats", "hdr", cv2.imencode(".hdr", rgb.astype(np.float32) / 255)[1].tobytes()
    yield "raster", "ras", cv2.imencode(".ras", rgb)[1].tobytes()


def by_pillow(array, kind, **options):
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind, **options)
    return out.getvalue()
