//! Owns what the passes ask of a processor: sixteen floats at a time, and thirty-two small sums.
//! The forms are `portable`, `avx2`, `avx512` and `neon`. Never decides which of them runs.

/// Floats of a block.
pub(super) const FLOATS: usize = 16;
/// Sums of a block.
pub(super) const SUMS: usize = 32;

/// Sixteen floats in whatever registers hold them.
///
/// Every function asks that the processor has the instructions of the form, and that a pointer
/// may be read (or written) for as many elements as the function says.
pub(super) trait Lanes: Copy {
    /// Sixteen times `value`.
    unsafe fn splat(value: f32) -> Self;

    /// Sixteen floats.
    unsafe fn load(from: *const f32) -> Self;

    /// Sixteen floats.
    unsafe fn store(self, into: *mut f32);

    /// `self + other`.
    unsafe fn add(self, other: Self) -> Self;

    /// `self * by + sum`, rounded once or twice.
    unsafe fn mul_add(self, by: Self, sum: Self) -> Self;

    /// Sixteen bytes.
    unsafe fn from_bytes(from: *const u8) -> Self;

    /// Sixteen bytes: rounded, half to even, and cut to 0..=255.
    unsafe fn store_bytes(self, into: *mut u8);

    /// Four floats at each of four starts.
    unsafe fn pixels(line: *const f32, starts: *const u32) -> Self;

    /// The first three of every four floats, twelve in a row and four of anything.
    unsafe fn store_pixels(self, into: *mut f32);

    /// The first three of every four floats as bytes, twelve in a row and four of anything.
    unsafe fn store_pixel_bytes(self, into: *mut u8);

    /// Sums along bytes, four pixels of three and a lane of anything: of pixel `k` the pairs of
    /// bytes three apart from `row + starts[k]` on, six bytes further for every pair, with
    /// `weights`: eight for each pixel, thirty-two for each pair. Sixteen bytes may be read at
    /// every other pair.
    unsafe fn fixed_pixels<const PAIRS: usize>(
        row: *const u8,
        starts: *const u32,
        weights: *const i16,
    ) -> Self;

    /// Float `k` is the sum of `line[starts[k]..][..count] * weights[k * count..][..count]`.
    /// `count` is four or a multiple of eight.
    unsafe fn dots(line: *const f32, starts: *const u32, weights: *const f32, count: usize)
    -> Self;

    /// The means of two by two pixels, rounded half up, of two rows of thirty-two bytes: sixteen
    /// of grey, or four of RGB and four bytes of anything.
    unsafe fn halve<const CHANNELS: usize>(top: *const u8, bottom: *const u8, into: *mut u8);

    /// Thirty-two sums of bytes, 16 bits each.
    type Sums: Copy;

    /// Sums of nothing.
    unsafe fn no_sums() -> Self::Sums;

    /// Adds thirty-two bytes; at most 256 times.
    unsafe fn add_bytes(sums: Self::Sums, from: *const u8) -> Self::Sums;

    /// The sums as floats.
    unsafe fn from_sums(sums: Self::Sums) -> [Self; 2];
}
