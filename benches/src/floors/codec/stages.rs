//! Owns the codec's stages one by one, image by image in turns with the bare call: decode and resize
//! by format and size, through RGB and by planes, and encode by format.

use std::collections::BTreeMap;

use turbo2ds_benches::thread_cpu;
use turbo2ds_codec::stages::Stages;
use turbo2ds_codec::{EncodeFormat, Format};

use super::bare::{Bare, Shape, shape_of};
use super::{Case, QUALITY, settings};
use crate::arguments::Arguments;
use crate::measure::{Turns, timed};
use crate::table::{Column, Table};

/// Output sizes that encoders are measured at, pixels.
const ENCODE_SIZES: [u32; 2] = [256, 512];
/// Of how many images one is encoded to the formats that take ten times JPEG's time.
const SLOW_FORMATS_TAKE: usize = 8;
/// Output formats with img2dataset's default quality, PNG's being a level.
const ENCODERS: [(EncodeFormat, u32); 3] = [
    (EncodeFormat::Jpg, QUALITY),
    (EncodeFormat::Png, 6),
    (EncodeFormat::Webp, QUALITY),
];

/// Sums of one row of a table.
#[derive(Default)]
struct Sums {
    images: usize,
    ours_us: f64,
    bare_us: f64,
}

/// Rows in the order of their keys: a group, a place within it, the name.
#[derive(Default)]
struct Rows {
    sums: BTreeMap<(&'static str, usize, String), Sums>,
    rounds: usize,
}

impl Rows {
    fn new(rounds: usize) -> Self {
        Self {
            rounds,
            ..Self::default()
        }
    }

    /// Calls both sides in turns and adds their medians to the row; nothing where either fails.
    fn pair(&mut self, key: (&'static str, usize, String), mut call: impl FnMut(bool) -> bool) {
        let sample = |side| timed(thread_cpu, || call(side == 0)).ok_or(());
        let Ok(turns) = Turns::new(2, self.rounds, sample) else {
            return;
        };
        let row = self.sums.entry(key).or_default();
        row.images += 1;
        row.ours_us += turns.micros(0);
        row.bare_us += turns.micros(1);
    }

    fn table(self, title: &str) -> Table {
        let columns = [
            Column::new("images", 0),
            Column::new("ours us", 1),
            Column::new("bare us", 1),
            Column::new("ratio", 3),
        ];
        let mut table = Table::new(title, &columns);
        for ((_, _, name), sums) in self.sums {
            let images = sums.images as f64;
            let (ours, bare) = (sums.ours_us, sums.bare_us);
            let cells = [images, ours / images, bare / images, ours / bare];
            table.row(name, cells.map(Some));
        }
        table
    }
}

pub(super) fn measure(cases: &[Case], arguments: &Arguments) -> Vec<Table> {
    let (size, rounds) = (arguments.size, arguments.rounds);
    let mut bare = Bare::new(QUALITY);
    let mut decode = Rows::new(rounds);
    let mut resize = Rows::new(rounds);
    let mut planes = Rows::new(rounds);
    let mut rgb = Stages::new(settings(size, true));
    let mut planar = Stages::new(settings(size, false));
    for case in cases {
        by_pixels(&mut decode, &mut resize, &mut rgb, &mut bare, (case, size));
        if case.format == Format::Jpeg {
            by_planes(&mut planes, &mut planar, &mut bare, (case, size));
        }
    }
    let mut encode = Rows::new(rounds);
    for (format, quality) in ENCODERS {
        for size in ENCODE_SIZES {
            encoders(&mut encode, cases, format, (size, quality));
        }
    }
    vec![
        decode.table("decode to pixels, against the library alone; CPU per image"),
        resize.table(
            "resize of pixels, against fast_image_resize's Hamming filter, near but not the same",
        ),
        planes
            .table("JPEG by planes, against libjpeg-turbo's planes and three bare resizes of them"),
        encode.table("encode, against the library alone"),
    ]
}

fn by_pixels(
    decode: &mut Rows,
    resize: &mut Rows,
    stages: &mut Stages,
    bare: &mut Bare,
    (case, size): (&Case, u32),
) {
    let (place, class) = case.class;
    decode.pair(
        (case.kind, place, format!("{} {class}", case.kind)),
        |ours| match ours {
            true => stages.decode(&case.body).is_ok(),
            false => bare
                .decode(case.format, &case.body, case.channels)
                .is_some(),
        },
    );
    if stages.decode(&case.body).is_err() {
        return;
    }
    let samples = match case.channels {
        1 => "grey",
        3 => "RGB",
        _ => "RGBA",
    };
    resize.pair(
        (samples, place, format!("{samples} {class}")),
        |ours| match ours {
            true => stages.resize().is_ok(),
            false => stages
                .decoded()
                .is_some_and(|raster| bare.resize(&raster, size).is_some()),
        },
    );
}

/// The stages of a JPEG that stays in its planes.
fn by_planes(rows: &mut Rows, stages: &mut Stages, bare: &mut Bare, (case, size): (&Case, u32)) {
    let body = &case.body;
    let stays = stages.decode(body).is_ok() && stages.decoded().is_none();
    if !stays || stages.resize().is_err() {
        return;
    }
    let (Ok(file), Some(mut planes)) = (stages.encode(), bare.jpeg.planes_of(body)) else {
        return;
    };
    let (place, class) = case.class;
    let key = |stage: &'static str, of: &str| (stage, place, format!("{stage}{of} {class}"));
    rows.pair(
        key("decode", &format!(" {}", case.kind)),
        |ours| match ours {
            true => stages.decode(body).is_ok(),
            false => bare.jpeg.decode_planes(body, &mut planes),
        },
    );
    let (shape, sources) = (planes.shape, &planes.planes);
    rows.pair(key("resize", ""), |ours| match ours {
        true => stages.resize().is_ok(),
        false => bare.resize_planes(sources, shape, size),
    });
    let Some(mut canvas) = bare.jpeg.planes_of(&file) else {
        return;
    };
    if !bare.jpeg.decode_planes(&file, &mut canvas) {
        return;
    }
    rows.pair(
        ("encode", 0, format!("encode {size} pixels")),
        |ours| match ours {
            true => stages.encode().is_ok(),
            false => bare.jpeg.encode_planes(&canvas),
        },
    );
}

fn encoders(rows: &mut Rows, cases: &[Case], format: EncodeFormat, (size, quality): (u32, u32)) {
    let mut settings = settings(size, true);
    settings.encode_format = format;
    settings.encode_quality = quality;
    let mut stages = Stages::new(settings);
    let mut bare = Bare::new(quality);
    let step = match format {
        EncodeFormat::Jpg => 1,
        EncodeFormat::Png | EncodeFormat::Webp => SLOW_FORMATS_TAKE,
    };
    for case in cases.iter().step_by(step) {
        if stages.decode(&case.body).is_err() || stages.resize().is_err() {
            continue;
        }
        let Some(Shape { channels, .. }) = stages.resized().map(|raster| shape_of(&raster)) else {
            continue;
        };
        // A raster with alpha is matted before a run encodes it.
        if channels == 4 {
            continue;
        }
        let name = format!("{} {size} pixels", format.as_str());
        rows.pair((format.as_str(), size as usize, name), |ours| match ours {
            true => stages.encode().is_ok(),
            false => stages
                .resized()
                .is_some_and(|raster| bare.encode(format, &raster)),
        });
    }
}
