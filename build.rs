//! Compiles the C++ shims over libtorch and dlib and points the binary at the libtorch it was built with.

use std::path::PathBuf;

const NO_LIBTORCH: &str =
    "LIBTORCH is not set: run scripts/setup.sh once; it installs libtorch and writes .cargo/config.toml";

fn main() {
    let libtorch = PathBuf::from(std::env::var("LIBTORCH").expect(NO_LIBTORCH));
    let include = libtorch.join("include");

    println!("cargo:rerun-if-env-changed=LIBTORCH");
    for file in ["autocast.cpp", "fused_conv.cpp"] {
        println!("cargo:rerun-if-changed=src/native/{file}");
    }
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .file("src/native/autocast.cpp")
        .file("src/native/fused_conv.cpp")
        .compile("sbi_native");
    compile_depthwise();
    compile_dlib();

    // The rpath spares users LD_LIBRARY_PATH; DT_RPATH (not RUNPATH) also serves libtorch's own
    // dependencies, which lie in the same folder.
    println!("cargo:rustc-link-arg=-Wl,--disable-new-dtags,-rpath,{}", libtorch.join("lib").display());
    // With CUDA, no symbol of torch_cuda is used directly: without this the linker drops it and
    // libtorch then reports that there is no GPU.
    if libtorch.join("lib/libtorch_cuda.so").exists() {
        println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
        println!("cargo:rustc-link-arg=-ltorch_cuda");
        println!("cargo:rustc-link-arg=-Wl,--as-needed");
    }
}

/// The depthwise kernel, for AVX2 whatever the rest is built for: it asks the processor before it runs.
fn compile_depthwise() {
    println!("cargo:rerun-if-changed=src/native/depthwise.cpp");
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").warnings(false).opt_level(3).flag("-ffp-contract=fast").flag("-fopenmp");
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64") {
        build.flag("-mavx2").flag("-mfma");
    }
    build.file("src/native/depthwise.cpp").compile("sbi_depthwise");
    // At run time this is the copy beside libtorch: one team of threads for both.
    println!("cargo:rustc-link-lib=gomp");
}

/// The shims over dlib, and the scan for faces twice: for AVX2 and for any x86-64; the shim asks the processor.
fn compile_dlib() {
    const SCAN: [&str; 3] = ["face_hog.cpp", "face_hog_pyramid.cpp", "face_hog_features.cpp"];
    for file in
        ["dlib.cpp", "dlib_face_net.cpp", "guarded.h", "face_hog.h", "face_hog_parts.h"].iter().chain(&SCAN)
    {
        println!("cargo:rerun-if-changed=src/native/{file}");
    }
    let base = || {
        let mut build = cc::Build::new();
        build.cpp(true).std("c++17").warnings(false).opt_level(3).flag("-fno-math-errno").flag("-Wno-psabi");
        build
    };
    base().file("src/native/dlib.cpp").file("src/native/dlib_face_net.cpp").compile("sbi_dlib");
    // Sums in the order in which dlib has them; where a fused multiply-add is wanted, the source says so.
    let mut plain = base();
    plain.flag("-ffp-contract=off").files(SCAN.map(|file| format!("src/native/{file}")));
    plain.clone().flag("-mavx2").flag("-mfma").compile("sbi_face_hog_avx2");
    plain.compile("sbi_face_hog");
    for library in ["dlib", "lapack", "blas"] {
        println!("cargo:rustc-link-lib={library}");
    }
}
