//! The codec: its whole loop with the hash, as a compute thread runs it, and its stages, against bare
//! calls of the libraries below it. Owns the cases and the order; the tables are in [`whole`] and
//! [`stages`].

mod bare;
mod corpus;
mod jpeg;
mod stages;
mod whole;

use std::io;

use turbo2ds_codec::stages::Stages;
use turbo2ds_codec::{Format, Settings, sniff};

use crate::Found;
use crate::arguments::Arguments;

/// libjpeg's quality scale, img2dataset's default.
const QUALITY: u32 = 95;

/// An image that the codec takes.
struct Case {
    body: Vec<u8>,
    format: Format,
    /// Format as the tables have it.
    kind: &'static str,
    /// Size class, with its place among the classes.
    class: (usize, &'static str),
    /// Samples per pixel of the codec's raster.
    channels: usize,
}

/// The loop and the stages, by format and by size.
pub(crate) fn measure(arguments: &Arguments) -> Found {
    let cases = cases(arguments)?;
    let mut tables = vec![whole::measure(&cases, arguments, whole::groups)?];
    tables.extend(stages::measure(&cases, arguments));
    Ok(tables)
}

/// The loop alone, all images together.
pub(crate) fn measure_loop(arguments: &Arguments) -> Found {
    let cases = cases(arguments)?;
    let table = whole::measure(&cases, arguments, whole::together)?;
    Ok(vec![table])
}

fn cases(arguments: &Arguments) -> io::Result<Vec<Case>> {
    let bodies = corpus::bodies(arguments.images.as_deref())?;
    let all = bodies.len();
    let mut rgb = Stages::new(settings(arguments.size, true));
    let cases: Vec<Case> = bodies
        .into_iter()
        .filter_map(|body| case(&mut rgb, body))
        .collect();
    println!(
        "{} images of {all} that the codec takes, border of {} pixels, quality {QUALITY}\n",
        cases.len(),
        arguments.size
    );
    Ok(cases)
}

/// img2dataset's defaults at `size`.
fn settings(size: u32, exact: bool) -> Settings {
    Settings {
        image_size: size,
        encode_quality: QUALITY,
        exact,
        ..Settings::default()
    }
}

fn case(rgb: &mut Stages, body: Vec<u8>) -> Option<Case> {
    let format = sniff(&body)?;
    rgb.decode(&body).ok()?;
    let raster = rgb.decoded()?;
    Some(Case {
        format,
        kind: corpus::kind(format, &body),
        class: corpus::class(u64::from(raster.width) * u64::from(raster.height)),
        channels: raster.channels,
        body,
    })
}
