//! A body before it is decoded: its signature, its header under limits, its EXIF. What passes is within
//! the limits.

use turbo2ds_codec::{Limits, exif_json, read_header, sniff};

/// One input.
pub fn run(body: &[u8]) {
    let limits = Limits {
        pixels_max: 1_000_000,
        jpeg_scans_max: 10,
    };
    if let Ok(header) = read_header(body, &limits) {
        assert_eq!(sniff(body), Some(header.format));
        assert!(header.width > 0 && header.height > 0);
        let pixels = u64::from(header.width) * u64::from(header.height);
        assert!(pixels <= limits.pixels_max);
        let wide = Limits {
            pixels_max: u64::MAX,
            jpeg_scans_max: u32::MAX,
        };
        assert_eq!(read_header(body, &wide), Ok(header));
    }
    if let Some(json) = exif_json(body) {
        // Text of a file that may say anything; what is made of it is plain.
        assert!(json.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || !json.is_ascii());
    }
}
