//! Owns reading TIFF 6.0 directories: entries, values and the directories they point to. Never reads outside
//! the body and never follows a directory twice in a chain. A pointer to data that is not a directory loses only
//! its own tags: up to 65,535 entries are read there, of which hardly one has a known type. Work is bounded: tags
//! past the bound are dropped, and so is a value that is too long.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use memchr::memchr;

use super::names::{self, EXIF_TAGS, Show, Tag};
use super::print::{Number, Value, characters, meanings, plain};

/// Most steps for one body: an entry, a number or [`TEXT_BYTES_A_STEP`] are one step. Sixteen directories of
/// garbage fit.
const STEPS_MAX: usize = 1 << 20;
const TEXT_BYTES_A_STEP: usize = 64;
/// Most directories in a chain; a TIFF has one per page.
const DIRECTORIES_MAX: usize = 4096;
/// Least count of numbers of a value that are not read: img2dataset's reader shows none of them.
const NUMBERS_MAX: u32 = 1000;
/// Most bytes of names and printed values.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// Ignored tags, large or of no use here: XMP, maker notes, user comments.
const IGNORED: [u16; 3] = [0x02BC, 0x927C, 0x9286];
const ASCII: u16 = 2;

/// The structure cannot be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken;

/// Byte order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Endian {
    Little,
    Big,
}

impl Endian {
    /// The byte order for the first byte of a TIFF structure. Two private marks count as big-endian.
    pub(super) fn from_mark(mark: u8) -> Option<Self> {
        match mark {
            b'I' => Some(Self::Little),
            b'M' | 1 | b'd' => Some(Self::Big),
            _ => None,
        }
    }
}

/// Names and printed values, in the order of first occurrence.
#[derive(Default)]
pub(super) struct Tags {
    entries: Vec<(String, String)>,
    places: HashMap<String, usize>,
    text_bytes: usize,
}

impl Tags {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Adds a tag. A repeated name keeps its place and gets the later value. Tags that exceed the bound are
    /// dropped.
    fn set(&mut self, name: String, text: String) {
        match self.places.entry(name) {
            Slot::Occupied(place) => {
                let known = &mut self.entries[*place.get()].1;
                let bytes = self.text_bytes - known.len() + text.len();
                if bytes <= TEXT_BYTES_MAX {
                    self.text_bytes = bytes;
                    *known = text;
                }
            }
            Slot::Vacant(place) => {
                let bytes = self.text_bytes + place.key().len() + text.len();
                if bytes <= TEXT_BYTES_MAX {
                    self.text_bytes = bytes;
                    self.entries.push((place.key().clone(), text));
                    place.insert(self.entries.len() - 1);
                }
            }
        }
    }
}

