//! Owns the names and versions of the linked C libraries, from the libraries and their headers. Never
//! reports what the build merely requested.

use std::ffi::{CStr, c_char};

#[allow(unsafe_code)]
mod c {
    use super::c_char;

    unsafe extern "C" {
        pub(super) fn turbo2ds_libjpeg_turbo_version() -> *const c_char;
        pub(super) fn turbo2ds_libdeflate_version() -> *const c_char;
    }
}

/// Name and version of each C library that reads or writes pixels.
#[allow(unsafe_code)]
pub fn libraries() -> [(&'static str, String); 3] {
    // SAFETY: both functions return a string literal of versions.c, which is NUL-terminated and static;
    // WebPGetDecoderVersion takes no argument and returns a number.
    let (jpeg, deflate, webp) = unsafe {
        (
            CStr::from_ptr(c::turbo2ds_libjpeg_turbo_version()),
            CStr::from_ptr(c::turbo2ds_libdeflate_version()),
            libwebp_sys::WebPGetDecoderVersion(),
        )
    };
    let [_, major, minor, revision] = webp.to_be_bytes();
    [
        ("libjpeg-turbo", jpeg.to_string_lossy().into_owned()),
        ("libwebp", format!("{major}.{minor}.{revision}")),
        ("libdeflate", deflate.to_string_lossy().into_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_tells_a_version() {
        for (name, version) in libraries() {
            let parts: Vec<_> = version.split('.').map(str::parse::<u32>).collect();
            assert!(
                parts.len() >= 2 && parts.iter().all(Result::is_ok),
                "{name} {version}"
            );
        }
    }
}
