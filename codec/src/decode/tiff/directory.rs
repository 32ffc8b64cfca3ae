//! Owns interpreting the first directory, with libtiff's defaults, repairs and refusals. Never reads pixel
//! data.

use super::entries::{Entries, Entry};

mod tag {
    pub(super) const WIDTH: u16 = 256;
    pub(super) const HEIGHT: u16 = 257;
    pub(super) const BITS_PER_SAMPLE: u16 = 258;
    pub(super) const COMPRESSION: u16 = 259;
    pub(super) const PHOTOMETRIC: u16 = 262;
    pub(super) const FILL_ORDER: u16 = 266;
    pub(super) const STRIP_OFFSETS: u16 = 273;
    pub(super) const ORIENTATION: u16 = 274;
    pub(super) const SAMPLES_PER_PIXEL: u16 = 277;
    pub(super) const ROWS_PER_STRIP: u16 = 278;
    pub(super) const STRIP_BYTE_COUNTS: u16 = 279;
    pub(super) const MIN_SAMPLE: u16 = 280;
    pub(super) const MAX_SAMPLE: u16 = 281;
    pub(super) const PLANAR: u16 = 284;
    pub(super) const T4_OPTIONS: u16 = 292;
    pub(super) const PREDICTOR: u16 = 317;
    pub(super) const WHITE_POINT: u16 = 318;
    pub(super) const COLOUR_MAP: u16 = 320;
    pub(super) const TILE_WIDTH: u16 = 322;
    pub(super) const TILE_LENGTH: u16 = 323;
    pub(super) const TILE_OFFSETS: u16 = 324;
    pub(super) const TILE_BYTE_COUNTS: u16 = 325;
    pub(super) const INK_SET: u16 = 332;
    pub(super) const EXTRA_SAMPLES: u16 = 338;
    pub(super) const SAMPLE_FORMAT: u16 = 339;
    pub(super) const SAMPLE_MINIMA: u16 = 340;
    pub(super) const SAMPLE_MAXIMA: u16 = 341;
    pub(super) const JPEG_TABLES: u16 = 347;
    pub(super) const YCBCR_COEFFICIENTS: u16 = 529;
    pub(super) const YCBCR_SUBSAMPLING: u16 = 530;
    pub(super) const REFERENCE_BLACK_WHITE: u16 = 532;
}

pub(super) mod photometric {
    pub(in super::super) const WHITE_IS_ZERO: u16 = 0;
    pub(in super::super) const BLACK_IS_ZERO: u16 = 1;
    pub(in super::super) const RGB: u16 = 2;
    pub(in super::super) const PALETTE: u16 = 3;
    pub(in super::super) const SEPARATED: u16 = 5;
    pub(in super::super) const YCBCR: u16 = 6;
    pub(in super::super) const CIELAB: u16 = 8;
}

pub(super) mod compression {
    pub(in super::super) const NONE: u16 = 1;
    pub(in super::super) const CCITT_RLE: u16 = 2;
    pub(in super::super) const CCITT_T4: u16 = 3;
    pub(in super::super) const CCITT_T6: u16 = 4;
    pub(in super::super) const LZW: u16 = 5;
    pub(in super::super) const JPEG: u16 = 7;
    pub(in super::super) const ADOBE_DEFLATE: u16 = 8;
    pub(in super::super) const CCITT_RLE_WORDS: u16 = 32771;
    pub(in super::super) const PACK_BITS: u16 = 32773;
    pub(in super::super) const DEFLATE: u16 = 32946;
}

/// The interpreted directory.
pub(super) struct Directory<'a> {
    pub(super) body: &'a [u8],
    pub(super) big_endian: bool,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Bits per sample; 1 without a tag.
    pub(super) bits: u16,
    /// Samples per pixel; 1 without a tag.
    pub(super) samples: u16,
    pub(super) has_samples_tag: bool,
    pub(super) photometric: u16,
    pub(super) compression: u16,
    pub(super) separate: bool,
    pub(super) rows_per_strip: Option<u32>,
    /// Width and height of a tile, if the image is tiled.
    pub(super) tile: Option<(u32, u32)>,
    /// 1 unsigned, 2 signed, 3 IEEE floating point.
    pub(super) sample_format: u16,
    /// Number of samples that are not colours.
    pub(super) extra_samples: u16,
    /// Type of the first of them: 1 associated alpha, 2 unassociated alpha.
    pub(super) first_extra: Option<u16>,
    pub(super) orientation: u16,
    /// Whether the low bit of each byte is first.
    pub(super) low_bit_first: bool,
    pub(super) predictor: u16,
    pub(super) ink_set: u16,
    /// Horizontal and vertical subsampling of YCbCr, if specified.
    pub(super) subsampling: Option<(u16, u16)>,
    pub(super) coefficients: [f32; 3],
    pub(super) reference: [f32; 6],
    pub(super) white_point: [f32; 2],
    pub(super) jpeg_tables: Option<&'a [u8]>,
    pub(super) t4_options: u32,
    pub(super) colour_map: Option<Entry<'a>>,
    pub(super) offsets: Entry<'a>,
    pub(super) byte_counts: Option<Entry<'a>>,
    /// Bytes of the file that are not pixel data; `None` if unknown.
    pub(super) overhead: Option<u64>,
}

