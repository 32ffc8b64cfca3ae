//! Owns the removal of alpha: RGBA over white, as img2dataset computes it. Never keeps an alpha.

/// Mats `pixels` RGBA pixels at the start of `samples` on white, in place; the RGB result fills
/// the first three quarters.
///
/// The rule is `alpha / 255 * colour + 255 - alpha` in double precision, clipped, then rounded
/// half to even.
pub(crate) fn mat_on_white(samples: &mut [u8], pixels: usize) {
    for pixel in 0..pixels {
        let [red, green, blue, alpha] = [0, 1, 2, 3].map(|channel| samples[pixel * 4 + channel]);
        let rgb = match alpha {
            u8::MAX => [red, green, blue],
            0 => [u8::MAX; 3],
            _ => [red, green, blue].map(|colour| over_white(colour, alpha)),
        };
        samples[pixel * 3..pixel * 3 + 3].copy_from_slice(&rgb);
    }
}

fn over_white(colour: u8, alpha: u8) -> u8 {
    let alpha = f64::from(alpha);
    // A float cast saturates, which is the clip.
    (alpha / 255.0 * f64::from(colour) + 255.0 - alpha).round_ties_even() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opaque_stays_transparent_becomes_white_and_half_is_between() {
        let mut samples = [10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 255, 128];
        mat_on_white(&mut samples, 3);
        assert_eq!(samples[..9], [10, 20, 30, 255, 255, 255, 127, 177, 255]);
    }
}
