//! Compiles the C++ shims over libtorch and dlib and points the binary at the libtorch it was built with.

use std::path::PathBuf;

const NO_LIBTORCH: &str =
    "LIBTORCH is not set: run scripts/setup.sh once; it installs libtorch and writes .cargo/config.toml";

fn main() {
    let libtorch = PathBuf::from(std::env::var("LIBTORCH").expect(NO_LIBTORCH));
    let include = libtorch.join("include");

    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let over_libtorch = ["torch/autocast.cpp", "training/norm.cpp", "training/block.cpp"]
        .map(|name| format!("src/native/{name}"));
    for file in over_libtorch.iter().map(String::as_str).chain(["src/native/training/norm.h"]) {
        println!("cargo:rerun-if-changed={file}");
    }
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .opt_level(3)
        .flag("-fopenmp")
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .files(&over_libtorch)
        .compile("sbi_native");
    compile_vector_kernels();
    compile_engine();
    // Before dlib's libraries, among which is a BLAS for everybody: the first of a name counts for the whole process,
    // and libtorch has a far faster one inside.
    println!("cargo:rustc-link-search=native={}", libtorch.join("lib").display());
    println!("cargo:rustc-link-lib=torch_cpu");
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

/// The kernels for AVX2 whatever the rest is built for: the processor is asked before they run.
fn compile_vector_kernels() {
    let sources = ["rows.cpp", "depthwise.cpp"].map(|name| format!("src/native/training/{name}"));
    let headers =
        ["vectors.h", "activations.h", "kernels.h"].map(|name| format!("src/native/training/{name}"));
    for file in sources.iter().chain(&headers) {
        println!("cargo:rerun-if-changed={file}");
    }
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").warnings(false).opt_level(3).flag("-ffp-contract=fast").flag("-fopenmp");
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64") {
        build.flag("-mavx2").flag("-mfma");
    }
    build.files(&sources).compile("sbi_vector_kernels");
    // At run time this is the copy beside libtorch: one team of threads for both.
    println!("cargo:rustc-link-lib=gomp");
}

/// The inference engine's kernels, once per instruction set: the processor is asked before they run.
fn compile_engine() {
    const FOLDER: &str = "src/engine/kernels";
    println!("cargo:rerun-if-changed={FOLDER}");
    let builds: &[(&str, &[&str])] =
        if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64") {
            &[
                ("base", &[]),
                ("avx2", &["-mavx2", "-mfma"]),
                (
                    "avx512",
                    &[
                        "-mavx512f",
                        "-mavx512vl",
                        "-mavx512bw",
                        "-mavx512dq",
                        "-mfma",
                        "-mprefer-vector-width=512",
                    ],
                ),
            ]
        } else {
            &[("base", &[])]
        };
    for (name, flags) in builds {
        let mut build = cc::Build::new();
        build.cpp(true).std("c++17").warnings(false).opt_level(3).flag("-ffp-contract=fast");
        build
            .flag("-fno-math-errno")
            .flag("-fno-trapping-math")
            .flag("-Wno-psabi")
            .define("SBI_BUILD", *name);
        for flag in *flags {
            build.flag(flag);
        }
        build.files(
            ["conv", "winograd", "front", "project", "small"].map(|file| format!("{FOLDER}/{file}.cpp")),
        );
        build.compile(&format!("sbi_engine_{name}"));
    }
}

/// The shims over dlib, and the scan for faces twice: for AVX2 and for any x86-64; the shim asks the processor.
fn compile_dlib() {
    const SCAN: [&str; 3] = ["face_hog.cpp", "face_hog_pyramid.cpp", "face_hog_features.cpp"];
    for file in
        ["detector.cpp", "face_net.cpp", "guarded.h", "face_hog.h", "face_hog_parts.h"].iter().chain(&SCAN)
    {
        println!("cargo:rerun-if-changed=src/native/dlib/{file}");
    }
    let base = || {
        let mut build = cc::Build::new();
        build.cpp(true).std("c++17").warnings(false).opt_level(3).flag("-fno-math-errno").flag("-Wno-psabi");
        build
    };
    base().file("src/native/dlib/detector.cpp").file("src/native/dlib/face_net.cpp").compile("sbi_dlib");
    // Sums in the order in which dlib has them; where a fused multiply-add is wanted, the source says so.
    let mut plain = base();
    plain.flag("-ffp-contract=off").files(SCAN.map(|file| format!("src/native/dlib/{file}")));
    plain.clone().flag("-mavx2").flag("-mfma").compile("sbi_face_hog_avx2");
    plain.compile("sbi_face_hog");
    for library in ["dlib", "lapack", "blas"] {
        println!("cargo:rustc-link-lib={library}");
    }
}
