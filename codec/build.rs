//! Compiles the C that stands between Rust and libjpeg-turbo's longjmp, against the headers of the
//! library that turbojpeg-sys built.

fn main() {
    const SOURCE: &str = "src/turbo/decompress.c";
    println!("cargo:rerun-if-changed={SOURCE}");
    println!("cargo:rerun-if-env-changed=DEP_TURBOJPEG_INCLUDE");
    let include = std::env::var("DEP_TURBOJPEG_INCLUDE")
        .expect("turbojpeg-sys names the folder of its headers");
    let mut build = cc::Build::new();
    build.file(SOURCE).warnings(true).extra_warnings(true);
    for folder in include.split(',') {
        build.include(folder);
    }
    build.compile("turbo2ds_jpeg");
}