/// Reads one body.
pub(super) struct Reader<'a> {
    body: &'a [u8],
    /// Start of the TIFF structure, which all offsets are relative to.
    base: usize,
    endian: Endian,
    steps_left: usize,
    tags: Tags,
    /// The first number of `Image ExifOffset`, if that tag was found.
    exif_directory: Option<Option<Number>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8], base: usize, endian: Endian) -> Self {
        Self {
            body,
            base,
            endian,
            steps_left: STEPS_MAX,
            tags: Tags::default(),
            exif_directory: None,
        }
    }

    /// All tags of the chained directories and of those they point to.
    pub(super) fn read(mut self) -> Result<Tags, Broken> {
        for (index, offset) in self.chain()?.into_iter().enumerate() {
            let name = match index {
                0 => "Image".to_owned(),
                1 => "Thumbnail".to_owned(),
                _ => format!("IFD {index}"),
            };
            self.directory(offset, &name, EXIF_TAGS)?;
        }
        match self.exif_directory.take() {
            Some(Some(Number::Integer(offset))) => self.directory(offset, "EXIF", EXIF_TAGS)?,
            Some(None) => return Err(Broken),
            _ => {}
        }
        Ok(self.tags)
    }

    fn chain(&self) -> Result<Vec<i64>, Broken> {
        let mut offsets = Vec::new();
        let mut offset = self.unsigned(4, 4)?;
        while offset != 0 && offsets.len() < DIRECTORIES_MAX && !offsets.contains(&offset) {
            offsets.push(offset);
            let entries = self.unsigned(offset, 2)?;
            offset = self.unsigned(offset + 2 + 12 * entries, 4)?;
        }
        Ok(offsets)
    }

    fn directory(&mut self, offset: i64, name: &str, table: &'static [Tag]) -> Result<(), Broken> {
        let entries = self.unsigned(offset, 2)?;
        for index in 0..entries {
            let entry = offset + 2 + 12 * index;
            // Past the end everything reads as zero, which is not an entry.
            if !self.inside(entry) || !self.step(1) {
                break;
            }
            let id = self.unsigned(entry, 2)? as u16;
            if !IGNORED.contains(&id) {
                self.entry(entry, id, name, table)?;
            }
        }
        Ok(())
    }

    /// Takes `count` steps; returns false if fewer are left.
    fn step(&mut self, count: usize) -> bool {
        let left = self.steps_left.checked_sub(count);
        self.steps_left = left.unwrap_or(0);
        left.is_some()
    }

    fn entry(
        &mut self,
        entry: i64,
        id: u16,
        directory: &str,
        table: &'static [Tag],
    ) -> Result<(), Broken> {
        let kind = self.unsigned(entry + 2, 2)? as u16;
        let Some(item_bytes) = item_bytes(kind) else {
            return Ok(());
        };
        let count = self.unsigned(entry + 4, 4)? as u32;
        let mut offset = entry + 8;
        if i64::from(count) * item_bytes > 4 {
            offset = self.unsigned(offset, 4)?;
        }
        let Some(value) = self.value(kind, item_bytes, count, offset)? else {
            return Ok(());
        };
        let tag = names::find(table, id);
        let text = match tag.map_or(Show::Plain, |tag| tag.show) {
            Show::Plain => plain(&value, kind == ASCII, count),
            Show::Characters => characters(&value),
            Show::Meaning(names) => meanings(&value, names),
            Show::Directory(name, inner) => {
                if let Some(Number::Integer(offset)) = value.first() {
                    self.directory(offset, name, inner)?;
                }
                plain(&value, kind == ASCII, count)
            }
        };
        let name = match tag {
            Some(tag) => format!("{directory} {}", tag.name),
            None => format!("{directory} Tag 0x{id:04X}"),
        };
        if name == "Image ExifOffset" {
            self.exif_directory = Some(value.first());
        }
        self.tags.set(name, text);
        Ok(())
    }

    /// Reads a value; `None` if no steps are left or it is too long.
    fn value(
        &mut self,
        kind: u16,
        item_bytes: i64,
        count: u32,
        offset: i64,
    ) -> Result<Option<Value>, Broken> {
        if kind == ASCII {
            return self.text(count, offset);
        }
        if count >= NUMBERS_MAX {
            return Ok(Some(Value::Numbers(Vec::new())));
        }
        if !self.step(count as usize) {
            return Ok(None);
        }
        let numbers =
            (0..i64::from(count)).map(|index| self.number(kind, offset + index * item_bytes));
        Ok(Some(Value::Numbers(numbers.collect::<Result<_, _>>()?)))
    }

    /// Reads text up to its first zero; bytes that are not UTF-8 stay bytes.
    fn text(&mut self, count: u32, offset: i64) -> Result<Option<Value>, Broken> {
        let start = self.position(offset)?.min(self.body.len());
        let looked_at = (count as usize).min(TEXT_BYTES_MAX + 1);
        let end = start.saturating_add(looked_at).min(self.body.len());
        let stored = &self.body[start..end];
        let bytes = &stored[..memchr(0, stored).unwrap_or(stored.len())];
        if !self.step(bytes.len() / TEXT_BYTES_A_STEP) || bytes.len() > TEXT_BYTES_MAX {
            return Ok(None);
        }
        Ok(Some(match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Bytes(bytes.to_vec()),
        }))
    }

    fn number(&self, kind: u16, offset: i64) -> Result<Number, Broken> {
        Ok(match kind {
            5 => Number::ratio(self.unsigned(offset, 4)?, self.unsigned(offset + 4, 4)?),
            10 => Number::ratio(self.signed(offset, 4)?, self.signed(offset + 4, 4)?),
            8 => Number::Integer(self.signed(offset, 2)?),
            9 => Number::Integer(self.signed(offset, 4)?),
            3 => Number::Integer(self.unsigned(offset, 2)?),
            4 | 13 => Number::Integer(self.unsigned(offset, 4)?),
            11 => Number::Float(f64::from(f32::from_bits(self.exact(offset, 4)? as u32))),
            12 => Number::Float(f64::from_bits(self.exact(offset, 8)?)),
            // Single bytes: see `exif_json`.
            _ => Number::Integer(0),
        })
    }

    fn signed(&self, offset: i64, bytes: usize) -> Result<i64, Broken> {
        let value = self.unsigned(offset, bytes)?;
        let shift = 64 - 8 * bytes as u32;
        Ok(value << shift >> shift)
    }

    /// Reads a number; zero past the end. One that crosses the end is an error, unless only one byte is left.
    fn unsigned(&self, offset: i64, bytes: usize) -> Result<i64, Broken> {
        let start = self.position(offset)?;
        match self.body.len().saturating_sub(start) {
            0 | 1 => Ok(0),
            _ => self.exact(offset, bytes).map(|value| value as i64),
        }
    }

    fn exact(&self, offset: i64, bytes: usize) -> Result<u64, Broken> {
        let start = self.position(offset)?;
        let end = start.checked_add(bytes).ok_or(Broken)?;
        let raw = self.body.get(start..end).ok_or(Broken)?;
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Ok(match self.endian {
            Endian::Big => raw.iter().fold(0, join),
            Endian::Little => raw.iter().rev().fold(0, join),
        })
    }

    fn inside(&self, offset: i64) -> bool {
        self.position(offset)
            .is_ok_and(|position| position < self.body.len())
    }

    fn position(&self, offset: i64) -> Result<usize, Broken> {
        let position = (self.base as i64).checked_add(offset).ok_or(Broken)?;
        usize::try_from(position).map_err(|_| Broken)
    }
}

/// Bytes of an item of a TIFF field type.
const fn item_bytes(kind: u16) -> Option<i64> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 => Some(8),
        _ => None,
    }
}
