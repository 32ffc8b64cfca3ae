//! Owns a simulated disk: folders and files in memory, what of them is durable, and the loss of power.
//! It keeps no promise that POSIX does not make. What was not synced is there after a loss in part: any
//! sectors of a file, any of a folder's changes, in any order; only a rename is whole. A sync that fails
//! leaves what it should have written lost for later syncs too, as Linux does. A rename from one folder to
//! another is not whole: each folder keeps its half or loses it. Somebody else's files come and go beside
//! it, durable at once. Never a real file.

mod nodes;

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::SystemTime;

use fastrand::Rng;
use futures_util::future::{FutureExt, LocalBoxFuture, poll_fn};

use super::{Disk, Files, Kind, Lock, Locked, OpenFolder, Stamp, Stream};
use crate::dataset::disk::Block;
use nodes::{Change, Content, Folder, Id, Node};

/// A disk; clones are the same one.
#[derive(Clone)]
pub(crate) struct Simulated(Arc<Mutex<State>>);

struct State {
    random: Rng,
    nodes: Vec<Node>,
    /// Steps until the power goes.
    power: Option<u64>,
    /// Syncs of folders until it goes with one.
    power_at_sync: Option<u64>,
    lost: bool,
    /// Steps until one fails with EIO.
    fault: Option<u64>,
    syncs: Syncs,
    /// Steps until somebody else makes a file, its path and its bytes.
    ahead: Option<(u64, PathBuf, Vec<u8>)>,
}

