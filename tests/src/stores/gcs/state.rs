//! Owns what the double holds: objects with their generations, and uploads by their identities. Never knows HTTP.

use std::collections::BTreeMap;
use std::time::SystemTime;

/// An object's content and version.
#[derive(Clone)]
pub(super) struct Object {
    pub(super) content: Vec<u8>,
    pub(super) generation: u64,
    pub(super) written: SystemTime,
}

impl Object {
    pub(super) fn etag(&self) -> String {
        format!("\"{:x}-{:x}\"", self.generation, self.content.len())
    }
}

/// An upload in parts that is under way.
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) parts: BTreeMap<u32, Vec<u8>>,
}

/// A page of a listing.
#[derive(Default)]
pub(super) struct Page<'a> {
    pub(super) objects: Vec<(&'a str, &'a Object)>,
    pub(super) folders: Vec<String>,
    /// The last name told, where more follow.
    pub(super) next: Option<String>,
}

/// What a listing asks for.
pub(super) struct Listing<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
    /// Names up to this one are left out.
    pub(super) after: &'a str,
    pub(super) names_max: usize,
}

/// All of it.
pub(super) struct State {
    pub(super) bucket: String,
    objects: BTreeMap<String, Object>,
    pub(super) uploads: BTreeMap<String, Upload>,
    generation: u64,
}

impl State {
    pub(super) fn new(bucket: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
            // As the service's, microseconds in the beginning: never one that was there before.
            generation: SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(1, |time| time.as_micros() as u64),
        }
    }

    pub(super) fn object(&self, key: &str) -> Option<&Object> {
        self.objects.get(key)
    }

    /// The generation of a key, 0 where nothing has it.
    pub(super) fn generation(&self, key: &str) -> u64 {
        self.object(key).map_or(0, |object| object.generation)
    }

    pub(super) fn put(&mut self, key: &str, content: Vec<u8>) -> Object {
        self.generation += 1;
        let object = Object {
            content,
            generation: self.generation,
            written: SystemTime::now(),
        };
        self.objects.insert(key.to_owned(), object.clone());
        object
    }

    /// Whether there was one.
    pub(super) fn delete(&mut self, key: &str) -> bool {
        self.objects.remove(key).is_some()
    }

    /// A new upload's identity.
    pub(super) fn begin(&mut self, key: &str) -> String {
        self.generation += 1;
        let id = format!("upload-{:x}", self.generation);
        let upload = Upload {
            key: key.to_owned(),
            parts: BTreeMap::new(),
        };
        self.uploads.insert(id.clone(), upload);
        id
    }

    pub(super) fn list(&self, listing: &Listing<'_>) -> Page<'_> {
        let mut page = Page::default();
        let mut last = String::new();
        for (key, object) in &self.objects {
            let Some(rest) = key.strip_prefix(listing.prefix) else {
                continue;
            };
            let folder = listing.delimiter.and_then(|delimiter| {
                let end = rest.find(delimiter)? + delimiter.len();
                Some(format!("{}{}", listing.prefix, &rest[..end]))
            });
            let name = folder.as_deref().unwrap_or(key);
            if name <= listing.after || name == last {
                continue;
            }
            if page.objects.len() + page.folders.len() == listing.names_max {
                page.next = Some(last);
                return page;
            }
            name.clone_into(&mut last);
            match folder {
                Some(folder) => page.folders.push(folder),
                None => page.objects.push((key, object)),
            }
        }
        page
    }
}
