//! The codec's stages against the bare calls of the libraries below them, on the same images, in
//! turns. Owns the rounds and the table; the bare calls are in [`bare`].
//!
//! `stages [FOLDER] [SIZE] [ROUNDS]`: every image of the folder (seeded pictures without one) is
//! decoded, resized with its ratio kept and encoded as JPEG. The table has the mean CPU of a call in
//! microseconds, the median of the rounds for each image, and the ratio. A resize is held against
//! fast_image_resize's Hamming filter, which is near to a mean but not the same picture; planes have
//! no bare call and stand beside the RGB path's.

mod bare;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;

use bare::Bare;
use turbo2ds_benches::{median, thread_cpu};
use turbo2ds_codec::stages::Stages;
use turbo2ds_codec::{Format, ResizeMode, Settings, sniff};
use turbo2ds_tests::pictures::{self, Picture};

/// libjpeg's quality scale, img2dataset's default.
const QUALITY: u32 = 95;

/// Sums of one row of the table.
#[derive(Default)]
struct Row {
    images: usize,
    ours_us: f64,
    bare_us: f64,
}

type Table = BTreeMap<String, Row>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let (size, rounds): (u32, u32) = (number(1, 256)?, number(2, 9)?);
    let bodies = match arguments.first() {
        Some(folder) => images(folder)?,
        None => seeded(),
    };
    println!(
        "{} images, ratio kept, {size} pixels, {rounds} rounds",
        bodies.len()
    );
    let settings = |exact| Settings {
        resize_mode: ResizeMode::KeepRatio,
        image_size: size,
        encode_quality: QUALITY,
        exact,
        ..Settings::default()
    };
    let mut rgb = Stages::new(settings(true));
    let mut planes = Stages::new(settings(false));
    let mut bare = Bare::new(QUALITY as _);
    let mut table = Table::new();
    for body in &bodies {
        measure(&mut table, &mut rgb, &mut bare, body, rounds);
        if sniff(body) == Some(Format::Jpeg) {
            measure_planes(&mut table, &mut planes, &mut rgb, body, rounds);
        }
    }
    print(&table);
    Ok(())
}

fn images(folder: &str) -> Result<Vec<Vec<u8>>, std::io::Error> {
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, std::io::Error>>()?;
    paths.sort();
    let bodies: Result<Vec<_>, _> = paths.into_iter().map(fs::read).collect();
    Ok(bodies?
        .into_iter()
        .filter(|body| sniff(body).is_some())
        .collect())
}

fn seeded() -> Vec<Vec<u8>> {
    println!("no folder was given: seeded pictures, whose entropy is not a photograph's");
    let formats = [
        pictures::Format::Jpeg,
        pictures::Format::ProgressiveJpeg,
        pictures::Format::Png,
        pictures::Format::Webp,
        pictures::Format::Gif,
    ];
    let pictures = (0..10).flat_map(|seed| {
        formats.map(|format| Picture::new(seed, 640 + 40 * seed as u32, 480, format))
    });
    pictures.map(Picture::encode).collect()
}

fn measure(table: &mut Table, stages: &mut Stages, bare: &mut Bare, body: &[u8], rounds: u32) {
    let Some(format) = sniff(body) else { return };
    if stages.decode(body).is_err() || stages.resize().is_err() || stages.encode().is_err() {
        return;
    }
    let Some(channels) = stages.decoded().map(|raster| raster.channels) else {
        return;
    };
    let name = format!("decode {format:?}");
    pair(table, &name, rounds, |ours| match ours {
        true => stages.decode(body).is_ok(),
        false => bare.decode(format, body, channels),
    });
    let Some((width, height)) = stages.resized().map(|raster| (raster.width, raster.height)) else {
        return;
    };
    pair(table, "resize RGB or grey", rounds, |ours| match ours {
        true => stages.resize().is_ok(),
        false => stages
            .decoded()
            .is_some_and(|raster| bare.resize(&raster, width, height)),
    });
    pair(table, "encode RGB or grey", rounds, |ours| match ours {
        true => stages.encode().is_ok(),
        false => stages.resized().is_some_and(|raster| bare.encode(&raster)),
    });
}

/// The stages by planes, with the same stages through RGB in the place of the bare calls.
fn measure_planes(
    table: &mut Table,
    planes: &mut Stages,
    rgb: &mut Stages,
    body: &[u8],
    rounds: u32,
) {
    let done = |stages: &mut Stages| {
        stages.decode(body).is_ok() && stages.resize().is_ok() && stages.encode().is_ok()
    };
    if !done(planes) || !done(rgb) || planes.decoded().is_some() {
        return;
    }
    type Stage = fn(&mut Stages, &[u8]) -> bool;
    let stages: [(&str, Stage); 3] = [
        ("decode", |stages, body| stages.decode(body).is_ok()),
        ("resize", |stages, _| stages.resize().is_ok()),
        ("encode", |stages, _| stages.encode().is_ok()),
    ];
    for (name, stage) in stages {
        pair(table, &format!("{name} planes (to RGB)"), rounds, |ours| {
            stage(if ours { planes } else { rgb }, body)
        });
    }
}

/// Calls both sides in turns and adds their medians to the row; nothing where either fails.
fn pair(table: &mut Table, name: &str, rounds: u32, mut call: impl FnMut(bool) -> bool) {
    let mut times = [Vec::new(), Vec::new()];
    // The first round warms up.
    for round in 0..=rounds {
        for (side, times) in times.iter_mut().enumerate() {
            let start = thread_cpu();
            if !call(side == 0) {
                return;
            }
            if round > 0 {
                times.push((thread_cpu() - start).as_secs_f64() * 1e6);
            }
        }
    }
    let [ours, bare] = times.map(|mut times| median(&mut times));
    let row = table.entry(name.to_owned()).or_default();
    row.images += 1;
    row.ours_us += ours;
    row.bare_us += bare;
}

fn print(table: &Table) {
    println!(
        "{:28} {:>6} {:>10} {:>10} {:>7}",
        "stage", "images", "ours us", "bare us", "ratio"
    );
    for (name, row) in table {
        let images = row.images as f64;
        let (ours, bare) = (row.ours_us / images, row.bare_us / images);
        let ratio = ours / bare;
        println!(
            "{name:28} {:6} {ours:10.1} {bare:10.1} {ratio:7.3}",
            row.images
        );
    }
}
