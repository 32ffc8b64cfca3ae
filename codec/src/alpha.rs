//! Owns removing alpha: compositing RGBA over white, as img2dataset computes it, or dropping it.

/// Pixels composited at a time.
const BLOCK: usize = 16;

/// Composites `pixels` RGBA pixels at the start of `samples` over white, in place; the RGB result fills
/// the first three quarters.
///
/// The rule is `alpha / 255 * colour + 255 - alpha` in double precision, clipped, then rounded half to
/// even. In integers it is 255 minus the rounded `alpha * (255 - colour) / 255`: an odd divisor gives no
/// halves, and every fraction is further from a half than the rounding errors of doubles.
pub(crate) fn composite_over_white(samples: &mut [u8], pixels: usize) {
    let blocks = pixels / BLOCK;
    for block in 0..blocks {
        let mut rgba = [0; BLOCK];
        let stored = &samples[block * BLOCK * 4..][..BLOCK * 4];
        for (word, &pixel) in rgba.iter_mut().zip(stored.as_chunks().0) {
            *word = u32::from_le_bytes(pixel);
        }
        // The output overlaps input that has been read already only.
        let out = &mut samples[block * BLOCK * 3..][..BLOCK * 3];
        if rgba.iter().fold(u32::MAX, |all, word| all & word) < OPAQUE {
            rgba = rgba.map(over_white);
        }
        for (four, words) in rgba.as_chunks().0.iter().zip(out.as_chunks_mut().0) {
            pack(*four, words);
        }
    }
    for pixel in blocks * BLOCK..pixels {
        let [red, green, blue, alpha] = [0, 1, 2, 3].map(|channel| samples[pixel * 4 + channel]);
        let rgba = over_white(u32::from_le_bytes([red, green, blue, alpha]));
        samples[pixel * 3..pixel * 3 + 3].copy_from_slice(&rgba.to_le_bytes()[..3]);
    }
}

/// The smallest word whose highest byte, the alpha, is 255.
const OPAQUE: u32 = 0xFF00_0000;

/// The three colours of a pixel over white, red in the lowest byte; the highest byte is unspecified.
///
/// Red and blue share instructions, each in the 16 bits that it needs.
fn over_white(rgba: u32) -> u32 {
    const RED_BLUE: u32 = 0x00FF_00FF;
    let alpha = rgba >> 24;
    let missing = !rgba;
    // x / 255, rounded, is (x + 128 + (x + 128) / 256) / 256 for all products of two bytes.
    let red_blue = (missing & RED_BLUE) * alpha + 0x0080_0080;
    let green = (missing >> 8 & 0xFF) * alpha + 0x80;
    let red_blue = (red_blue + (red_blue >> 8 & RED_BLUE)) >> 8 & RED_BLUE;
    let green = (green + (green >> 8)) >> 8;
    !(red_blue | green << 8)
}

/// Copies the colours of RGBA as they are stored to `into`, as RGB.
pub(crate) fn drop_alpha(samples: &[u8], into: &mut [u8]) {
    let pixels = into.as_chunks_mut::<3>().0.iter_mut();
    for (rgb, &[red, green, blue, _]) in pixels.zip(samples.as_chunks().0) {
        *rgb = [red, green, blue];
    }
}

/// Packs four pixels into three words, without their highest bytes.
pub(crate) fn pack(rgba: [u32; 4], words: &mut [u8; 12]) {
    let [a, b, c, d] = rgba.map(|word| word & 0x00FF_FFFF);
    words[..4].copy_from_slice(&(a | b << 24).to_le_bytes());
    words[4..8].copy_from_slice(&(b >> 8 | c << 16).to_le_bytes());
    words[8..].copy_from_slice(&(c >> 16 | d << 8).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// img2dataset's formula, in its order of operations.
    fn in_doubles(colour: u8, alpha: u8) -> u8 {
        let alpha = f64::from(alpha);
        // A float cast saturates, which is the clip.
        (alpha / 255.0 * f64::from(colour) + 255.0 - alpha).round_ties_even() as u8
    }

    #[test]
    fn opaque_stays_transparent_becomes_white_and_half_is_between() {
        let mut samples = [10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 255, 128];
        composite_over_white(&mut samples, 3);
        assert_eq!(samples[..9], [10, 20, 30, 255, 255, 255, 127, 177, 255]);
    }

    #[test]
    fn every_colour_at_every_alpha_is_what_doubles_give() {
        let pairs = || (0..=255_u8).flat_map(|alpha| (0..=255_u8).map(move |at| (at, alpha)));
        let rgba = |(at, alpha): (u8, u8)| [at, at.wrapping_add(85), at.wrapping_mul(3), alpha];
        let mut samples: Vec<u8> = pairs().flat_map(rgba).collect();
        let expected: Vec<u8> = samples
            .chunks(4)
            .flat_map(|rgba| [0, 1, 2].map(|channel| in_doubles(rgba[channel], rgba[3])))
            .collect();
        composite_over_white(&mut samples, 65536);
        assert!(samples[..expected.len()] == expected);
    }

    #[test]
    fn any_number_of_pixels_is_done_and_nothing_behind_them() {
        for pixels in 0..70 {
            let stored: Vec<u8> = (0..pixels * 4 + 8)
                .map(|at| (at * 37 % 256) as u8)
                .collect();
            let mut samples = stored.clone();
            composite_over_white(&mut samples, pixels);
            for pixel in 0..pixels {
                for channel in 0..3 {
                    let colour = stored[pixel * 4 + channel];
                    let expected = in_doubles(colour, stored[pixel * 4 + 3]);
                    assert_eq!(samples[pixel * 3 + channel], expected);
                }
            }
            assert_eq!(samples[pixels * 4..], stored[pixels * 4..]);
        }
    }
}
