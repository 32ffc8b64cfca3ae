//! Owns the order of the passes for an image, and choosing the form for the processor. Never computes a
//! weight.

use super::aligned::Aligned;
use super::direct;
use super::fixed::FixedColumns;
use super::halving::{halve, is_halving};
use super::lanes::Lanes;
use super::layout::{Columns, Run, fill_runs};
use super::passes::{Rows, Sample, lines_to_bytes, sum_columns, sum_rows, widen};
use super::portable::Portable;
use super::raster::{Picture, Source};
use super::ring::Ring;
use super::taps::Axis;

/// Most source columns for which a line of floats is used.
const LINE_PIXELS_MAX: usize = 1 << 20;
/// Most taps of a column and of a row that sums of floats can have without losing a tenth of a level.
const COLUMN_TAPS_MAX: usize = 1 << 14;
const ROW_TAPS_MAX: usize = 1 << 20;
/// Most taps of a row for which columns come first merely because columns are skipped.
const SKIPPED_ROWS_MAX: usize = 8;

/// Applies separable filters; keeps working memory between images.
#[derive(Default)]
pub(crate) struct Separable {
    columns: Columns,
    fixed: FixedColumns,
    runs: Vec<Run>,
    line: Aligned,
    ring: Ring,
}

/// The instructions to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Form {
    /// All forms of this target, fastest first.
    pub(super) const ALL: &[Self] = &[
        #[cfg(target_arch = "x86_64")]
        Self::Avx512,
        #[cfg(target_arch = "x86_64")]
        Self::Avx2,
        #[cfg(target_arch = "aarch64")]
        Self::Neon,
        Self::Portable,
    ];

    /// Whether the processor has the instructions.
    pub(super) fn runs(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                std::is_x86_feature_detected!("avx512f")
                    && std::is_x86_feature_detected!("avx512bw")
                    && std::is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => true,
        }
    }

    fn best() -> Self {
        let mut forms = Self::ALL.iter().copied();
        forms.find(|form| form.runs()).unwrap_or(Self::Portable)
    }
}

/// The inputs of one resize.
#[derive(Clone, Copy)]
struct Job<'a> {
    source: Source<'a>,
    columns: &'a Axis,
    rows: &'a Axis,
}