/// Syncs that were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Syncs {
    pub(crate) files: u64,
    pub(crate) folders: u64,
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl State {
    /// Counts one step. An error is what it ends with instead of being taken; a step with which the
    /// power goes may yet be taken, see [`Self::answer`].
    fn step(&mut self) -> io::Result<()> {
        if self.lost {
            return Err(io::Error::other("the power is gone"));
        }
        if let Some((left, path, bytes)) = self.ahead.take() {
            if left == 0 {
                self.put(&path, &bytes);
            } else {
                self.ahead = Some((left - 1, path, bytes));
            }
        }
        if let Some(left) = &mut self.fault {
            if *left == 0 {
                self.fault = None;
                return Err(rustix::io::Errno::IO.into());
            }
            *left -= 1;
        }
        if let Some(left) = &mut self.power {
            if *left == 0 {
                self.lost = true;
                // The step may or may not have been taken.
                return if self.random.bool() {
                    Ok(())
                } else {
                    Err(io::Error::other("the power is gone"))
                };
            }
            *left -= 1;
        }
        Ok(())
    }

    /// What a step that was taken gives: nothing comes back from a machine without power.
    fn answer<T>(&self, value: T) -> io::Result<T> {
        if self.lost {
            Err(io::Error::other("the power is gone"))
        } else {
            Ok(value)
        }
    }

    fn find(&self, path: &Path) -> Option<Id> {
        let mut at = 0;
        for part in path.components() {
            match part {
                Component::Normal(name) => match &self.nodes[at] {
                    Node::Folder(folder) => at = *folder.now.get(name.to_str()?)?,
                    Node::File(_) => return None,
                },
                _ => continue,
            }
        }
        Some(at)
    }

    /// The folder that a path is in, and its name there.
    fn place(&mut self, path: &Path) -> io::Result<(&mut Folder, String)> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(not_found)?.to_owned();
        let above = self.find(path.parent().unwrap_or(Path::new("/")));
        match &mut self.nodes[above.ok_or_else(not_found)?] {
            Node::Folder(folder) => Ok((folder, name)),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn folder(&mut self, path: &Path) -> io::Result<&mut Folder> {
        let id = self.find(path).ok_or_else(not_found)?;
        match &mut self.nodes[id] {
            Node::Folder(folder) => Ok(folder),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn content(&mut self, id: Id) -> &mut Content {
        match &mut self.nodes[id] {
            Node::File(content) => content,
            Node::Folder(_) => panic!("a file is asked for"),
        }
    }

    /// A file of this name, emptied where it was there.
    fn create(&mut self, path: &Path) -> io::Result<Id> {
        let next = self.nodes.len();
        let (folder, name) = self.place(path)?;
        if let Some(&id) = folder.now.get(&name) {
            self.content(id).now.clear();
            return Ok(id);
        }
        folder.change(Change::Set(name, next));
        self.nodes.push(Node::File(Content::default()));
        Ok(next)
    }

    fn put(&mut self, path: &Path, bytes: &[u8]) -> bool {
        let above = path.parent().expect("a file is in a folder");
        if self.find(path).is_some() {
            return false;
        }
        if self.find(above).is_none() {
            self.give(above, Node::Folder(Folder::default()));
        }
        if self.folder(above).is_err() {
            return false;
        }
        let content = Content {
            now: bytes.to_vec(),
            durable: bytes.to_vec(),
            given_up: false,
        };
        self.give(path, Node::File(content));
        true
    }

    /// Gives a node a name in a folder that is there, now and after any loss.
    fn give(&mut self, path: &Path, node: Node) {
        let next = self.nodes.len();
        let (folder, name) = self.place(path).expect("a folder above it");
        folder.now.insert(name.clone(), next);
        folder.durable.insert(name.clone(), next);
        folder.of_others.insert(name, next);
        self.nodes.push(node);
    }

    fn write(&mut self, id: Id, bytes: &[u8], offset: usize) {
        let torn = self.lost.then(|| self.random.usize(..=bytes.len()));
        let bytes = &bytes[..torn.unwrap_or(bytes.len())];
        let now = &mut self.content(id).now;
        let end = offset + bytes.len();
        if now.len() < end {
            now.resize(end, 0);
        }
        now[offset..end].copy_from_slice(bytes);
    }

    fn sync(&mut self, id: Id) {
        self.content(id).sync();
    }
}

impl Simulated {
    /// An empty disk that does what its seed says.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: Rng::with_seed(seed),
            nodes: vec![Node::Folder(Folder::default())],
            power: None,
            power_at_sync: None,
            lost: false,
            fault: None,
            syncs: Syncs::default(),
            ahead: None,
        })))
    }

    /// Lets the power go after so many further steps.
    pub(crate) fn lose_power_after(&self, steps: u64) {
        self.state().power = Some(steps);
    }

    /// Lets the power go with a folder's sync, after so many others: the moment at which the most hangs
    /// in the air.
    pub(crate) fn lose_power_at_sync(&self, syncs: u64) {
        self.state().power_at_sync = Some(syncs);
    }

    /// Lets the step after so many further ones fail with EIO.
    pub(crate) fn fail_after(&self, steps: u64) {
        self.state().fault = Some(steps);
    }

    /// Lets nothing go wrong that has not yet.
    pub(crate) fn be_well(&self) {
        let mut state = self.state();
        (state.power, state.power_at_sync, state.fault) = (None, None, None);
    }

    /// Whether the power is gone.
    pub(crate) fn is_lost(&self) -> bool {
        self.state().lost
    }

    /// The power is back: what is there now is what was durable, and some of the rest.
    pub(crate) fn power_up(&self) {
        let mut state = self.state();
        let State { nodes, random, .. } = &mut *state;
        for node in nodes {
            match node {
                Node::File(content) => content.lose_power(random),
                Node::Folder(folder) => folder.lose_power(random),
            }
        }
        state.lost = false;
        drop(state);
        self.be_well();
    }

    /// Every file below a folder, by its path from there.
    pub(crate) fn files(&self, folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.state();
        let mut files = BTreeMap::new();
        let mut left = vec![(PathBuf::new(), state.find(folder))];
        while let Some((path, id)) = left.pop() {
            match id.map(|id| &state.nodes[id]) {
                Some(Node::File(content)) => {
                    files.insert(path, content.now.clone());
                }
                Some(Node::Folder(folder)) => {
                    let names = folder.now.iter();
                    left.extend(names.map(|(name, id)| (path.join(name), Some(*id))));
                }
                None => {}
            }
        }
        files
    }

    /// Syncs so far.
    pub(crate) fn syncs(&self) -> Syncs {
        self.state().syncs
    }

    /// Somebody else makes a file, and the folder that it is in where that is missing; false where there
    /// is something of its name. Takes no step of the run's.
    pub(crate) fn put(&self, path: &Path, bytes: &[u8]) -> bool {
        self.state().put(path, bytes)
    }

    /// The same just before the step after so many further ones, unless somebody is to make one already.
    pub(crate) fn put_after(&self, steps: u64, path: &Path, bytes: &[u8]) {
        let ahead = &mut self.state().ahead;
        *ahead = ahead
            .take()
            .or(Some((steps, path.to_owned(), bytes.to_vec())));
    }

    /// Nobody makes what was still to come.
    pub(crate) fn put_no_more(&self) {
        self.state().ahead = None;
    }

    /// Somebody else takes a file away, for good.
    pub(crate) fn take_away(&self, path: &Path) {
        let mut state = self.state();
        let (folder, name) = state.place(path).expect("its folder is there");
        folder.of_others.remove(&name);
        folder.now.remove(&name);
        folder.durable.remove(&name);
        folder.pending.retain(|change| !change.gives(&name));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends once or twice later: what a reactor waits for comes in any order.
    fn later(&self) -> impl Future<Output = ()> {
        let disk = self.clone();
        poll_fn(move |_| {
            if disk.state().random.bool() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
    }
}

/// Nobody else is at a simulated disk but those who need no lock.
struct SimulatedFolder;

impl OpenFolder for SimulatedFolder {
    fn lock(&self, _lock: Lock) -> Locked {
        Locked::Held
    }

    fn check(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Files for Simulated {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        state.answer(())?;
        let id = state.find(path).ok_or_else(not_found)?;
        Ok(state.content(id).now.clone())
    }

    fn exists(&self, path: &Path) -> bool {
        self.state().find(path).is_some()
    }

    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        let state = self.state();
        state.answer(())?;
        Ok(state.find(path).map(|id| state.nodes[id].kind()))
    }

    fn entries(&self, folder: &Path) -> io::Result<Vec<(String, Kind)>> {
        let mut state = self.state();
        state.answer(())?;
        let names = state.folder(folder)?.now.clone();
        let kind = |(name, id): (String, Id)| (name, state.nodes[id].kind());
        Ok(names.into_iter().map(kind).collect())
    }
}

impl Disk for Simulated {
    fn create(&self, path: &Path, _direct: bool) -> io::Result<Box<dyn Stream>> {
        let mut state = self.state();
        state.step()?;
        let id = state.create(path)?;
        let disk = self.clone();
        state.answer(Box::new(Written { disk, id }) as Box<dyn Stream>)
    }

    fn write_small<'a>(
        &'a self,
        path: &'a Path,
        bytes: Vec<u8>,
    ) -> LocalBoxFuture<'a, io::Result<()>> {
        async move {
            self.later().await;
            self.write(path, &bytes)
        }
        .boxed_local()
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let id = state.create(path)?;
        state.answer(())?;
        state.step()?;
        state.write(id, bytes, 0);
        state.answer(())
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let id = match state.find(path) {
            Some(id) => id,
            None => state.create(path)?,
        };
        let end = state.content(id).now.len();
        state.write(id, bytes, end);
        state.answer(())
    }

    fn sync(&self, path: &Path, length: Option<u64>) -> io::Result<()> {
        let mut state = self.state();
        let id = state.find(path).ok_or_else(not_found)?;
        if let Some(length) = length {
            state.step()?;
            let length = usize::try_from(length).expect("small files");
            state.content(id).now.resize(length, 0);
            state.answer(())?;
        }
        let was_lost = state.lost;
        state.syncs.files += 1;
        match state.step() {
            Ok(()) => state.sync(id),
            Err(error) if !was_lost && !state.lost => {
                state.content(id).given_up = true;
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        state.answer(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        match state.power_at_sync {
            Some(0) => state.power = Some(0),
            Some(left) => state.power_at_sync = Some(left - 1),
            None => {}
        }
        state.syncs.folders += 1;
        state.step()?;
        state.folder(folder)?.sync();
        state.answer(())
    }

    fn sync_all(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.find(folder).ok_or_else(not_found)?;
        state.step()?;
        for node in &mut state.nodes {
            match node {
                Node::File(content) => content.sync(),
                Node::Folder(folder) => folder.sync(),
            }
        }
        state.answer(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let id = state.find(from).ok_or_else(not_found)?;
        if let Some(there) = state.find(to)
            && matches!(&state.nodes[there], Node::Folder(folder) if !folder.now.is_empty())
        {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        assert_eq!(from.parent(), to.parent(), "renames stay in their folder");
        let (_, to) = state.place(to)?;
        let (folder, from) = state.place(from)?;
        folder.change(Change::Rename(from, to, id));
        state.answer(())
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let id = state.find(from).ok_or_else(not_found)?;
        if state.find(to).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let in_one_folder = from.parent() == to.parent();
        let (folder, to) = state.place(to)?;
        if in_one_folder {
            let from = from.file_name().and_then(|name| name.to_str());
            let from = from.expect("it was found").to_owned();
            folder.change(Change::Rename(from, to, id));
        } else {
            folder.change(Change::Set(to, id));
            let (folder, from) = state.place(from)?;
            folder.change(Change::Unset(from));
        }
        state.answer(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let Some(id) = self.state().find(path) else {
            return Ok(());
        };
        let within = match &self.state().nodes[id] {
            Node::Folder(folder) => folder.now.keys().cloned().collect(),
            Node::File(_) => Vec::new(),
        };
        for name in within {
            self.remove(&path.join(name))?;
        }
        let mut state = self.state();
        state.step()?;
        let (folder, name) = state.place(path)?;
        folder.change(Change::Unset(name));
        state.answer(())
    }

    fn create_new(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        if state.find(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.create(path)?;
        state.answer(())
    }

    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>> {
        // No time goes by here.
        let stamp = |id: usize| Stamp {
            inode: id as u64,
            modified: SystemTime::now(),
        };
        Ok(self.state().find(path).map(stamp))
    }

    fn open_folder(&self, folder: &Path) -> io::Result<Box<dyn OpenFolder>> {
        let found = self.state().find(folder);
        let open: Box<dyn OpenFolder> = Box::new(SimulatedFolder);
        found.map(|_| open).ok_or_else(not_found)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let next = state.nodes.len();
        let (folder, name) = state.place(path)?;
        if folder.now.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        folder.change(Change::Set(name, next));
        state.nodes.push(Node::Folder(Folder::default()));
        state.answer(())
    }

    fn remove_empty(&self, folder: &Path) -> io::Result<bool> {
        let mut state = self.state();
        state.step()?;
        if !state.folder(folder)?.now.is_empty() {
            return state.answer(false);
        }
        let (above, name) = state.place(folder)?;
        above.change(Change::Unset(name));
        state.answer(true)
    }
}

/// A file that is written block by block.
struct Written {
    disk: Simulated,
    id: Id,
}

impl Stream for Written {
    fn write(&mut self, block: Block, offset: u64) -> LocalBoxFuture<'_, io::Result<()>> {
        async move {
            self.disk.later().await;
            let offset = usize::try_from(offset).expect("small files");
            let mut state = self.disk.state();
            state.step()?;
            state.write(self.id, block.bytes(), offset);
            state.answer(())
        }
        .boxed_local()
    }
}

#[cfg(test)]
mod tests;
