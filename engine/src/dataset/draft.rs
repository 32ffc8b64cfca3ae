//! Owns the files of one try of a shard on a file system, while they grow under temporary names. Never
//! renames: [`super::commit`] does.

use std::collections::HashSet;
use std::path::PathBuf;

use futures_util::future::{FutureExt, LocalBoxFuture};

use super::disk::{Block, Stream};
use super::sealed::{Broken, Placed, Written};
use super::staging::Staging;
use super::store::Draft;

/// One try's files.
pub(super) struct LocalDraft {
    place: Staging,
    /// The open stream, and where its next block goes.
    stream: Option<(Box<dyn Stream>, u64)>,
    placed: Vec<Placed>,
    folders: HashSet<String>,
}

impl LocalDraft {
    /// Files at `place`, whose temporary names are this try's own.
    pub(super) fn new(place: Staging) -> Self {
        Self {
            place,
            stream: None,
            placed: Vec::new(),
            folders: HashSet::new(),
        }
    }

    fn open_stream(&mut self, name: &str) -> Result<(Box<dyn Stream>, u64), Broken> {
        let temporary = self.place.temporary(name);
        let disk = self.place.disk();
        let file = self.place.create(|| disk.create(&temporary, true));
        let file = file.flatten().map_err(|error| (temporary.clone(), error))?;
        let target = self.place.folder().join(name);
        self.placed.push(Placed {
            temporary,
            target,
            stream: true,
            folder: false,
        });
        Ok((file, 0))
    }

    /// The temporary path of a whole file; its folder is made, and renamed as one, where it has one.
    fn place(&mut self, path: &str) -> Result<PathBuf, Broken> {
        let Some((folder, name)) = path.split_once('/') else {
            let temporary = self.place.temporary(path);
            let target = self.place.folder().join(path);
            self.placed.push(Placed {
                temporary: temporary.clone(),
                target,
                stream: false,
                folder: false,
            });
            return Ok(temporary);
        };
        let temporary = self.place.temporary(folder);
        if self.folders.insert(folder.to_owned()) {
            let disk = self.place.disk();
            let make = || {
                disk.remove(&temporary)?;
                disk.make_folder(&temporary)
            };
            let made = self.place.create(make);
            made.flatten().map_err(|error| (temporary.clone(), error))?;
            let target = self.place.folder().join(folder);
            self.placed.push(Placed {
                temporary: temporary.clone(),
                target,
                stream: false,
                folder: true,
            });
        }
        Ok(temporary.join(name))
    }
}

impl Draft for LocalDraft {
    fn append<'a>(
        &'a mut self,
        name: &'a str,
        block: Block,
    ) -> LocalBoxFuture<'a, Result<(), Broken>> {
        async move {
            let length = block.len() as u64;
            let (mut file, offset) = match self.stream.take() {
                Some(stream) => stream,
                None => self.open_stream(name)?,
            };
            let result = file.write(block, offset).await;
            self.stream = Some((file, offset + length));
            result.map_err(|error| (self.place.folder().to_owned(), error))
        }
        .boxed_local()
    }

    fn put<'a>(
        &'a mut self,
        path: &'a str,
        bytes: Vec<u8>,
    ) -> LocalBoxFuture<'a, Result<(), Broken>> {
        async move {
            let temporary = self.place(path)?;
            let writing = self.place.disk().write_small(&temporary, bytes);
            let written = self.place.create_async(writing).await;
            written.map_err(|error| (temporary, error))
        }
        .boxed_local()
    }

    fn take_written(&mut self) -> Written {
        Written::Files(std::mem::take(&mut self.placed))
    }
}
