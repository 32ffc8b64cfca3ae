//! Owns the images that the simulated web serves, all in memory, and their way to and from a folder.
//! Never decides which request gets which.

use std::fs;
use std::path::Path;
use std::thread;

use bytes::Bytes;
use turbo2ds_tests::pictures::Format;

use super::{Error, photo};
use crate::sorted_files;

/// One file of the pool.
#[derive(Clone, Debug)]
pub struct Image {
    /// The file.
    pub file: Bytes,
    /// Its media type.
    pub media_type: &'static str,
}

/// The images, in the order of their names.
#[derive(Clone, Debug)]
pub struct Pool(Vec<Image>);

impl Pool {
    /// Reads every image of a folder.
    ///
    /// # Errors
    /// A folder that cannot be read or holds no image.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let mut images = Vec::new();
        for path in sorted_files(folder)? {
            let extension = path.extension().and_then(|extension| extension.to_str());
            if let Some(media_type) = extension.and_then(media_type) {
                let file = Bytes::from(fs::read(&path)?);
                images.push(Image { file, media_type });
            }
        }
        if images.is_empty() {
            return Err(format!("no image in {}", folder.display()).into());
        }
        Ok(Self(images))
    }

    /// Draws `count` images from `seed`, of `megapixels` in the median, into a folder, which is made.
    ///
    /// # Errors
    /// A folder that cannot be written to.
    pub fn draw(folder: &Path, count: usize, seed: u64, megapixels: f64) -> Result<(), Error> {
        fs::create_dir_all(folder)?;
        let workers = thread::available_parallelism()?.get();
        let draw = |worker: usize| -> Result<(), std::io::Error> {
            for number in (worker..count).step_by(workers) {
                let (file, extension) = photo::file(seed.wrapping_add(number as u64), megapixels);
                fs::write(folder.join(format!("{number:05}.{extension}")), file)?;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..workers)
                .map(|worker| scope.spawn(move || draw(worker)))
                .collect();
            for thread in threads {
                thread.join().map_err(|_| "drawing panicked")??;
            }
            Ok(())
        })
    }

    /// How many there are; at least one.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// One of them.
    pub fn get(&self, number: usize) -> &Image {
        &self.0[number]
    }

    /// Mean bytes of a file.
    pub fn mean_bytes(&self) -> f64 {
        self.0
            .iter()
            .map(|image| image.file.len() as f64)
            .sum::<f64>()
            / self.0.len() as f64
    }
}

fn media_type(extension: &str) -> Option<&'static str> {
    Format::of_extension(extension).map(Format::media_type)
}
