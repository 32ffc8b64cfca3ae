//! Owns undoing the TIFF predictors: horizontal differencing and floating point. Never decompresses.

use super::directory::Directory;
use super::samples::reverse_each;

/// A predictor that libtiff refuses for this kind of samples.
#[derive(Debug)]
pub(super) struct Unsupported;

/// A predictor.
pub(super) enum Predictor {
    None,
    /// Each sample is the difference from the previous one of its channel.
    Horizontal {
        stride: usize,
        bytes: usize,
        swapped: bool,
    },
    /// Bytes of equal significance are grouped, each the difference from the previous byte.
    Float {
        stride: usize,
        bytes: usize,
    },
}

impl Predictor {
    pub(super) fn new(directory: &Directory) -> Result<Self, Unsupported> {
        let stride = if directory.separate {
            1
        } else {
            usize::from(directory.samples)
        };
        let bytes = usize::from(directory.bits / 8);
        match (directory.predictor, directory.bits) {
            (1, _) => Ok(Self::None),
            (2, 8 | 16 | 32 | 64) => Ok(Self::Horizontal {
                stride,
                bytes,
                swapped: directory.big_endian != cfg!(target_endian = "big"),
            }),
            (3, 16 | 24 | 32 | 64) if directory.sample_format == 3 => {
                Ok(Self::Float { stride, bytes })
            }
            _ => Err(Unsupported),
        }
    }

    /// Whether undoing the predictor leaves samples in the byte order of this machine.
    pub(super) fn orders_bytes(&self) -> bool {
        match self {
            Self::None => false,
            Self::Horizontal { bytes, .. } => *bytes > 1,
            Self::Float { .. } => true,
        }
    }

    /// Undoes the predictor in rows of `row_bytes`; `None` if the samples are not whole rows.
    pub(super) fn undo(&self, samples: &mut [u8], row_bytes: usize) -> Option<()> {
        let (stride, bytes) = match *self {
            Self::None => return Some(()),
            Self::Horizontal { stride, bytes, .. } | Self::Float { stride, bytes } => {
                (stride, bytes)
            }
        };
        if !samples.len().is_multiple_of(row_bytes) || !row_bytes.is_multiple_of(stride * bytes) {
            return None;
        }
        for row in samples.chunks_exact_mut(row_bytes) {
            match *self {
                Self::None => {}
                Self::Horizontal { swapped, .. } => accumulate(row, stride, bytes, swapped),
                Self::Float { .. } => join_bytes(row, stride, bytes),
            }
        }
        Some(())
    }
}

fn accumulate(row: &mut [u8], stride: usize, bytes: usize, swapped: bool) {
    match (bytes, swapped) {
        (2, true) => reverse_each::<2>(row),
        (4, true) => reverse_each::<4>(row),
        (8, true) => reverse_each::<8>(row),
        _ => {}
    }
    match bytes {
        1 => {
            for at in stride..row.len() {
                row[at] = row[at].wrapping_add(row[at - stride]);
            }
        }
        2 => add_previous::<2>(row, stride, |a, b| {
            u16::from_ne_bytes(a)
                .wrapping_add(u16::from_ne_bytes(b))
                .to_ne_bytes()
        }),
        4 => add_previous::<4>(row, stride, |a, b| {
            u32::from_ne_bytes(a)
                .wrapping_add(u32::from_ne_bytes(b))
                .to_ne_bytes()
        }),
        _ => add_previous::<8>(row, stride, |a, b| {
            u64::from_ne_bytes(a)
                .wrapping_add(u64::from_ne_bytes(b))
                .to_ne_bytes()
        }),
    }
}

fn add_previous<const N: usize>(
    row: &mut [u8],
    stride: usize,
    add: impl Fn([u8; N], [u8; N]) -> [u8; N],
) {
    let (samples, _) = row.as_chunks_mut::<N>();
    for at in stride..samples.len() {
        samples[at] = add(samples[at], samples[at - stride]);
    }
}

fn join_bytes(row: &mut [u8], stride: usize, bytes: usize) {
    for at in stride..row.len() {
        row[at] = row[at].wrapping_add(row[at - stride]);
    }
    let planes = row.to_vec();
    let samples = planes.len() / bytes;
    for (index, sample) in row.chunks_exact_mut(bytes).enumerate() {
        for (byte, target) in sample.iter_mut().enumerate() {
            // The most significant bytes come first.
            let plane = if cfg!(target_endian = "big") {
                byte
            } else {
                bytes - 1 - byte
            };
            *target = planes[plane * samples + index];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_run_along_each_channel_and_start_anew_in_each_row() {
        let horizontal = Predictor::Horizontal {
            stride: 2,
            bytes: 1,
            swapped: false,
        };
        let mut samples = [1, 10, 1, 10, 255, 0, 9, 9, 1, 1, 1, 1];
        horizontal.undo(&mut samples, 6).unwrap();
        assert_eq!(samples, [1, 10, 2, 20, 1, 20, 9, 9, 10, 10, 11, 11]);
    }

    #[test]
    fn wide_differences_are_taken_in_the_files_byte_order() {
        let horizontal = Predictor::Horizontal {
            stride: 1,
            bytes: 2,
            swapped: true,
        };
        let mut samples = [0, 255, 0, 2];
        horizontal.undo(&mut samples, 4).unwrap();
        let (words, _) = samples.as_chunks::<2>();
        assert_eq!([words[0], words[1]].map(u16::from_ne_bytes), [255, 257]);
    }

    #[test]
    fn floats_are_put_together_from_planes_of_bytes() {
        let values = [1.5_f32, -2.0];
        let planes: Vec<u8> = (0..4)
            .flat_map(|byte| values.map(|value| value.to_be_bytes()[byte]))
            .collect();
        let mut stored = planes.clone();
        for at in (1..8).rev() {
            stored[at] = stored[at].wrapping_sub(stored[at - 1]);
        }
        let float = Predictor::Float {
            stride: 1,
            bytes: 4,
        };
        float.undo(&mut stored, 8).unwrap();
        let (samples, _) = stored.as_chunks::<4>();
        assert_eq!([samples[0], samples[1]].map(f32::from_ne_bytes), values);
    }

    #[test]
    fn rows_that_do_not_fit_the_samples_are_refused() {
        let horizontal = Predictor::Horizontal {
            stride: 3,
            bytes: 1,
            swapped: false,
        };
        assert!(horizontal.undo(&mut [0; 8], 4).is_none());
    }
}
