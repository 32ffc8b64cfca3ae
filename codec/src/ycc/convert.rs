//! Owns converting rows of Y, Cb and Cr at equal resolution to RGB: ITU-R BT.601 as in JFIF, bit for bit
//! by libjpeg-turbo's integer arithmetic. Never upsamples.

/// A factor with 16 bits of fraction, rounded.
const fn fixed(factor: f64) -> i32 {
    (factor * 65536.0 + 0.5) as i32
}

// The factors without the whole multiples of chroma, which are added separately, so that they fit 16 bits.
const RED: i16 = (fixed(1.402) - (1 << 16)) as i16;
const GREEN_OF_BLUE: i16 = -fixed(0.34414) as i16;
const GREEN_OF_RED: i16 = ((1 << 16) - fixed(0.71414)) as i16;
const BLUE: i16 = (fixed(1.772) - (2 << 16)) as i16;

/// Converts a row pixel by pixel.
pub(super) fn convert(luma: &[u8], blue: &[u8], red: &[u8], into: &mut [u8]) {
    const HALF: i32 = 1 << 15;
    let times = |value: i32, factor: i16| (value * i32::from(factor) + HALF) >> 16;
    let pixels = into.as_chunks_mut::<3>().0.iter_mut();
    for (((pixel, &y), &b), &r) in pixels.zip(luma).zip(blue).zip(red) {
        let (y, b, r) = (i32::from(y), i32::from(b) - 128, i32::from(r) - 128);
        let green = i32::from(GREEN_OF_BLUE) * b + i32::from(GREEN_OF_RED) * r + HALF;
        let channels = [
            y + r + times(r, RED),
            y - r + (green >> 16),
            y + 2 * b + times(b, BLUE),
        ];
        *pixel = channels.map(|channel| channel.clamp(0, 255) as u8);
    }
}

/// Converts a row in vectors, and the rest pixel by pixel.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
pub(super) fn convert_avx2(luma: &[u8], blue: &[u8], red: &[u8], into: &mut [u8]) {
    let (lumas, luma) = luma.as_chunks();
    let (blues, blue) = blue.as_chunks();
    let (reds, red) = red.as_chunks();
    let (blocks, into) = into.split_at_mut(lumas.len() * avx2::BLOCK * 3);
    let blocks = blocks.as_chunks_mut().0.iter_mut();
    for (((into, luma), blue), red) in blocks.zip(lumas).zip(blues).zip(reds) {
        avx2::block(luma, blue, red, into);
    }
    convert(luma, blue, red, into);
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::{BLUE, GREEN_OF_BLUE, GREEN_OF_RED, RED};

    /// Pixels per vector of Y, Cb or Cr.
    pub(super) const BLOCK: usize = 32;

    /// For each of three vectors of RGB and each channel, which of 16 samples goes to each byte; others are
    /// zeroed.
    const PLACES: [[[i8; 16]; 3]; 3] = {
        let mut places = [[[-1; 16]; 3]; 3];
        let mut at = 0;
        while at < 48 {
            places[at / 16][at % 3][at % 16] = (at / 3) as i8;
            at += 1;
        }
        places
    };

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn block(
        luma: &[u8; BLOCK],
        blue: &[u8; BLOCK],
        red: &[u8; BLOCK],
        into: &mut [u8; 3 * BLOCK],
    ) {
        let [y, b, r] = [luma, blue, red].map(|row| {
            // SAFETY: the row is an array of `BLOCK` = 32 bytes.
            unsafe { _mm256_loadu_si256(row.as_ptr().cast()) }
        });
        let zero = _mm256_setzero_si256();
        let low = colours(
            _mm256_unpacklo_epi8(y, zero),
            _mm256_unpacklo_epi8(b, zero),
            _mm256_unpacklo_epi8(r, zero),
        );
        let high = colours(
            _mm256_unpackhi_epi8(y, zero),
            _mm256_unpackhi_epi8(b, zero),
            _mm256_unpackhi_epi8(r, zero),
        );
        // The first 16 pixels in the lower lane, the others in the upper one.
        let channels: [_; 3] = std::array::from_fn(|at| _mm256_packus_epi16(low[at], high[at]));
        for (at, places) in PLACES.iter().enumerate() {
            let [r, g, b]: [_; 3] = std::array::from_fn(|channel| {
                // SAFETY: the places are an array of 16 bytes.
                let places = unsafe { _mm_loadu_si128(places[channel].as_ptr().cast()) };
                _mm256_shuffle_epi8(channels[channel], _mm256_broadcastsi128_si256(places))
            });
            let pixels = _mm256_or_si256(_mm256_or_si256(r, g), b);
            // SAFETY: `into` has 96 bytes; `at` is below 3, so 16 bytes at `16 * at` and 48 later are within.
            unsafe {
                let into = into.as_mut_ptr().add(16 * at);
                _mm_storeu_si128(into.cast(), _mm256_castsi256_si128(pixels));
                _mm_storeu_si128(into.add(48).cast(), _mm256_extracti128_si256::<1>(pixels));
            }
        }
    }

    /// R, G and B, not clipped yet.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn colours(y: __m256i, b: __m256i, r: __m256i) -> [__m256i; 3] {
        let middle = _mm256_set1_epi16(128);
        let (b, r) = (_mm256_sub_epi16(b, middle), _mm256_sub_epi16(r, middle));
        let factors = i32::from(GREEN_OF_RED) << 16 | i32::from(GREEN_OF_BLUE as u16);
        let green = |pairs| {
            let sum = _mm256_madd_epi16(pairs, _mm256_set1_epi32(factors));
            _mm256_srai_epi32::<16>(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << 15)))
        };
        let green = _mm256_packs_epi32(
            green(_mm256_unpacklo_epi16(b, r)),
            green(_mm256_unpackhi_epi16(b, r)),
        );
        [
            _mm256_add_epi16(_mm256_add_epi16(y, r), times(r, RED)),
            _mm256_add_epi16(_mm256_sub_epi16(y, r), green),
            _mm256_add_epi16(_mm256_add_epi16(y, _mm256_add_epi16(b, b)), times(b, BLUE)),
        ]
    }

    /// The rounded high half of a product: computed with twice the value, then halved with rounding.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn times(value: __m256i, factor: i16) -> __m256i {
        let twice = _mm256_mulhi_epi16(_mm256_add_epi16(value, value), _mm256_set1_epi16(factor));
        _mm256_srai_epi16::<1>(_mm256_add_epi16(twice, _mm256_set1_epi16(1)))
    }
}
