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
    ("zune", "jpg_arithmetic_*", "status*", "zune-jpeg has no arithmetic decoding"),
    ("zune", "jpg_without_huffman_tables.jpg", "status*", "only libjpeg-turbo brings the standard tables along"),
    ("zune", "jpg_marker_c4_*", "status*", "a table marker inside a scan: libjpeg-turbo steps over it"),
    ("zune", "jpg_marker_d8_*", "status*", "a second start of image: libjpeg-turbo ends there"),
    ("zune", "jpg_height_of_65535.jpg", "status*", "most rows are missing: zune-jpeg leaves them grey"),
    ("zune", "jpg_ones_*", "status*", "ones for entropy-coded data: zune-jpeg goes on"),
    ("zune", "jpg_flips_*", "status*", "no end of image: libjpeg-turbo needs none where its scan was whole"),
    *(
        ("zune", f"jpg_{kind}*", "pixels*", "behind the damage each decoder goes on in its own way")
        for kind in ("flips_", "marker_", "bytes_lost_", "zeroes_", "ones_", "cut_", "height_twice_")
    ),
    ("zune", "jpg_progressive_of_one_scan.jpg", "pixels*", "libjpeg-turbo smooths blocks whose AC is missing"),
    ("zune", "jpg_rgb_ids_with_jfif.jpg", "pixels*", "libjpeg-turbo believes JFIF, zune-jpeg the ids"),
    ("zune", "jpg_size_2x900.jpg", "pixels*", "chroma of one sample's width is upsampled differently"),
    ("zune", "jpg_size_3x3.jpg", "pixels*", "chroma of two samples' width is upsampled differently"),
    ("exif", "other_brand_only.heic", "*", "HEIC is refused by both, so nobody sees its EXIF"),
]
