//! Tar shards: our writer and stream against crate `tar` and against bare writes of the same length.
//! Owns the samples. CPU is the whole process', so that io_uring's workers count; every side ends
//! with its file synced and cut to its length, by the wall's clock too.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use tar::{Builder, EntryType, Header};
use turbo2ds::run::stages::write_shard;
use turbo2ds_benches::process_cpu;
use turbo2ds_writers::{Layout, OutputFormat, SampleFacts, ShardWriter, Sink};

use crate::Found;
use crate::arguments::Arguments;
use crate::measure::Turns;
use crate::table::{Column, Table};

/// Samples of the shard; 170 MB.
const ROWS: usize = 10_000;
/// Bytes of one image: a 256-pixel JPEG's.
const IMAGE_BYTES: usize = 15_000;
/// Different images, so that what is written came from the cache, as just encoded images do.
const IMAGES: usize = 32;
/// One bare write, and where direct I/O may start.
const WRITE_BYTES: usize = 1024 * 1024;
const ALIGN_BYTES: usize = 4096;
/// What a real image's entropy does not matter for.
const CAPTION: &str = "a caption of about sixty characters, as alternative texts are";

/// The samples in the forms that the sides take.
struct Samples {
    layout: Arc<Layout>,
    input: RecordBatch,
    facts: Vec<SampleFacts>,
    images: Vec<Vec<u8>>,
    /// Name and bytes of every member; an image's bytes are left out.
    members: Vec<(String, Vec<u8>)>,
    /// Length of the shard.
    bytes: usize,
}

type Side = fn(&Samples, &Path) -> io::Result<()>;

/// The first is ours, the last the reference.
const SIDES: [(&str, Side); 6] = [
    ("turbo2ds: writer and stream", ours),
    ("turbo2ds: writer alone, nothing written", layout_alone),
    ("crate tar, BufWriter of 8 KiB", tar_by_default),
    ("crate tar, BufWriter of 1 MiB", tar_by_blocks),
    ("pwrite of 1 MiB, buffered", pwrite_buffered),
    ("pwrite of 1 MiB, O_DIRECT", pwrite_direct),
];

pub(crate) fn measure(arguments: &Arguments) -> Found {
    let samples = Samples::new(ROWS)?;
    let folder = tempfile::Builder::new()
        .prefix("floors-")
        .tempdir_in(&arguments.scratch)?;
    let written = samples.write(folder.path())?;
    let title = format!(
        "tar: a shard of {ROWS} samples, {:.0} MB, written by {}; CPU of the process",
        samples.bytes as f64 / 1e6,
        written.backend
    );
    let rounds = arguments.rounds.min(5);
    let mut walls: Vec<Vec<f64>> = vec![Vec::new(); SIDES.len()];
    let turns = Turns::new(SIDES.len(), rounds, |side| {
        let (start, cpu) = (Instant::now(), process_cpu());
        SIDES[side].1(&samples, folder.path())?;
        walls[side].push(start.elapsed().as_secs_f64());
        Ok::<Duration, io::Error>(process_cpu() - cpu)
    })?;
    let columns = [
        Column::new("CPU us/MB", 1),
        Column::new("wall MB/s", 0),
        Column::new("CPU ratio", 3),
    ];
    let mut table = Table::new(title, &columns);
    let megabytes = samples.bytes as f64 / 1e6;
    for (side, (name, _)) in SIDES.iter().enumerate() {
        // The first round warmed up.
        let wall = turbo2ds_benches::median(&mut walls[side][1..]);
        let ratio = turns.ratio(side, SIDES.len() - 1);
        let cells = [turns.micros(side) / megabytes, megabytes / wall, ratio];
        table.row(*name, cells.map(Some));
    }
    Ok(vec![table])
}

/// Takes a shard's bytes and keeps their number.
#[derive(Default)]
struct Counted(usize);

impl Sink for Counted {
    fn append(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn file(&mut self, _: String, _: Vec<u8>) {}
}

/// Takes a shard's bytes.
struct Kept(Vec<u8>);

impl Sink for Kept {
    fn append(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn file(&mut self, _: String, _: Vec<u8>) {}
}

impl Samples {
    fn new(rows: usize) -> io::Result<Self> {
        let mut samples = Self {
            layout: Arc::new(Layout {
                format: OutputFormat::Webdataset,
                image_ext: "jpg",
                save_caption: true,
                exif_column: false,
                hash_column: Some("sha256"),
                pdq_columns: false,
                shard_digits: 5,
                rows_per_shard: 10_000,
            }),
            input: input(rows)?,
            facts: (0..rows).map(facts).collect(),
            images: (0..IMAGES).map(image).collect(),
            members: Vec::new(),
            bytes: 0,
        };
        let mut kept = Kept(Vec::new());
        samples.lay_out(&mut kept)?;
        samples.bytes = kept.0.len();
        samples.members = members(&kept.0)?;
        Ok(samples)
    }

    fn sample(&self, row: usize) -> (&SampleFacts, &[u8]) {
        (&self.facts[row], &self.images[row % IMAGES])
    }