impl<'a> Directory<'a> {
    /// Reads the first directory; `None` if libtiff refuses it.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let entries = Entries::read(body)?;
        let samples = optional(&entries, tag::SAMPLES_PER_PIXEL, Entry::single_u16)?;
        let per_sample = |entry: Entry<'a>| entry.per_sample_u16(samples.unwrap_or(1));
        // Their value is not used, but an unreadable one makes libtiff refuse the directory.
        optional(&entries, tag::MIN_SAMPLE, per_sample)?;
        optional(&entries, tag::MAX_SAMPLE, per_sample)?;
        for entry in [tag::SAMPLE_MINIMA, tag::SAMPLE_MAXIMA].map(|tag| entries.find(tag)) {
            let whole = |entry: Entry| {
                entry.count == u64::from(samples.unwrap_or(1)) && entry.raw().is_some()
            };
            if !entry.is_none_or(whole) {
                return None;
            }
        }
        let bits = optional(&entries, tag::BITS_PER_SAMPLE, per_sample)?;
        let (extra_samples, first_extra) = extra_samples(&entries, samples.unwrap_or(1))?;
        let mut directory = Self {
            body,
            big_endian: entries.source.big_endian,
            width: entries.find(tag::WIDTH)?.single_u32()?,
            height: entries.find(tag::HEIGHT)?.single_u32()?,
            bits: bits.unwrap_or(1),
            samples: samples.unwrap_or(1),
            has_samples_tag: samples.is_some(),
            photometric: entries.find(tag::PHOTOMETRIC)?.single_u16()?,
            compression: optional(&entries, tag::COMPRESSION, per_sample)?.unwrap_or(1),
            separate: optional(&entries, tag::PLANAR, Entry::single_u16)?.unwrap_or(1) == 2,
            rows_per_strip: optional(&entries, tag::ROWS_PER_STRIP, Entry::single_u32)?,
            tile: tile(&entries)?,
            sample_format: optional(&entries, tag::SAMPLE_FORMAT, per_sample)?.unwrap_or(1),
            extra_samples,
            first_extra,
            orientation: lenient(&entries, tag::ORIENTATION, 1..=8, 1),
            low_bit_first: lenient(&entries, tag::FILL_ORDER, 1..=2, 1) == 2,
            predictor: lenient(&entries, tag::PREDICTOR, 0..=u16::MAX, 1),
            ink_set: lenient(&entries, tag::INK_SET, 0..=u16::MAX, 1),
            subsampling: subsampling(&entries),
            coefficients: floats(&entries, tag::YCBCR_COEFFICIENTS)
                .unwrap_or([0.299, 0.587, 0.114]),
            reference: floats(&entries, tag::REFERENCE_BLACK_WHITE)
                .unwrap_or([0.0, 255.0, 128.0, 255.0, 128.0, 255.0]),
            white_point: floats(&entries, tag::WHITE_POINT).unwrap_or(D50),
            jpeg_tables: entries.find(tag::JPEG_TABLES).and_then(Entry::raw),
            t4_options: entries
                .find(tag::T4_OPTIONS)
                .and_then(Entry::single_u32)
                .unwrap_or(0),
            colour_map: colour_map(&entries, bits),
            offsets: last(&entries, [tag::STRIP_OFFSETS, tag::TILE_OFFSETS])?,
            byte_counts: last(&entries, [tag::STRIP_BYTE_COUNTS, tag::TILE_BYTE_COUNTS]),
            overhead: overhead(&entries),
        };
        directory.check(&entries)?;
        directory.count_extra_samples();
        directory.photometric = directory.repaired_photometric()?;
        Some(directory)
    }

    /// Refuses values for which libtiff refuses the directory.
    fn check(&self, entries: &Entries) -> Option<()> {
        let planar = entries.find(tag::PLANAR).and_then(Entry::single_u16);
        let sound = self.samples > 0
            && self.rows_per_strip != Some(0)
            && matches!(planar, None | Some(1 | 2))
            && (1..=6).contains(&self.sample_format);
        sound.then_some(())
    }

    /// Counts samples beyond the colours of the photometric interpretation as extra, even if not declared.
    fn count_extra_samples(&mut self) {
        let colours = match self.photometric {
            photometric::WHITE_IS_ZERO | photometric::BLACK_IS_ZERO | photometric::PALETTE => 1,
            photometric::RGB | photometric::YCBCR | photometric::CIELAB => 3,
            photometric::SEPARATED => 4,
            _ => return,
        };
        if self.samples.saturating_sub(self.extra_samples) > colours {
            self.extra_samples = self.samples - colours;
            self.first_extra.get_or_insert(0);
        }
    }

    /// The photometric interpretation; a palette image without a colour map becomes RGB or grey if possible.
    fn repaired_photometric(&self) -> Option<u16> {
        match (self.photometric, self.colour_map, self.bits) {
            (photometric::PALETTE, None, 8..) if self.samples == 3 => Some(photometric::RGB),
            (photometric::PALETTE, None, 8..) => Some(photometric::BLACK_IS_ZERO),
            (photometric::PALETTE, None, _) => None,
            _ => Some(self.photometric),
        }
    }

    pub(super) fn is_grey(&self) -> bool {
        matches!(
            self.photometric,
            photometric::WHITE_IS_ZERO | photometric::BLACK_IS_ZERO
        )
    }
}

