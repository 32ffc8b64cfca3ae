"""Owns the list of differences from img2dataset that are meant, each with its reason.

A row is (axis, file name, what differs, reason); the first three are shell patterns.
"""

EXCEPTIONS = [
    ("*", "other_*.jp2", "status*", "JPEG 2000 is not supported"),
    ("*", "other_*.j2k", "status*", "JPEG 2000 is not supported"),
    ("*", "other_still.avif", "status*", "AVIF is not supported"),
    ("*", "other_*.p[pgba]m", "status*", "PNM is not supported"),
    ("*", "other_*.pfm", "status*", "PFM is not supported"),
    ("*", "other_*.hdr", "status*", "Radiance HDR is not supported"),
    ("*", "other_*.ras", "status*", "Sun raster is not supported"),
    ("*", "tiff_compression_of_999.tiff", "status*", "an unknown compression gives black there; ours refuses it"),
    (
        "encode",
        "png_size_?x1_grey_1.png",
        "bytes*png 6*",
        "a few grey pixels blown up to a smooth ramp; over all images level 6 is smaller than theirs",
    ),
    ("policy", "*", "status*disable_all_reencoding*", "bytes that are no whole image are never stored"),
    ("policy", "jpg_*", "kept: ours True, theirs False*", "imghdr knows a JPEG only by JFIF or Exif in front"),
    ("exif", "other_brand_only.heic", "*", "HEIC is refused by both, so nobody sees its EXIF"),
]
