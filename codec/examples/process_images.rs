//! Processes images: one JSON job per line on standard input, one JSON answer per line on standard output. For
//! comparing with another implementation, and for timing.
//!
//! A job names a `path`; everything else has img2dataset's default: `mode`, `size`,
//! `only_if_bigger`, `upscale`, `downscale`, `format`, `quality`, `skip_reencode`,
//! `disable_all_reencoding`, `exact`, `pdq`, `min_image_size`, `max_image_area`, `max_aspect_ratio`,
//! `decoder` (`turbo` or `zune`), `out` (where the result is written) and `rounds` (how often it is
//! processed: the answer's `cpu_us` is the median).

use std::error::Error;
use std::fs;
use std::io::{BufRead, Write};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};
use turbo2ds_codec::{
    Codec, EncodeFormat, Encoded, Interpolation, JpegDecoder, Processed, ReencodePolicy,
    ResizeMode, Settings, exif_json,
};

type Job = Map<String, Value>;
type Answer<T> = Result<T, Box<dyn Error>>;

fn main() -> Answer<()> {
    let mut worker = Worker::default();
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let job: Job = serde_json::from_str(&line?)?;
        let answer = worker
            .answer(&job)
            .unwrap_or_else(|error| json!({"error": error.to_string()}));
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

/// Keeps the codec while jobs ask for the same settings, as a run of turbo2ds does.
#[derive(Default)]
struct Worker {
    codec: Option<(Settings, Codec)>,
}

impl Worker {
    fn answer(&mut self, job: &Job) -> Answer<Value> {
        let body = fs::read(text(job, "path", "")?)?;
        let codec = self.codec_for(settings(job)?);
        let mut times = Vec::new();
        let mut result = None;
        for _ in 0..whole(job, "rounds", 1)?.max(1) {
            let start = cpu_us();
            result = Some(codec.process(&body));
            times.push(cpu_us() - start);
        }
        times.sort_by(f64::total_cmp);
        let mut answer = match result {
            Some(Ok(done)) => success(&done, &body, job)?,
            Some(Err(refusal)) => json!({"status": refusal.to_string()}),
            None => return Err("no round was asked for".into()),
        };
        answer["exif"] = json!(exif_json(&body));
        answer["cpu_us"] = json!(times[times.len() / 2]);
        Ok(answer)
    }

    fn codec_for(&mut self, settings: Settings) -> &mut Codec {
        let same = |known: &Settings| format!("{known:?}") == format!("{settings:?}");
        let kept = self.codec.take().filter(|(known, _)| same(known));
        let (_, codec) = self
            .codec
            .insert(kept.unwrap_or_else(|| (settings.clone(), Codec::new(settings))));
        codec
    }
}

fn success(done: &Processed, body: &[u8], job: &Job) -> Answer<Value> {
    let (file, kept_original) = match &done.encoded {
        Encoded::New(file) => (file.as_slice(), false),
        Encoded::Original => (body, true),
    };
    if let Some(path) = job.get("out").and_then(Value::as_str) {
        fs::write(path, file)?;
    }
    Ok(json!({
        "status": "success",
        "width": done.facts.width,
        "height": done.facts.height,
        "original_width": done.facts.original_width,
        "original_height": done.facts.original_height,
        "kept_original": kept_original,
        "pdq": done.facts.pdq.map(|pdq| pdq.hex()),
        "pdq_quality": done.facts.pdq.map(|pdq| pdq.quality),
    }))
}

/// CPU time of this thread, microseconds.
fn cpu_us() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3
}

fn settings(job: &Job) -> Answer<Settings> {
    let mut settings = Settings::default();
    settings.image_size = whole(job, "size", settings.image_size)?;
    settings.resize_mode = named(job, "mode", "border", resize_mode)?;
    settings.only_if_bigger = flag(job, "only_if_bigger")?;
    settings.upscale = named(job, "upscale", "lanczos", interpolation)?;
    settings.downscale = named(job, "downscale", "area", interpolation)?;
    settings.encode_format = named(job, "format", "jpg", encode_format)?;
    settings.encode_quality = whole(job, "quality", settings.encode_quality)?;
    settings.exact = flag(job, "exact")?;
    settings.pdq = flag(job, "pdq")?;
    settings.jpeg_decoder = named(job, "decoder", "turbo", jpeg_decoder)?;
    settings.reencode = match (
        flag(job, "disable_all_reencoding")?,
        flag(job, "skip_reencode")?,
    ) {
        (true, _) => ReencodePolicy::Never,
        (false, true) => ReencodePolicy::SkipIfUnchanged,
        (false, false) => ReencodePolicy::Always,
    };
    let filter = &mut settings.filter;
    filter.min_image_size = number(job, "min_image_size", filter.min_image_size)?;
    filter.max_image_area = number(job, "max_image_area", filter.max_image_area)?;
    filter.max_aspect_ratio = number(job, "max_aspect_ratio", filter.max_aspect_ratio)?;
    Ok(settings)
}

fn wrong(key: &str) -> Box<dyn Error> {
    format!("`{key}` has a value that cannot be taken").into()
}

fn text<'a>(job: &'a Job, key: &str, default: &'a str) -> Answer<&'a str> {
    job.get(key)
        .map_or(Some(default), Value::as_str)
        .ok_or_else(|| wrong(key))
}

fn whole(job: &Job, key: &str, default: u32) -> Answer<u32> {
    let value = job
        .get(key)
        .map_or(Some(u64::from(default)), Value::as_u64)
        .ok_or_else(|| wrong(key))?;
    Ok(u32::try_from(value)?)
}

fn number(job: &Job, key: &str, default: f64) -> Answer<f64> {
    job.get(key)
        .map_or(Some(default), Value::as_f64)
        .ok_or_else(|| wrong(key))
}

fn flag(job: &Job, key: &str) -> Answer<bool> {
    job.get(key)
        .map_or(Some(false), Value::as_bool)
        .ok_or_else(|| wrong(key))
}

fn named<T>(job: &Job, key: &str, default: &str, of: fn(&str) -> Option<T>) -> Answer<T> {
    of(text(job, key, default)?).ok_or_else(|| wrong(key))
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

fn jpeg_decoder(name: &str) -> Option<JpegDecoder> {
    Some(match name {
        "turbo" => JpegDecoder::Turbo,
        "zune" => JpegDecoder::Zune,
        _ => return None,
    })
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
