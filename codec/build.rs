//! Compiles the C that stands between Rust and libjpeg-turbo's longjmp, and the C that tells the
//! libraries' versions, against the headers of the libraries that turbojpeg-sys and libdeflate-sys built.

fn main() {
    const SOURCES: [&str; 2] = ["src/turbo/decompress.c", "src/versions.c"];
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
    }
    println!("cargo:rerun-if-env-changed=DEP_TURBOJPEG_INCLUDE");
    let include = std::env::var("DEP_TURBOJPEG_INCLUDE")
        .expect("turbojpeg-sys names the folder of its headers");
    let mut build = cc::Build::new();
    build.files(SOURCES).warnings(true).extra_warnings(true);
    let deflate = std::env::var("DEP_LIBDEFLATE_INCLUDE")
        .expect("libdeflate-sys names the folder of its header");
    for folder in include.split(',').chain([&*deflate]) {
        build.include(folder);
    }
    build.compile("turbo2ds_jpeg");
}