/// The output of one resize.
enum Target<'a> {
    Bytes(Picture<'a>),
    Floats(Picture<'a, f32>),
}

impl Separable {
    /// Fills `target` with `columns.len()` by `rows.len()` pixels.
    ///
    /// # Panics
    /// If a table has a position outside the source.
    pub(crate) fn resize(
        &mut self,
        source: Source<'_>,
        columns: &Axis,
        rows: &Axis,
        target: Picture<'_>,
    ) {
        self.resize_by(Form::best(), source, columns, rows, target);
    }

    /// Like [`Self::resize`], to floats that are neither rounded nor clamped.
    pub(crate) fn resize_to_floats(
        &mut self,
        source: Source<'_>,
        columns: &Axis,
        rows: &Axis,
        target: Picture<'_, f32>,
    ) {
        let job = Job {
            source,
            columns,
            rows,
        };
        self.apply(Form::best(), job, Target::Floats(target));
    }

    /// Like [`Self::resize`], with the instructions of `form`, for which [`Form::runs`] must be true.
    pub(super) fn resize_by(
        &mut self,
        form: Form,
        source: Source<'_>,
        columns: &Axis,
        rows: &Axis,
        target: Picture<'_>,
    ) {
        let job = Job {
            source,
            columns,
            rows,
        };
        self.apply(form, job, Target::Bytes(target));
    }

    /// Runs a job with the instructions of `form`, for which [`Form::runs`] must be true.
    fn apply(&mut self, form: Form, job: Job<'_>, target: Target<'_>) {
        let Job {
            source,
            columns,
            rows,
        } = job;
        if columns.reach().len() > LINE_PIXELS_MAX
            || columns.taps_max() > COLUMN_TAPS_MAX
            || rows.taps_max() > ROW_TAPS_MAX
        {
            return match target {
                Target::Bytes(target) => direct::resize(source, columns, rows, target),
                Target::Floats(target) => direct::resize(source, columns, rows, target),
            };
        }
        match form {
            // SAFETY: this form needs no instructions beyond the target's baseline.
            Form::Portable => unsafe { self.run::<Portable>(job, target) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: callers pass a form for which `Form::runs` is true (`Form::best`), which detects AVX2
            // and FMA.
            Form::Avx2 => unsafe { self.run_avx2(job, target) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: callers pass a form for which `Form::runs` is true (`Form::best`), which detects
            // AVX-512 F, BW and VL.
            Form::Avx512 => unsafe { self.run_avx512(job, target) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: NEON is part of the AArch64 baseline.
            Form::Neon => unsafe { self.run::<super::neon::Neon>(job, target) },
        }
    }

    /// `run`, compiled for AVX2.
    ///
    /// # Safety
    /// The processor has AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn run_avx2(&mut self, job: Job<'_>, target: Target<'_>) {
        // SAFETY: the attribute above enables the instructions of `Avx2`.
        unsafe { self.run::<super::avx2::Avx2>(job, target) }
    }

    /// `run`, compiled for AVX-512.
    ///
    /// # Safety
    /// The processor has AVX-512 F, BW and VL.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    unsafe fn run_avx512(&mut self, job: Job<'_>, target: Target<'_>) {
        // SAFETY: the attribute above enables the instructions of `Avx512`.
        unsafe { self.run::<super::avx512::Avx512>(job, target) }
    }

    /// Chooses the passes and runs them.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    #[inline(always)]
    unsafe fn run<L: Lanes>(&mut self, job: Job<'_>, target: Target<'_>) {
        let channels = job.source.channels;
        // SAFETY: the caller guarantees the instructions of `L`.
        unsafe {
            let target = match (target, channels) {
                (Target::Floats(target), 1) => {
                    return self.rows_first::<L, f32, 1>(job, target);
                }
                (Target::Floats(target), _) => {
                    return self.rows_first::<L, f32, 3>(job, target);
                }
                (Target::Bytes(target), _) => target,
            };
            if is_halving(job.columns, job.rows) {
                let Job {
                    source,
                    columns,
                    rows,
                } = job;
                return match channels {
                    1 => halve::<L, 1>(&source, columns, rows, target),
                    _ => halve::<L, 3>(&source, columns, rows, target),
                };
            }
            match (is_columns_first(&job), channels) {
                (false, 1) => self.rows_first::<L, u8, 1>(job, target),
                (false, _) => self.rows_first::<L, u8, 3>(job, target),
                (true, 1) => self.columns_first::<L, 1>(job, target),
                (true, _) => self.columns_first::<L, 3>(job, target),
            }
        }
    }

    /// Sums source rows to a line, then the line to a result row.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    #[inline(always)]
    unsafe fn rows_first<L: Lanes, S: Sample, const CHANNELS: usize>(
        &mut self,
        job: Job<'_>,
        target: Picture<'_, S>,
    ) {
        let rows = needed_rows::<CHANNELS>(&job);
        let first = rows.first / CHANNELS;
        self.columns.fill(job.columns, first, CHANNELS, true);
        self.clear_line(rows.samples);
        let into = target.samples.chunks_mut(target.stride);
        for (into, taps) in into.zip(job.rows.iter()) {
            fill_runs(&mut self.runs, taps);
            // SAFETY: the caller guarantees the instructions of `L`.
            unsafe {
                sum_rows::<L>(&rows, &self.runs, taps.rest, self.line.get_mut());
                let into = &mut into[..self.columns.samples];
                sum_columns::<L, S, CHANNELS>(self.line.get(), &self.columns, into);
            }
        }
    }

    /// Filters each source row once along the columns, then sums these lines to result rows.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    #[inline(always)]
    unsafe fn columns_first<L: Lanes, const CHANNELS: usize>(
        &mut self,
        job: Job<'_>,
        target: Picture<'_>,
    ) {
        let rows = needed_rows::<CHANNELS>(&job);
        let first = rows.first / CHANNELS;
        let fixed = CHANNELS == 3 && self.fixed.fill(job.columns, first);
        if !fixed {
            self.columns.fill(job.columns, first, CHANNELS, false);
            self.clear_line(rows.samples);
        }
        let scale = if fixed { FixedColumns::SCALE } else { 1.0 };
        let samples = job.columns.len() * CHANNELS;
        self.ring.prepare(samples, job.rows.taps_max());
        let into = target.samples.chunks_mut(target.stride);
        for (into, taps) in into.zip(job.rows.iter()) {
            for y in taps.start..taps.start + taps.weights.len() {
                let Some(into) = self.ring.claim(y) else {
                    continue;
                };
                let into = &mut into[..samples];
                // SAFETY: the caller guarantees the instructions of `L`.
                unsafe {
                    if fixed {
                        self.fixed.sum::<L>(rows.from(y), rows.samples, into);
                    } else {
                        widen::<L>(rows.row(y), self.line.get_mut());
                        sum_columns::<L, f32, CHANNELS>(self.line.get(), &self.columns, into);
                    }
                }
            }
            self.ring.start_from(job.columns, taps.rest, CHANNELS);
            let mix = self.ring.mix(taps, scale);
            // SAFETY: the caller guarantees the instructions of `L`.
            unsafe { lines_to_bytes::<L>(&mix, &mut into[..samples]) };
        }
    }

    /// Zeroes a line of at least `samples` floats.
    fn clear_line(&mut self, samples: usize) {
        self.line.zeros(self.columns.line_len.max(samples));
    }
}

/// Whether it is cheaper to filter along the columns first: if the height grows, so that a filtered row
/// serves several result rows; or if so many columns of RGB are skipped that summing rows would mostly
/// sum unused samples.
fn is_columns_first(job: &Job<'_>) -> bool {
    let grows = job.rows.len() > job.rows.reach().len();
    let skips = job.columns.taps_max() * job.columns.len() < job.columns.reach().len();
    grows || (skips && job.source.channels == 3 && job.rows.taps_max() <= SKIPPED_ROWS_MAX)
}

fn needed_rows<'a, const CHANNELS: usize>(job: &Job<'a>) -> Rows<'a> {
    let reach = job.columns.reach();
    Rows {
        source: job.source.samples,
        stride: job.source.stride,
        first: reach.start * CHANNELS,
        samples: reach.len() * CHANNELS,
    }
}
