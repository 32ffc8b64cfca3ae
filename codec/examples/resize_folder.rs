//! Resizes every file of a folder and prints a JSON line for each: its name, what became of it and
//! the CPU microseconds it took. For comparing with another implementation.
//!
//! `resize_folder IN OUT MODE SIZE FORMAT [UPSCALE DOWNSCALE]`

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use turbo2ds_codec::{
    Codec, EncodeFormat, Encoded, Interpolation, ResizeMode, Settings, exif_json,
};

/// Each file is processed this many times; the fastest counts.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, mode, size, format, filters @ ..] = arguments.as_slice() else {
        return Err("usage: resize_folder IN OUT MODE SIZE FORMAT [UPSCALE DOWNSCALE]".into());
    };
    let filter = |index: usize, default| {
        filters
            .get(index)
            .map_or(Some(default), |name| interpolation(name))
    };
    let settings = Settings {
        image_size: size.parse()?,
        resize_mode: resize_mode(mode).ok_or("unknown mode")?,
        upscale: filter(0, Interpolation::Lanczos4).ok_or("unknown filter")?,
        downscale: filter(1, Interpolation::Area).ok_or("unknown filter")?,
        encode_format: encode_format(format).ok_or("unknown format")?,
        encode_quality: if format == "png" { 1 } else { 95 },
        ..Settings::default()
    };
    fs::create_dir_all(output)?;
    let mut codec = Codec::new(settings);
    let mut paths: Vec<_> = fs::read_dir(input)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, std::io::Error>>()?;
    paths.sort();
    for path in paths {
        resize(&mut codec, &path, Path::new(output))?;
    }
    Ok(())
}

fn resize(codec: &mut Codec, path: &Path, output: &Path) -> Result<(), Box<dyn Error>> {
    let body = fs::read(path)?;
    let mut fastest = f64::INFINITY;
    let mut result = codec.process(&body);
    for _ in 1..ROUNDS {
        let start = Instant::now();
        result = codec.process(&body);
        fastest = fastest.min(start.elapsed().as_secs_f64() * 1e6);
    }
    let name = path
        .file_name()
        .ok_or("a file without a name")?
        .to_string_lossy()
        .into_owned();
    let exif = exif_json(&body);
    let line = match result {
        Ok(done) => {
            let file = match &done.encoded {
                Encoded::New(file) => file,
                Encoded::Original => &body,
            };
            fs::write(output.join(&name), file)?;
            serde_json::json!({"name": name, "status": "success", "us": fastest, "exif": exif,
                "size": [done.width, done.height, done.original_width, done.original_height]})
        }
        Err(error) => {
            serde_json::json!({"name": name, "status": error.to_string(), "us": fastest, "exif": exif})
        }
    };
    println!("{line}");
    Ok(())
}

fn resize_mode(name: &str) -> Option<ResizeMode> {
    Some(match name {
        "no" => ResizeMode::No,
        "border" => ResizeMode::Border,
        "keep_ratio" => ResizeMode::KeepRatio,
        "keep_ratio_largest" => ResizeMode::KeepRatioLargest,
        "center_crop" => ResizeMode::CenterCrop,
        _ => return None,
    })
}

fn encode_format(name: &str) -> Option<EncodeFormat> {
    [EncodeFormat::Jpg, EncodeFormat::Png, EncodeFormat::Webp]
        .into_iter()
        .find(|format| format.as_str() == name)
}

fn interpolation(name: &str) -> Option<Interpolation> {
    Some(match name {
        "nearest" => Interpolation::Nearest,
        "linear" => Interpolation::Linear,
        "cubic" => Interpolation::Cubic,
        "area" => Interpolation::Area,
        "lanczos" => Interpolation::Lanczos4,
        _ => return None,
    })
}
