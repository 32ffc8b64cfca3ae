//! Owns the file format of TIFF 6.0 and BigTIFF: the header, the entries of the first directory and their
//! values. Never interprets a tag, and never allocates what an entry claims: values are read from the body on
//! demand.

/// Bytes of a value of each field type, by type number; 0 for an unknown type.
const TYPE_BYTES: [u8; 19] = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

/// libtiff's limit on the entries of a directory.
const ENTRIES_MAX: u64 = 4096;

/// Reads numbers in the byte order of the file, at any offset.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) body: &'a [u8],
    pub(super) big_endian: bool,
}

impl Source<'_> {
    fn bytes<const N: usize>(self, at: u64) -> Option<[u8; N]> {
        let at = usize::try_from(at).ok()?;
        let mut bytes: [u8; N] = self.body.get(at..at.checked_add(N)?)?.try_into().ok()?;
        if self.big_endian {
            bytes.reverse();
        }
        Some(bytes)
    }

    fn u16(self, at: u64) -> Option<u16> {
        self.bytes(at).map(u16::from_le_bytes)
    }

    fn u32(self, at: u64) -> Option<u32> {
        self.bytes(at).map(u32::from_le_bytes)
    }

    fn u64(self, at: u64) -> Option<u64> {
        self.bytes(at).map(u64::from_le_bytes)
    }
}

/// One entry of the directory.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    source: Source<'a>,
    pub(super) tag: u16,
    kind: u16,
    pub(super) count: u64,
    /// Offset of the values.
    at: u64,
}

impl<'a> Entry<'a> {
    fn value_bytes(self) -> u64 {
        let bytes = TYPE_BYTES.get(usize::from(self.kind));
        bytes.copied().unwrap_or(0).into()
    }

    /// Size of the values in bytes; `None` for an unknown type.
    pub(super) fn bytes(self) -> Option<u64> {
        match self.value_bytes() {
            0 => None,
            bytes => bytes.checked_mul(self.count),
        }
    }

    /// The bytes of the values, if they are within the body.
    pub(super) fn raw(self) -> Option<&'a [u8]> {
        let (start, len) = (self.at, self.bytes()?);
        let end = usize::try_from(start.checked_add(len)?).ok()?;
        self.source.body.get(usize::try_from(start).ok()?..end)
    }

    /// Offset of value `index`.
    fn place(self, index: u64) -> Option<u64> {
        if index >= self.count {
            return None;
        }
        self.at.checked_add(index.checked_mul(self.value_bytes())?)
    }

    /// Value `index` of an integer type, if it is not negative.
    pub(super) fn integer(self, index: u64) -> Option<u64> {
        let at = self.place(index)?;
        match self.kind {
            1 => self.source.bytes(at).map(|[byte]| byte.into()),
            3 => self.source.u16(at).map(u64::from),
            4 => self.source.u32(at).map(u64::from),
            16 => self.source.u64(at),
            6 => positive(self.source.bytes(at).map(|[byte]| byte as i8)?),
            8 => positive(self.source.u16(at)? as i16),
            9 => positive(self.source.u32(at)? as i32),
            17 => positive(self.source.u64(at)? as i64),
            _ => None,
        }
    }

    /// Value `index` of any number type.
    pub(super) fn float(self, index: u64) -> Option<f32> {
        let at = self.place(index)?;
        match self.kind {
            5 => {
                let (over, under) = (self.source.u32(at)?, self.source.u32(at + 4)?);
                Some(quotient(over.into(), under.into()))
            }
            10 => {
                let (over, under) = (self.source.u32(at)? as i32, self.source.u32(at + 4)? as i32);
                Some(quotient(over.into(), under.into()))
            }
            11 => self.source.u32(at).map(f32::from_bits),
            12 => self.source.u64(at).map(|bits| f64::from_bits(bits) as f32),
            _ => self.integer(index).map(|value| value as f32),
        }
    }

    /// The value of an entry that has exactly one.
    pub(super) fn single(self) -> Option<u64> {
        if self.count == 1 {
            self.integer(0)
        } else {
            None
        }
    }

    pub(super) fn single_u16(self) -> Option<u16> {
        u16::try_from(self.single()?).ok()
    }

    pub(super) fn single_u32(self) -> Option<u32> {
        u32::try_from(self.single()?).ok()
    }

    /// One value for all samples: stored once, or for every sample and equal.
    pub(super) fn per_sample_u16(self, samples: u16) -> Option<u16> {
        if self.count == 1 {
            return self.single_u16();
        }
        let first = self.integer(0)?;
        let equal = |index| self.integer(index) == Some(first);
        if self.count < samples.into() || !(1..samples.into()).all(equal) {
            return None;
        }
        self.raw()?;
        u16::try_from(first).ok()
    }
}

