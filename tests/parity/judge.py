"""Owns the measures of difference and the tables: maximum, share, SSIM, ratios, worst of each."""

import collections
import fnmatch

import cv2
import numpy as np


def pixel_difference(ours, theirs):
    """(largest difference in levels, share of pixels that differ at all)."""
    gap = cv2.absdiff(ours, theirs)
    largest = int(gap.max())
    if largest == 0:
        return 0, 0.0
    if gap.ndim == 3:
        gap = gap.max(axis=2)
    return largest, float((gap > 0).mean())


def ssim(ours, theirs):
    """Mean SSIM over the channels, Gaussian window of 11 and sigma 1.5."""
    ours, theirs = ours.astype(np.float32), theirs.astype(np.float32)

    def blurred(plane):
        return cv2.GaussianBlur(plane, (11, 11), 1.5, borderType=cv2.BORDER_REPLICATE)

    mean_a, mean_b = blurred(ours), blurred(theirs)
    variance_a = blurred(ours * ours) - mean_a**2
    variance_b = blurred(theirs * theirs) - mean_b**2
    covariance = blurred(ours * theirs) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    above = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    below = (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    return float((above / below).mean())


class Axis:
    """The figures of one axis: a row a case, the worst of each column kept with its name."""

    def __init__(self, name):
        self.name, self.cases, self.equal = name, 0, 0
        self.worst = {}
        self.sums = collections.defaultdict(float)
        self.counts = collections.Counter()

    def note(self, name, largest=(), smallest=(), **figures):
        for key, value in figures.items():
            self.sums[key] += value
            self.counts[key] += 1
            known = self.worst.get(key)
            better = known is not None and (value <= known[0] if key in largest else value >= known[0])
            if not better:
                self.worst[key] = (value, name)

    def row(self):
        parts = []
        for key, (value, name) in self.worst.items():
            mean = self.sums[key] / self.counts[key]
            parts.append(f"{key}: mean {mean:.5g}, worst {value:.5g} ({name})")
        return f"{self.name:28} {self.cases:6} cases {self.equal:6} equal  " + "; ".join(parts)


class Ledger:
    """Every mismatch, and which of them stand in the list of exceptions."""

    def __init__(self, exceptions):
        self.exceptions = exceptions
        self.used = collections.Counter()
        self.excused = collections.defaultdict(list)
        self.unlisted = []

    def mismatch(self, axis, name, what):
        for index, (axes, names, whats, _) in enumerate(self.exceptions):
            if fnmatch.fnmatch(axis, axes) and fnmatch.fnmatch(name, names) and fnmatch.fnmatch(what, whats):
                self.used[index] += 1
                self.excused[index].append((axis, name, what))
                return
        self.unlisted.append((axis, name, what))

    def print(self, verbose):
        print("\nListed exceptions met:")
        for index, (axes, names, whats, reason) in enumerate(self.exceptions):
            met = self.used[index]
            print(f"  {met:6} x  {axes} | {names} | {whats}\n            {reason}")
            if verbose:
                for case in sorted(set(self.excused[index])):
                    print("              ", *case)
        print(f"\nUnlisted mismatches: {len(self.unlisted)}")
        grouped = collections.defaultdict(list)
        for axis, name, what in self.unlisted:
            grouped[axis, name].append(what)
        for (axis, name), whats in grouped.items():
            more = f"  (and {len(whats) - 1} more)" if len(whats) > 1 else ""
            print(f"  {axis:10} {name:60} {whats[0]}{more}")