    fn lay_out(&self, sink: &mut dyn Sink) -> io::Result<()> {
        let mut writer = ShardWriter::new(self.layout.clone(), 0, self.input.clone())
            .map_err(io::Error::other)?;
        for row in 0..self.input.num_rows() {
            let (facts, image) = self.sample(row);
            writer
                .sample(row, facts, image, sink)
                .map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn write(&self, folder: &Path) -> io::Result<turbo2ds::run::stages::WrittenShard> {
        let written = write_shard(folder, &self.layout, &self.input, |row| self.sample(row))?;
        end(
            &OpenOptions::new().write(true).open(&written.path)?,
            written.bytes,
        )?;
        Ok(written)
    }

    /// The samples as crate `tar` writes them.
    fn tar(&self, buffered: BufWriter<File>) -> io::Result<()> {
        let mut builder = Builder::new(buffered);
        for (at, (name, bytes)) in self.members.iter().enumerate() {
            let bytes = match at % 3 {
                0 => &self.images[at / 3 % IMAGES],
                _ => bytes,
            };
            let mut header = Header::new_ustar();
            header.set_entry_type(EntryType::Regular);
            header.set_mode(0o444);
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, name, &bytes[..])?;
        }
        let file = builder.into_inner()?.into_inner()?;
        file.sync_all()
    }
}

/// Cuts a file to its length and waits until it is stored.
fn end(file: &File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)?;
    file.sync_all()
}

fn input(rows: usize) -> io::Result<RecordBatch> {
    let url = |row| format!("https://images.example.org/photos/2024/06/{row:08}.jpg");
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("caption", DataType::Utf8, true),
        Field::new("url", DataType::Utf8, true),
    ]);
    let ids = Int64Array::from_iter_values(0..rows as i64);
    let captions = StringArray::from_iter_values((0..rows).map(|_| CAPTION));
    let urls = StringArray::from_iter_values((0..rows).map(url));
    let columns = vec![
        Arc::new(ids) as _,
        Arc::new(captions) as _,
        Arc::new(urls) as _,
    ];
    RecordBatch::try_new(Arc::new(schema), columns).map_err(io::Error::other)
}

fn facts(row: usize) -> SampleFacts {
    SampleFacts {
        width: 256,
        height: 256,
        original_width: 900,
        original_height: 600,
        hash: Some(format!("{row:064x}")),
        ..SampleFacts::default()
    }
}

fn image(seed: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let next = |_| {
        // Knuth's MMIX generator; its high bits are the good ones.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..IMAGE_BYTES).map(next).collect()
}

/// Names and bytes of a tar's members, without the images' bytes.
fn members(tar: &[u8]) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut archive = tar::Archive::new(tar);
    let read = |entry: io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        if !name.ends_with(".jpg") {
            entry.read_to_end(&mut bytes)?;
        }
        Ok((name, bytes))
    };
    archive.entries()?.map(read).collect()
}

fn ours(samples: &Samples, folder: &Path) -> io::Result<()> {
    samples.write(folder).map(drop)
}

fn layout_alone(samples: &Samples, _: &Path) -> io::Result<()> {
    let mut counted = Counted::default();
    samples.lay_out(&mut counted)?;
    if counted.0 == samples.bytes {
        return Ok(());
    }
    Err(io::Error::other("the shard's length has changed"))
}

fn tar_by_default(samples: &Samples, folder: &Path) -> io::Result<()> {
    let file = File::create(folder.join("default.tar"))?;
    samples.tar(BufWriter::new(file))
}

fn tar_by_blocks(samples: &Samples, folder: &Path) -> io::Result<()> {
    let file = File::create(folder.join("blocks.tar"))?;
    samples.tar(BufWriter::with_capacity(WRITE_BYTES, file))
}

fn pwrite_buffered(samples: &Samples, folder: &Path) -> io::Result<()> {
    pwrite(&File::create(folder.join("buffered"))?, samples.bytes)
}

/// Direct, or buffered where the file system has no direct I/O, as the stream does.
fn pwrite_direct(samples: &Samples, folder: &Path) -> io::Result<()> {
    let direct = rustix::fs::OFlags::DIRECT.bits() as i32;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let path = folder.join("direct");
    match options.clone().custom_flags(direct).open(&path) {
        Ok(file) => pwrite(&file, samples.bytes),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            pwrite(&options.open(&path)?, samples.bytes)
        }
        Err(error) => Err(error),
    }
}

fn pwrite(file: &File, bytes: usize) -> io::Result<()> {
    let memory = vec![b'x'; WRITE_BYTES + ALIGN_BYTES];
    let start = memory.as_ptr().align_offset(ALIGN_BYTES);
    for offset in (0..bytes).step_by(WRITE_BYTES) {
        let length = WRITE_BYTES.min((bytes - offset).next_multiple_of(ALIGN_BYTES));
        file.write_all_at(&memory[start..start + length], offset as u64)?;
    }
    end(file, bytes as u64)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_side_writes_the_samples_whole() {
        let samples = Samples::new(300).expect("samples");
        assert_eq!(samples.members.len(), 900);
        let folder = tempfile::tempdir().expect("a folder");
        let written = samples.write(folder.path()).expect("our shard");
        let tar = fs::read(&written.path).expect("its bytes");
        let mut kept = Kept(Vec::new());
        samples.lay_out(&mut kept).expect("the layout");
        assert!(tar == kept.0, "what is on disk is what was laid out");
        for (_, side) in SIDES {
            side(&samples, folder.path()).expect("a side");
        }
        let theirs = fs::read(folder.path().join("blocks.tar")).expect("crate tar's");
        assert_eq!(members(&theirs).expect("a tar"), samples.members);
        for name in ["direct", "buffered"] {
            let length = fs::metadata(folder.path().join(name))
                .expect("a file")
                .len();
            assert_eq!(length, samples.bytes as u64, "{name}");
        }
    }
}
