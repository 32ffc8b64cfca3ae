//! Owns the names of Exif 2.32 and TIFF 6.0 tags, as img2dataset spells them, and how their values are printed.
//! Never reads a file.

use super::meanings::*;

/// The name of a tag and how its value is printed.
pub(super) struct Tag {
    pub(super) id: u16,
    pub(super) name: &'static str,
    pub(super) show: Show,
}

/// How a value is printed.
#[derive(Clone, Copy)]
pub(super) enum Show {
    /// As numbers or text.
    Plain,
    /// As the characters of its numbers.
    Characters,
    /// As the names of its numbers.
    Meaning(&'static [(i64, &'static str)]),
    /// As a number, which is the offset of a directory with its own name and tags.
    Directory(&'static str, &'static [Tag]),
}

/// The tag with number `id` in a table sorted by number.
pub(super) fn find(table: &'static [Tag], id: u16) -> Option<&'static Tag> {
    table
        .binary_search_by_key(&id, |tag| tag.id)
        .ok()
        .map(|at| &table[at])
}

const fn tag(id: u16, name: &'static str, show: Show) -> Tag {
    Tag { id, name, show }
}

const fn plain(id: u16, name: &'static str) -> Tag {
    tag(id, name, Show::Plain)
}

/// Tags of the image, thumbnail and Exif directories.
pub(super) static EXIF_TAGS: &[Tag] = &[
    tag(0x00FE, "SubfileType", Show::Meaning(SUBFILE_TYPE)),
    tag(0x00FF, "OldSubfileType", Show::Meaning(OLD_SUBFILE_TYPE)),
    plain(0x0100, "ImageWidth"),
    plain(0x0101, "ImageLength"),
    plain(0x0102, "BitsPerSample"),
    tag(0x0103, "Compression", Show::Meaning(COMPRESSION)),
    plain(0x0106, "PhotometricInterpretation"),
    plain(0x0107, "Thresholding"),
    plain(0x0108, "CellWidth"),
    plain(0x0109, "CellLength"),
    plain(0x010A, "FillOrder"),
    plain(0x010D, "DocumentName"),
    plain(0x010E, "ImageDescription"),
    plain(0x010F, "Make"),
    plain(0x0110, "Model"),
    plain(0x0111, "StripOffsets"),
    tag(0x0112, "Orientation", Show::Meaning(ORIENTATION)),
    plain(0x0115, "SamplesPerPixel"),
    plain(0x0116, "RowsPerStrip"),
    plain(0x0117, "StripByteCounts"),
    plain(0x0118, "MinSampleValue"),
    plain(0x0119, "MaxSampleValue"),
    plain(0x011A, "XResolution"),
    plain(0x011B, "YResolution"),
    plain(0x011C, "PlanarConfiguration"),
    tag(0x011D, "PageName", Show::Characters),
    plain(0x011E, "XPosition"),
    plain(0x011F, "YPosition"),
    tag(
        0x0122,
        "GrayResponseUnit",
        Show::Meaning(GRAY_RESPONSE_UNIT),
    ),
    plain(0x0123, "GrayResponseCurve"),
    plain(0x0124, "T4Options"),
    plain(0x0125, "T6Options"),
    tag(0x0128, "ResolutionUnit", Show::Meaning(RESOLUTION_UNIT)),
    plain(0x0129, "PageNumber"),
    plain(0x012C, "ColorResponseUnit"),
    plain(0x012D, "TransferFunction"),
    plain(0x0131, "Software"),
    plain(0x0132, "DateTime"),
    plain(0x013B, "Artist"),
    plain(0x013C, "HostComputer"),
    tag(0x013D, "Predictor", Show::Meaning(PREDICTOR)),
    plain(0x013E, "WhitePoint"),
    plain(0x013F, "PrimaryChromaticities"),
    plain(0x0140, "ColorMap"),
    plain(0x0141, "HalftoneHints"),
    plain(0x0142, "TileWidth"),
    plain(0x0143, "TileLength"),
    plain(0x0144, "TileOffsets"),
    plain(0x0145, "TileByteCounts"),
    plain(0x0146, "BadFaxLines"),
    tag(0x0147, "CleanFaxData", Show::Meaning(CLEAN_FAX_DATA)),
    plain(0x0148, "ConsecutiveBadFaxLines"),
    plain(0x014A, "SubIFDs"),
    tag(0x014C, "InkSet", Show::Meaning(INK_SET)),
    plain(0x014D, "InkNames"),
    plain(0x014E, "NumberofInks"),
    plain(0x0150, "DotRange"),
    plain(0x0151, "TargetPrinter"),
    tag(0x0152, "ExtraSamples", Show::Meaning(EXTRA_SAMPLES)),
    tag(0x0153, "SampleFormat", Show::Meaning(SAMPLE_FORMAT)),
    plain(0x0154, "SMinSampleValue"),
    plain(0x0155, "SMaxSampleValue"),
    plain(0x0156, "TransferRange"),
    plain(0x0157, "ClipPath"),
    plain(0x015B, "JPEGTables"),
    plain(0x0200, "JPEGProc"),
    plain(0x0201, "JPEGInterchangeFormat"),
    plain(0x0202, "JPEGInterchangeFormatLength"),
    plain(0x0211, "YCbCrCoefficients"),
    plain(0x0212, "YCbCrSubSampling"),
    tag(
        0x0213,
        "YCbCrPositioning",
        Show::Meaning(YCB_CR_POSITIONING),
    ),
    plain(0x0214, "ReferenceBlackWhite"),
    plain(0x02BC, "ApplicationNotes"),
    plain(0x4746, "Rating"),
    plain(0x828D, "CFARepeatPatternDim"),
    plain(0x828E, "CFAPattern"),
    plain(0x828F, "BatteryLevel"),
    plain(0x8298, "Copyright"),
    plain(0x829A, "ExposureTime"),
    plain(0x829D, "FNumber"),
    plain(0x83BB, "IPTC/NAA"),
    plain(0x8769, "ExifOffset"),
    plain(0x8773, "InterColorProfile"),
    tag(0x8822, "ExposureProgram", Show::Meaning(EXPOSURE_PROGRAM)),
    plain(0x8824, "SpectralSensitivity"),
    tag(0x8825, "GPSInfo", Show::Directory("GPS", GPS_TAGS)),
    plain(0x8827, "ISOSpeedRatings"),
    plain(0x8828, "OECF"),
    plain(0x8829, "Interlace"),
    plain(0x882A, "TimeZoneOffset"),
    plain(0x882B, "SelfTimerMode"),
    tag(0x8830, "SensitivityType", Show::Meaning(SENSITIVITY_TYPE)),
    plain(0x8832, "RecommendedExposureIndex"),
    plain(0x8833, "ISOSpeed"),
    tag(0x9000, "ExifVersion", Show::Characters),
    plain(0x9003, "DateTimeOriginal"),
    plain(0x9004, "DateTimeDigitized"),
    plain(0x9010, "OffsetTime"),
    plain(0x9011, "OffsetTimeOriginal"),
    plain(0x9012, "OffsetTimeDigitized"),
    tag(
        0x9101,
        "ComponentsConfiguration",
        Show::Meaning(COMPONENTS_CONFIGURATION),
    ),
    plain(0x9102, "CompressedBitsPerPixel"),
    plain(0x9201, "ShutterSpeedValue"),
    plain(0x9202, "ApertureValue"),
    plain(0x9203, "BrightnessValue"),
    plain(0x9204, "ExposureBiasValue"),
    plain(0x9205, "MaxApertureValue"),
    plain(0x9206, "SubjectDistance"),
    tag(0x9207, "MeteringMode", Show::Meaning(METERING_MODE)),
    tag(0x9208, "LightSource", Show::Meaning(LIGHT_SOURCE)),
    tag(0x9209, "Flash", Show::Meaning(FLASH)),
    plain(0x920A, "FocalLength"),
    plain(0x920B, "FlashEnergy"),
    plain(0x920C, "SpatialFrequencyResponse"),
    plain(0x920D, "Noise"),
    plain(0x9211, "ImageNumber"),
    plain(0x9212, "SecurityClassification"),
    plain(0x9213, "ImageHistory"),
    plain(0x9214, "SubjectArea"),
    plain(0x9215, "ExposureIndex"),
    plain(0x9216, "TIFF/EPStandardID"),
    plain(0x927C, "MakerNote"),
    tag(0x9286, "UserComment", Show::Characters),
    plain(0x9290, "SubSecTime"),
    plain(0x9291, "SubSecTimeOriginal"),
    plain(0x9292, "SubSecTimeDigitized"),
    plain(0x9C9B, "XPTitle"),
    plain(0x9C9C, "XPComment"),
    tag(0x9C9D, "XPAuthor", Show::Characters),
    plain(0x9C9E, "XPKeywords"),
    plain(0x9C9F, "XPSubject"),
    tag(0xA000, "FlashPixVersion", Show::Characters),
    tag(0xA001, "ColorSpace", Show::Meaning(COLOR_SPACE)),
    plain(0xA002, "ExifImageWidth"),
    plain(0xA003, "ExifImageLength"),
    plain(0xA004, "RelatedSoundFile"),
    tag(
        0xA005,
        "InteroperabilityOffset",
        Show::Directory("Interoperability", INTEROPERABILITY_TAGS),
    ),
    plain(0xA20B, "FlashEnergy"),
    plain(0xA20C, "SpatialFrequencyResponse"),
    plain(0xA20E, "FocalPlaneXResolution"),
    plain(0xA20F, "FocalPlaneYResolution"),
    plain(0xA210, "FocalPlaneResolutionUnit"),
    plain(0xA214, "SubjectLocation"),
    plain(0xA215, "ExposureIndex"),
    tag(0xA217, "SensingMethod", Show::Meaning(SENSING_METHOD)),
    tag(0xA300, "FileSource", Show::Meaning(FILE_SOURCE)),
    tag(0xA301, "SceneType", Show::Meaning(SCENE_TYPE)),
    plain(0xA302, "CVAPattern"),
    tag(0xA401, "CustomRendered", Show::Meaning(CUSTOM_RENDERED)),
    tag(0xA402, "ExposureMode", Show::Meaning(EXPOSURE_MODE)),
    tag(0xA403, "WhiteBalance", Show::Meaning(WHITE_BALANCE)),
    plain(0xA404, "DigitalZoomRatio"),
    plain(0xA405, "FocalLengthIn35mmFilm"),
    tag(
        0xA406,
        "SceneCaptureType",
        Show::Meaning(SCENE_CAPTURE_TYPE),
    ),
    tag(0xA407, "GainControl", Show::Meaning(GAIN_CONTROL)),
    tag(0xA408, "Contrast", Show::Meaning(LEVELS)),
    tag(0xA409, "Saturation", Show::Meaning(LEVELS)),
    tag(0xA40A, "Sharpness", Show::Meaning(LEVELS)),
    plain(0xA40B, "DeviceSettingDescription"),
    plain(0xA40C, "SubjectDistanceRange"),
    plain(0xA420, "ImageUniqueID"),
    plain(0xA430, "CameraOwnerName"),
    plain(0xA431, "BodySerialNumber"),
    plain(0xA432, "LensSpecification"),
    plain(0xA433, "LensMake"),
    plain(0xA434, "LensModel"),
    plain(0xA435, "LensSerialNumber"),
    plain(0xA500, "Gamma"),
    plain(0xC4A5, "PrintIM"),
    plain(0xC61A, "BlackLevel"),
    plain(0xEA1C, "Padding"),
    plain(0xEA1D, "OffsetSchema"),
    plain(0xFDE8, "OwnerName"),
    plain(0xFDE9, "SerialNumber"),
];

/// Tags of the GPS directory.
pub(super) static GPS_TAGS: &[Tag] = &[
    plain(0x0000, "GPSVersionID"),
    plain(0x0001, "GPSLatitudeRef"),
    plain(0x0002, "GPSLatitude"),
    plain(0x0003, "GPSLongitudeRef"),
    plain(0x0004, "GPSLongitude"),
    plain(0x0005, "GPSAltitudeRef"),
    plain(0x0006, "GPSAltitude"),
    plain(0x0007, "GPSTimeStamp"),
    plain(0x0008, "GPSSatellites"),
    plain(0x0009, "GPSStatus"),
    plain(0x000A, "GPSMeasureMode"),
    plain(0x000B, "GPSDOP"),
    plain(0x000C, "GPSSpeedRef"),
    plain(0x000D, "GPSSpeed"),
    plain(0x000E, "GPSTrackRef"),
    plain(0x000F, "GPSTrack"),
    plain(0x0010, "GPSImgDirectionRef"),
    plain(0x0011, "GPSImgDirection"),
    plain(0x0012, "GPSMapDatum"),
    plain(0x0013, "GPSDestLatitudeRef"),
    plain(0x0014, "GPSDestLatitude"),
    plain(0x0015, "GPSDestLongitudeRef"),
    plain(0x0016, "GPSDestLongitude"),
    plain(0x0017, "GPSDestBearingRef"),
    plain(0x0018, "GPSDestBearing"),
    plain(0x0019, "GPSDestDistanceRef"),
    plain(0x001A, "GPSDestDistance"),
    plain(0x001B, "GPSProcessingMethod"),
    plain(0x001C, "GPSAreaInformation"),
    plain(0x001D, "GPSDate"),
    plain(0x001E, "GPSDifferential"),
];

/// Tags of the interoperability directory.
pub(super) static INTEROPERABILITY_TAGS: &[Tag] = &[
    plain(0x0001, "InteroperabilityIndex"),
    plain(0x0002, "InteroperabilityVersion"),
    plain(0x1000, "RelatedImageFileFormat"),
    plain(0x1001, "RelatedImageWidth"),
    plain(0x1002, "RelatedImageLength"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_so_that_the_search_finds_every_tag() {
        for table in [EXIF_TAGS, GPS_TAGS, INTEROPERABILITY_TAGS] {
            assert!(table.windows(2).all(|pair| pair[0].id < pair[1].id));
        }
    }
}
