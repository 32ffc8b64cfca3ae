"""Owns what all formats of the edge set share: its pixels, its colour profile, and ways to spoil."""

import numpy as np
from PIL import ImageCms


def picture(width, height, channels=3, seed=0, levels=256):
    """A uint8 or uint16 array of height x width (x channels, where there are several)."""
    rng = np.random.default_rng(1000 * seed + width * 31 + height * 7 + channels)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = []
    for channel in range(channels):
        wave = np.sin(x * (0.11 + 0.05 * channel) + seed) * np.cos(y * (0.07 + 0.03 * channel))
        ramp = (x * (channel + 1) + y * 2) / (max(width, height) * (channel + 1))
        block = ((x // 9 + y // 7) % 2) * 0.25
        noise = rng.uniform(-0.06, 0.06, x.shape)
        planes.append(0.35 + 0.25 * wave + 0.3 * ramp + block * (channel != 1) - 0.1 + noise)
    array = np.clip(np.stack(planes, axis=-1), 0, 1) * (levels - 1)
    array = np.rint(array).astype(np.uint16 if levels > 256 else np.uint8)
    return array[..., 0] if channels == 1 else array


def alpha(width, height, top=255):
    """An alpha plane with a transparent corner, an opaque corner and all between."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    ramp = (x + y) / max(width + height - 2, 1) * 1.6 - 0.3
    return np.rint(np.clip(ramp, 0, 1) * top).astype(np.uint16 if top > 255 else np.uint8)


def with_alpha(array, top=255):
    """`array` with an alpha plane behind its channels."""
    if array.ndim == 2:
        array = array[..., np.newaxis]
    height, width = array.shape[:2]
    return np.concatenate([array, alpha(width, height, top)[..., np.newaxis]], axis=-1)


def colour_profile():
    """An ICC profile of sRGB, with a fixed date in place of today's."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + bytes([7, 232, 0, 2, 0, 29, 0, 0, 0, 0, 0, 0]) + profile[36:]


def flips(data, start, count, seed, keep=b"\xff"):
    """`data` with `count` bytes changed behind `start`; bytes in `keep` are neither hit nor made."""
    rng = np.random.default_rng(seed)
    out = bytearray(data)
    places = [at for at in range(start, len(out)) if out[at] not in keep]
    for at in sorted(rng.choice(places, min(count, len(places)), replace=False).tolist()):
        value = int(rng.integers(0, 255))
        out[at] = value if value not in keep else 0x5A
    return bytes(out)


def cut(data, per_cent):
    """The first `per_cent` of `data`."""
    return data[: len(data) * per_cent // 100]
