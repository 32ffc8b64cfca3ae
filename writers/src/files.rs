//! Owns the list of output formats and which files a shard of each has: how their names end, what each is to
//! its shard, and when it is there. Whoever writes, publishes, looks for, reads back or removes a shard's
//! files asks here. Never opens one.

/// A closed set of things that each have a text.
macro_rules! texts {
    ($(#[$doc:meta])* $set:ident, $(#[$text_doc:meta])* $text:ident:
     $($(#[$member_doc:meta])* $member:ident = $word:literal;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $set {
            $($(#[$member_doc])* $member,)*
        }

        impl $set {
            /// All of them.
            pub const ALL: [Self; [$(Self::$member),*].len()] = [$(Self::$member),*];

            $(#[$text_doc])*
            pub const fn $text(self) -> &'static str {
                match self {
                    $(Self::$member => $word,)*
                }
            }
        }
    };
}

texts! {
    /// Kind of shard.
    OutputFormat,
    /// The word of the option.
    as_str:
    /// A folder of single files per shard.
    Files = "files";
    /// A tar per shard.
    Webdataset = "webdataset";
    /// One parquet with the image in a binary column.
    Parquet = "parquet";
    /// Masked-CRC records of tf.train.Example.
    Tfrecord = "tfrecord";
    /// No data, stats only.
    Dummy = "dummy";
}

texts! {
    /// What a file in a dataset's folder can be to a shard, whatever its format.
    Part,
    /// What follows the shard's number in its name.
    ending:
    /// The shard's statistics, its mark of being done: every format has one.
    Mark = "_stats.json";
    /// Metadata, and in one format the samples too.
    Parquet = ".parquet";
    /// Samples as members of a tar.
    Tar = ".tar";
    /// Samples as records.
    Tfrecord = ".tfrecord";
    /// A folder of loose files.
    Folder = "";
}

impl Part {
    /// Name of this part of a shard, whose number has at least so many digits: `00000.tar`.
    pub fn file_name(self, shard_id: u64, digits: usize) -> String {
        shard_name(shard_id, digits) + self.ending()
    }

    /// Whether it is a folder, and no file.
    pub const fn is_folder(self) -> bool {
        match self {
            Self::Folder => true,
            Self::Mark | Self::Parquet | Self::Tar | Self::Tfrecord => false,
        }
    }
}

/// The name of a shard, zero-padded to `digits`: `00000`.
pub fn shard_name(shard_id: u64, digits: usize) -> String {
    format!("{shard_id:0digits$}")
}

/// Extension of a sample's metadata as a member or file.
pub const JSON_EXT: &str = "json";
/// Extension of a sample's caption as a member or file, and the name of its feature.
pub const CAPTION_EXT: &str = "txt";

/// A file that a shard of a format has beside its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardFile {
    /// What it is.
    pub part: Part,
    /// Whether samples are appended to it one after the other.
    pub is_stream: bool,
    /// Whether it holds a row for each URL.
    pub is_metadata: bool,
    /// Whether it is there only where the shard has a sample.
    pub needs_samples: bool,
}

impl ShardFile {
    const METADATA: Self = Self {
        part: Part::Parquet,
        is_stream: false,
        is_metadata: true,
        needs_samples: false,
    };
    const LOOSE: Self = Self {
        part: Part::Folder,
        is_stream: false,
        is_metadata: false,
        needs_samples: true,
    };

    const fn stream(part: Part) -> Self {
        Self {
            part,
            is_stream: true,
            is_metadata: false,
            needs_samples: false,
        }
    }

    /// Whether a shard has it that has samples, or none.
    pub const fn is_made(self, has_samples: bool) -> bool {
        has_samples || !self.needs_samples
    }
}

impl OutputFormat {
    /// What a shard consists of beside its mark, the metadata last.
    pub const fn files(self) -> &'static [ShardFile] {
        const TAR: ShardFile = ShardFile::stream(Part::Tar);
        const TFRECORD: ShardFile = ShardFile::stream(Part::Tfrecord);
        const PARQUET: ShardFile = ShardFile {
            is_metadata: true,
            ..ShardFile::stream(Part::Parquet)
        };
        match self {
            Self::Files => &[ShardFile::LOOSE, ShardFile::METADATA],
            Self::Webdataset => &[TAR, ShardFile::METADATA],
            Self::Parquet => &[PARQUET],
            Self::Tfrecord => &[TFRECORD, ShardFile::METADATA],
            Self::Dummy => &[],
        }
    }

    /// Whether the image is a column, or a feature among the columns' own; else it is a file or a member.
    pub const fn image_is_column(self) -> bool {
        match self {
            Self::Parquet | Self::Tfrecord => true,
            Self::Files | Self::Webdataset | Self::Dummy => false,
        }
    }

    /// Likewise of the caption, beside the one of the list.
    pub const fn caption_is_column(self) -> bool {
        match self {
            Self::Tfrecord => true,
            Self::Files | Self::Webdataset | Self::Parquet | Self::Dummy => false,
        }
    }

    /// The file to which samples are appended.
    pub fn stream(self) -> Option<ShardFile> {
        self.files().iter().copied().find(|file| file.is_stream)
    }

    /// What holds the samples.
    pub fn samples(self) -> Option<ShardFile> {
        self.files().first().copied()
    }

    /// What holds a row for each URL.
    pub fn metadata(self) -> Option<ShardFile> {
        self.files().iter().copied().find(|file| file.is_metadata)
    }
}

/// Everything that holds samples in some format, what is only that before what may be something else too.
pub fn sample_parts() -> Vec<Part> {
    let formats = OutputFormat::ALL.into_iter();
    let mut files: Vec<ShardFile> = formats.filter_map(OutputFormat::samples).collect();
    files.sort_by_key(|file| (file.is_metadata, !file.is_stream));
    files.into_iter().map(|file| file.part).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_shard_has_one_file_of_samples_and_one_of_metadata_or_none_of_either() {
        for format in OutputFormat::ALL {
            let files = format.files();
            let count = |is: fn(&ShardFile) -> bool| files.iter().filter(|file| is(file)).count();
            let any = usize::from(!files.is_empty());
            assert_eq!(count(|file| file.is_metadata), any, "{format:?}");
            assert!(count(|file| file.is_stream) <= 1, "{format:?}");
            let parts: HashSet<&str> = files.iter().map(|file| file.part.ending()).collect();
            assert_eq!(parts.len(), files.len(), "{format:?}");
            assert!(!parts.contains(Part::Mark.ending()), "{format:?}");
            assert_eq!(files.last().is_some_and(|file| file.is_metadata), any == 1);
        }
    }

    #[test]
    fn every_part_but_the_mark_is_some_formats() {
        for part in Part::ALL {
            let mut files = OutputFormat::ALL.into_iter().flat_map(OutputFormat::files);
            let taken = files.any(|file| file.part == part);
            assert_eq!(taken, part != Part::Mark, "{part:?}");
        }
        let endings: HashSet<&str> = Part::ALL.into_iter().map(Part::ending).collect();
        assert_eq!(endings.len(), Part::ALL.len());
    }

    #[test]
    fn no_two_formats_have_the_same_files() {
        for format in OutputFormat::ALL {
            let same = |other: &OutputFormat| other.files() == format.files();
            let count = OutputFormat::ALL.iter().filter(|other| same(other)).count();
            assert_eq!(count, 1, "{format:?}");
        }
    }

    #[test]
    fn what_holds_samples_is_looked_for_before_what_may_be_metadata() {
        let endings: Vec<&str> = sample_parts().into_iter().map(Part::ending).collect();
        assert_eq!(endings, [".tar", ".tfrecord", "", ".parquet"]);
    }
}
