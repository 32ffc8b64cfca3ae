"""Writes codec/tests/goldens: a part of the edge set, and what img2dataset makes of each file.

The codec's own tests hold it to these without Python. A case is a file and settings; it has the
status, the sizes and the pixels before encoding (as PNG), and the file has its EXIF text. Files
that stand in exceptions.py are left out. Run it again whenever the edge set changes.
"""

import fnmatch
import json

import edges
from exceptions import EXCEPTIONS
from example import ROOT
from sides import Theirs, high_bytes, quiet

GOLDENS = ROOT / "codec" / "tests" / "goldens"
BYTES_MAX = 1_500_000

# Decoded as stored, one case each.
DECODED = """
jpg_size_1x1 jpg_size_17x13 jpg_baseline_4??_47x33 jpg_progressive_4??_47x33 jpg_baseline_grey_47x33
jpg_restarts_420 jpg_rgb_with_adobe_transform_0 jpg_rgb_by_component_names jpg_cmyk_adobe_61x45
jpg_cmyk_without_adobe_8x8 jpg_ycck_61x45 jpg_ycc_with_adobe_transform_0 jpg_arithmetic_*
jpg_exif_orientation_[68] jpg_exif_camera_* jpg_exif_every_type_* jpg_exif_*_little_endian
jpg_exif_behind_xmp jpg_exif_before_jfif jpg_exif_behind_the_tables jpg_icc_and_exif
jpg_cut_baseline_at_50_per_cent jpg_cut_progressive_last_2_bytes jpg_cut_grey_at_half_with_eoi
jpg_cut_baseline_last_byte jpg_flips_baseline_1 jpg_flips_progressive_1 jpg_zeroes_baseline
jpg_marker_d9_in_baseline jpg_garbage_before_eoi jpg_bytes_behind_eoi jpg_second_image_behind_eoi
jpg_precision_of_12 jpg_height_of_zero jpg_two_soi
png_grey_1 png_grey_2 png_grey_16 png_rgb_8_interlaced png_rgb_16 png_palette_1 png_palette_4_interlaced
png_grey_alpha_8 png_grey_alpha_16 png_rgba_8 png_rgba_16_interlaced png_filter_4_rgb png_palette_4_trns
png_palette_8_trns_opaque png_grey_8_trns png_rgb_8_trns png_rgb_16_trns png_palette_missing
png_chunk_gama_45455 png_chunk_iccp png_chunk_unknown_critical png_exif_before_idat png_zero_length_idats
png_cut_at_50_per_cent png_cut_iend png_bytes_behind_iend png_bad_crc_in_idat png_flips_in_zlib_1
png_too_few_rows png_apng_with_hidden_default png_cgbi
webp_lossy_17x13 webp_lossless_17x13 webp_lossy_alpha_17x13 webp_lossless_alpha_17x13 webp_vp8x_exif
webp_vp8x_exif_behind_a_mark webp_vp8x_exif_not_in_the_flags webp_vp8x_exif_broken webp_animated_rgb
webp_animated_first_frame_smaller_alpha_on_ff3366cc webp_cut_lossy_at_90_per_cent
webp_riff_size_too_large_lossy webp_bytes_behind_lossless webp_vp8x_of_another_size
gif_size_17x13 gif_colours_4 gif_interlaced_of_9_rows gif_transparent gif_frame_smaller
gif_frame_smaller_transparent gif_frame_larger gif_local_palette gif_animated_disposal_2
gif_animated_first_frame_smaller gif_cut_at_50_per_cent gif_version_87a
bmp_rgb_24_17x13 bmp_palette_1_33x20 bmp_palette_4_33x20 bmp_palette_8_grey bmp_rgb_16 bmp_rgb_16_masks_565
bmp_rgb_32_alpha_ignored bmp_v4_with_alpha bmp_rle8_33x20 bmp_rle4_33x20 bmp_rgb_24_top_down bmp_os2_24
bmp_cut_at_50_per_cent
tiff_grey_1 tiff_grey_8 tiff_rgb_16 tiff_rgba_8_unassociated tiff_grey_alpha_8_unassociated tiff_cmyk_8
tiff_palette_8 tiff_lzw_predictor_2_rgb tiff_deflate_rgb_tiles tiff_packbits_rgb_strips tiff_planar
tiff_big_endian_rgb tiff_big_tiff tiff_two_pages tiff_orientation_6 tiff_with_texts tiff_cut_at_50_per_cent tiff_fax_*
other_empty other_page other_document
""".split()

# Resized too: every mode and filter up and down.
RESIZED = ["jpg_size_17x13", "jpg_baseline_420_47x33", "jpg_baseline_grey_47x33", "png_rgba_8", "gif_frame_smaller"]
MODES = ("border", "keep_ratio", "keep_ratio_largest", "center_crop")
FILTERS = ("nearest", "linear", "cubic", "area", "lanczos")


def settings_of(stem):
    yield {"mode": "no"}
    if stem in RESIZED:
        for index, name in enumerate(FILTERS):
            for offset, size in enumerate((11, 40)):
                mode = MODES[(index + offset * 2) % len(MODES)]
                yield {"mode": mode, "size": size, "upscale": name, "downscale": name}
        yield {"mode": "center_crop", "size": 14, "only_if_bigger": True}


def listed(name):
    return any(fnmatch.fnmatch(name, names) for axis, names, _, _ in EXCEPTIONS if axis in ("*", "decode"))


def clear():
    """Removes what an earlier run wrote; folders beside it belong to others."""
    GOLDENS.mkdir(parents=True, exist_ok=True)
    for path in GOLDENS.iterdir():
        if path.is_file():
            path.unlink()


def case(theirs, name, body, settings):
    """The manifest's row; its pixels are written beside it."""
    row = {"file": name, "settings": settings}
    answer = theirs.process(high_bytes(body)[0], format="png", quality=9, **settings)
    if answer.status != "success":
        return row | {"success": False}
    label = "_".join(str(value) for value in settings.values())
    pixels = f"{name.replace('.', '_')}-{label}.png"
    (GOLDENS / pixels).write_bytes(answer.file)
    return row | {"success": True, "size": answer.size, "original": answer.original, "pixels": pixels}


def main():
    quiet()
    clear()
    theirs, files, cases = Theirs(), [], []
    unmet = set(DECODED)
    for name, body in edges.edge_files():
        stem = name.rsplit(".", 1)[0]
        wanted = [pattern for pattern in DECODED if fnmatch.fnmatch(stem, pattern)]
        if not wanted or listed(name):
            continue
        unmet -= set(wanted)
        (GOLDENS / name).write_bytes(body)
        files.append({"file": name, "exif": theirs.exif(body)})
        cases += [case(theirs, name, body, settings) for settings in settings_of(stem)]
    rows = [json.dumps(row) for row in files]
    text = ",\n    ".join(rows), ",\n    ".join(json.dumps(row) for row in cases)
    manifest = '{{\n  "files": [\n    {}\n  ],\n  "cases": [\n    {}\n  ]\n}}\n'.format(*text)
    (GOLDENS / "manifest.json").write_text(manifest)
    total = sum(path.stat().st_size for path in GOLDENS.iterdir() if path.is_file())
    print(f"{len(files)} files, {len(cases)} cases, {total} bytes; not in the set or excepted: {sorted(unmet)}")
    assert total < BYTES_MAX, "the goldens are too large to keep"


if __name__ == "__main__":
    main()