/// The white point of CIE D50, 96.425 100 82.468 in XYZ, libtiff's default.
const D50: [f32; 2] = [
    96.425 / (96.425 + 100.0 + 82.468),
    100.0 / (96.425 + 100.0 + 82.468),
];

/// The value of a tag that may be missing, but must be readable if present.
fn optional<'a, T>(
    entries: &Entries<'a>,
    tag: u16,
    read: impl Fn(Entry<'a>) -> Option<T>,
) -> Option<Option<T>> {
    match entries.find(tag) {
        None => Some(None),
        Some(entry) => read(entry).map(Some),
    }
}

/// The value of a tag, or the default if it is unreadable or unknown.
fn lenient(entries: &Entries, tag: u16, known: std::ops::RangeInclusive<u16>, default: u16) -> u16 {
    let value = entries.find(tag).and_then(Entry::single_u16);
    value
        .filter(|value| known.contains(value))
        .unwrap_or(default)
}

fn last<'a>(entries: &Entries<'a>, tags: [u16; 2]) -> Option<Entry<'a>> {
    entries
        .iter()
        .filter(|entry| tags.contains(&entry.tag))
        .last()
}

/// The tile dimensions; a missing one is 0, which is refused later.
fn tile(entries: &Entries) -> Option<Option<(u32, u32)>> {
    let width = optional(entries, tag::TILE_WIDTH, Entry::single_u32)?;
    let length = optional(entries, tag::TILE_LENGTH, Entry::single_u32)?;
    let tiled = width.is_some() || length.is_some();
    Some(tiled.then(|| (width.unwrap_or(0), length.unwrap_or(0))))
}

/// The number of extra samples and the type of the first one.
fn extra_samples(entries: &Entries, samples: u16) -> Option<(u16, Option<u16>)> {
    const COREL_UNASSOCIATED_ALPHA: u64 = 999;
    let Some(entry) = entries.find(tag::EXTRA_SAMPLES) else {
        return Some((0, None));
    };
    let count = u16::try_from(entry.count).ok()?;
    if count > samples {
        return None;
    }
    let mut first = None;
    for index in 0..u64::from(count) {
        let kind = match entry.integer(index)? {
            kind @ 0..=2 => kind as u16,
            COREL_UNASSOCIATED_ALPHA => 2,
            _ => return None,
        };
        first.get_or_insert(kind);
    }
    Some((count, first))
}

fn subsampling(entries: &Entries) -> Option<(u16, u16)> {
    let entry = entries.find(tag::YCBCR_SUBSAMPLING)?;
    if entry.count != 2 {
        return None;
    }
    let factor = |index| u16::try_from(entry.integer(index)?).ok();
    Some((factor(0)?, factor(1)?))
}

fn floats<const N: usize>(entries: &Entries, tag: u16) -> Option<[f32; N]> {
    let entry = entries.find(tag)?;
    if entry.count != N as u64 {
        return None;
    }
    let mut values = [0.0; N];
    for (index, value) in values.iter_mut().enumerate() {
        *value = entry.float(index as u64)?;
    }
    Some(values)
}

/// The colour map, if the bit depth precedes it and it has three values per index.
fn colour_map<'a>(entries: &Entries<'a>, bits: Option<u16>) -> Option<Entry<'a>> {
    const BITS_MAX: u16 = 24;
    let bits = bits.filter(|&bits| bits <= BITS_MAX)?;
    let before = |entry: &Entry| entry.tag != tag::COLOUR_MAP;
    let depth_is_known = entries
        .iter()
        .take_while(before)
        .any(|entry| entry.tag == tag::BITS_PER_SAMPLE);
    let entry = entries.find(tag::COLOUR_MAP)?;
    entry.integer(0)?;
    entry.raw()?;
    (depth_is_known && entry.count == 3 << bits).then_some(entry)
}

/// Bytes of the header, the directory and the values outside of it.
fn overhead(entries: &Entries) -> Option<u64> {
    entries.iter().try_fold(entries.own_bytes, |sum, entry| {
        let bytes = entry.bytes()?;
        let outside = if bytes > entries.inline_bytes {
            bytes
        } else {
            0
        };
        sum.checked_add(outside)
    })
}
