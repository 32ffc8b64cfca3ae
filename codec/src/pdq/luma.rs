//! Owns the brightness of pixels: 0.299 red, 0.587 green and 0.114 blue. Never averages.

/// The weights of red, green and blue, in thousandths.
pub(super) const WEIGHTS: [i32; 3] = [299, 587, 114];
/// What the weights sum to.
pub(super) const WHOLE: f32 = 1000.0;

/// The brightness of a row of grey, RGB or RGBA. Each is rounded once, which is also what the sum of three
/// products in double precision rounds to.
#[inline(always)]
pub(super) fn luma(pixels: &[u8], channels: usize, into: &mut [f32]) {
    match channels {
        1 => {
            for (luma, &grey) in into.iter_mut().zip(pixels) {
                *luma = f32::from(grey);
            }
        }
        3 => weigh(pixels.as_chunks::<3>().0, into),
        _ => weigh(pixels.as_chunks::<4>().0, into),
    }
}

#[inline(always)]
fn weigh<const CHANNELS: usize>(pixels: &[[u8; CHANNELS]], into: &mut [f32]) {
    for (luma, pixel) in into.iter_mut().zip(pixels) {
        let sum = WEIGHTS[0] * i32::from(pixel[0])
            + WEIGHTS[1] * i32::from(pixel[1])
            + WEIGHTS[2] * i32::from(pixel[2]);
        *luma = sum as f32 / WHOLE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pixels: &[u8], channels: usize) -> Vec<f32> {
        let mut into = vec![0.0; pixels.len() / channels];
        luma(pixels, channels, &mut into);
        into
    }

    #[test]
    fn every_colour_has_the_brightness_that_doubles_round_to() {
        for red in 0..=255_u8 {
            let pairs = (0..=255_u8).flat_map(|green| (0..=255_u8).map(move |blue| (green, blue)));
            let row: Vec<u8> = pairs.flat_map(|(green, blue)| [red, green, blue]).collect();
            for (pixel, luma) in row.chunks(3).zip(of(&row, 3)) {
                let [red, green, blue] = [0, 1, 2].map(|channel| f64::from(pixel[channel]));
                let expected = red * 0.299 + green * 0.587 + blue * 0.114;
                assert_eq!(luma, expected as f32, "{pixel:?}");
            }
        }
    }

    #[test]
    fn grey_is_as_bright_as_it_is_and_alpha_does_not_count() {
        for grey in 0..=255 {
            assert_eq!(of(&[grey], 1), [f32::from(grey)]);
            assert_eq!(of(&[grey; 3], 3), [f32::from(grey)]);
            assert_eq!(of(&[grey, grey, grey, 7], 4), [f32::from(grey)]);
        }
    }
}
