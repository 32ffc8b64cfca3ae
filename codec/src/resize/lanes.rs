//! Owns the interface between the passes and the processor: 16 floats at a time, and 32 small sums. The
//! forms are `portable`, `avx2`, `avx512` and `neon`. Never chooses one.

/// Floats per block.
pub(super) const FLOATS: usize = 16;
/// Sums per block.
pub(super) const SUMS: usize = 32;

/// 16 floats in one or more registers.
///
/// # Safety
/// Every function requires that the processor has the instructions of the form, as
/// [`Form::runs`](super::separable::Form::runs) detects them, and that its pointers are readable or
/// writable as its own section says.
pub(super) trait Lanes: Copy {
    /// `value` in all lanes.
    unsafe fn splat(value: f32) -> Self;

    /// Loads 16 floats.
    ///
    /// # Safety
    /// `from` is readable for 16 floats.
    unsafe fn load(from: *const f32) -> Self;

    /// Stores 16 floats.
    ///
    /// # Safety
    /// `into` is writable for 16 floats.
    unsafe fn store(self, into: *mut f32);

    /// `self + other`.
    unsafe fn add(self, other: Self) -> Self;

    /// `self * by + sum`, rounded once or twice.
    unsafe fn mul_add(self, by: Self, sum: Self) -> Self;

    /// Loads 16 bytes as floats.
    ///
    /// # Safety
    /// `from` is readable for 16 bytes.
    unsafe fn from_bytes(from: *const u8) -> Self;

    /// Stores 16 bytes: rounded half to even and clamped to 0..=255.
    ///
    /// # Safety
    /// `into` is writable for 16 floats.
    ///
    /// # Safety
    /// `into` is writable for 16 bytes.
    unsafe fn store_bytes(self, into: *mut u8);

    /// Loads 4 floats at each of 4 starts.
    ///
    /// # Safety
    /// `starts` is readable for 4 starts, and `line` for 4 floats at each.
    unsafe fn pixels(line: *const f32, starts: *const u32) -> Self;

    /// Stores the first 3 of every 4 floats: 12 in a row, then 4 unspecified ones.
    ///
    /// # Safety
    /// `into` is writable for 16 floats.
    ///
    /// # Safety
    /// `into` is writable for 16 floats, of which the last store takes 9 to 12.
    unsafe fn store_pixels(self, into: *mut f32);

    /// Stores the first 3 of every 4 floats as bytes: 12 in a row, then 4 unspecified ones.
    ///
    /// # Safety
    /// `into` is writable for 16 floats.
    ///
    /// # Safety
    /// `into` is writable for 16 bytes.
    unsafe fn store_pixel_bytes(self, into: *mut u8);

    /// Weighted sums of bytes for 4 pixels of 3 channels, with the fourth lane of each unspecified. Pixel
    /// `k` takes pairs of bytes 3 apart from `row + starts[k]` on, 6 bytes further for every pair.
    /// `weights` has 8 for each pixel, 32 for each pair.
    ///
    /// # Safety
    /// `starts` is readable for 4 starts, `weights` for 32 weights per pair, and `row` for 16 bytes
    /// at every other pair from each start.
    unsafe fn fixed_pixels<const PAIRS: usize>(
        row: *const u8,
        starts: *const u32,
        weights: *const i16,
    ) -> Self;

    /// Float `k` is the sum of `line[starts[k]..][..count] * weights[k * count..][..count]`.
    /// `count` is four or a multiple of eight.
    ///
    /// # Safety
    /// `starts` is readable for 16 starts, `line` for `count` floats at each, and `weights` for 16
    /// times `count` floats; `count` is 4 or a multiple of 8.
    unsafe fn dots(line: *const f32, starts: *const u32, weights: *const f32, count: usize)
    -> Self;

    /// The means of two by two pixels, rounded half up, of two rows of 32 bytes: 16 of grey, or 4 of RGB
    /// and 4 unspecified bytes.
    ///
    /// # Safety
    /// `top` and `bottom` are readable for 32 bytes, and `into` is writable for 16.
    unsafe fn halve<const CHANNELS: usize>(top: *const u8, bottom: *const u8, into: *mut u8);

    /// 32 sums of bytes, 16 bits each.
    type Sums: Copy;

    /// Sums of zero.
    unsafe fn no_sums() -> Self::Sums;

    /// Adds 32 bytes; at most 256 times.
    ///
    /// # Safety
    /// `from` is readable for 32 bytes.
    unsafe fn add_bytes(sums: Self::Sums, from: *const u8) -> Self::Sums;

    /// The sums as floats.
    unsafe fn from_sums(sums: Self::Sums) -> [Self; 2];
}