/// The value of a fraction; zero if its denominator is zero.
fn quotient(over: f64, under: f64) -> f32 {
    if under == 0.0 {
        0.0
    } else {
        (over / under) as f32
    }
}

fn positive(value: impl TryInto<u64>) -> Option<u64> {
    value.try_into().ok()
}

/// The entries of the first directory in file order, without repeated tags.
pub(super) struct Entries<'a> {
    pub(super) source: Source<'a>,
    list: Vec<Entry<'a>>,
    /// Bytes of the header and the directory, without values stored elsewhere.
    pub(super) own_bytes: u64,
    /// Most bytes of a value that is stored in its entry.
    pub(super) inline_bytes: u64,
}

impl<'a> Entries<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let source = Source {
            body,
            big_endian: body.starts_with(b"MM"),
        };
        match source.u16(2)? {
            42 => Self::directory(source, source.u32(4)?.into(), false),
            43 if source.u16(4)? == 8 && source.u16(6)? == 0 => {
                Self::directory(source, source.u64(8)?, true)
            }
            _ => None,
        }
    }

    fn directory(source: Source<'a>, at: u64, big: bool) -> Option<Self> {
        let (count, count_bytes, entry_bytes, inline_bytes) = if big {
            (source.u64(at)?, 8, 20, 8)
        } else {
            (source.u16(at)?.into(), 2, 12, 4)
        };
        if at == 0 || count == 0 || count > ENTRIES_MAX {
            return None;
        }
        let first = at.checked_add(count_bytes)?;
        let mut list: Vec<Entry> = Vec::with_capacity(count as usize);
        for index in 0..count {
            let at = first.checked_add(index * entry_bytes)?;
            let entry = Self::entry(source, at, big)?;
            if list.iter().all(|earlier| earlier.tag != entry.tag) {
                list.push(entry);
            }
        }
        let header_bytes = if big { 16 } else { 8 };
        Some(Self {
            source,
            list,
            own_bytes: header_bytes + count_bytes + count * entry_bytes + inline_bytes,
            inline_bytes,
        })
    }

    fn entry(source: Source<'a>, at: u64, big: bool) -> Option<Entry<'a>> {
        let (count, value_at) = if big {
            (source.u64(at + 4)?, at + 12)
        } else {
            (source.u32(at + 4)?.into(), at + 8)
        };
        // The whole entry must be in the body, whatever its value.
        source.u32(value_at + if big { 4 } else { 0 })?;
        let mut entry = Entry {
            source,
            tag: source.u16(at)?,
            kind: source.u16(at + 2)?,
            count,
            at: value_at,
        };
        if entry
            .bytes()
            .is_none_or(|bytes| bytes > if big { 8 } else { 4 })
        {
            entry.at = if big {
                source.u64(value_at)?
            } else {
                source.u32(value_at)?.into()
            };
        }
        Some(entry)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Entry<'a>> {
        self.list.iter().copied()
    }

    pub(super) fn find(&self, tag: u16) -> Option<Entry<'a>> {
        self.iter().find(|entry| entry.tag == tag)
    }
}
