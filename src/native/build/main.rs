//! Compiles the C++ under `src` and points the binary at the libtorch it was built with.

mod kernels;
mod layout;
mod libav;
mod symbols;

use kernels::{ANY, AVX2, AVX512, ENGINE, SCAN, TRAINING};
use std::path::{Path, PathBuf};

const NO_LIBTORCH: &str =
    "LIBTORCH is not set: run scripts/setup.sh once; it installs libtorch and writes .cargo/config.toml";

/// Makes a library and returns its name.
type Job<'a> = Box<dyn Fn() -> String + Send + Sync + 'a>;

fn main() {
    refuse_other_platforms();
    let libtorch = PathBuf::from(std::env::var("LIBTORCH").expect(NO_LIBTORCH));
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rustc-env=SBI_LIBTORCH_VERSION={}", version_of(&libtorch));
    println!("cargo:rerun-if-env-changed=CI");
    watch(Path::new("src"));

    libav::write_declarations();
    layout::write_assertions("engine_layout", &["src/engine/kernels/kernels.h"]);
    layout::write_assertions(
        "process_group_layout",
        &["src/native/process_group/group.h", "src/native/process_group/buckets.cpp"],
    );
    layout::write_assertions(
        "training_layout",
        &["src/native/training/kernels.h", "src/native/training/norm.h", "src/native/training/block.cpp"],
    );

    // What takes longest comes first, and of templates that two of them hold, the better optimised one.
    let mut jobs: Vec<Job> = vec![
        Box::new(compile_dlib_shims),
        Box::new(compile_dlib_face_net),
        Box::new(compile_jpeg_shim),
        Box::new(|| compile_libtorch_shims(&libtorch)),
        Box::new(|| ENGINE.compile(&ANY)),
    ];
    if target_is("x86_64") {
        jobs.push(Box::new(|| ENGINE.compile(&AVX2)));
        jobs.push(Box::new(|| ENGINE.compile(&AVX512)));
        jobs.push(Box::new(|| TRAINING.compile(&AVX2)));
        jobs.push(Box::new(|| TRAINING.compile(&AVX512)));
        jobs.push(Box::new(|| SCAN.compile(&AVX2)));
        jobs.push(Box::new(|| SCAN.compile(&ANY)));
    } else {
        jobs.push(Box::new(|| TRAINING.compile(&ANY)));
    }
    for library in all_at_once(&jobs) {
        println!("cargo:rustc-link-search=native={}", folder_of(&library).display());
        println!("cargo:rustc-link-lib=static={library}");
    }

    // libtorch comes before dlib's libraries, among which is a BLAS for everybody: the first of a name counts for the
    // whole process, and libtorch has a far faster one inside.
    println!("cargo:rustc-link-search=native={}", libtorch.join("lib").display());
    // At run time `gomp` is the copy beside libtorch: one team of threads for both.
    for library in ["torch_cpu", "gomp", "dlib", "lapack", "blas", "jpeg", "stdc++"] {
        println!("cargo:rustc-link-lib={library}");
    }
    // The rpath spares users LD_LIBRARY_PATH; DT_RPATH (not RUNPATH) also serves libtorch's own
    // dependencies, which lie in the same folder.
    println!("cargo:rustc-link-arg=-Wl,--disable-new-dtags,-rpath,{}", libtorch.join("lib").display());
    // With CUDA, no symbol of torch_cuda is used directly: without this the linker drops it and
    // libtorch then reports that there is no GPU.
    if has_cuda(&libtorch) {
        println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
        println!("cargo:rustc-link-arg=-ltorch_cuda");
        println!("cargo:rustc-link-arg=-Wl,--as-needed");
    }
}

/// `scripts/setup.sh` says the same.
fn refuse_other_platforms() {
    println!("cargo:rerun-if-env-changed=SBI_ANY_PLATFORM");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let architecture = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let supported = os == "linux" && architecture == "x86_64";
    assert!(
        supported || std::env::var_os("SBI_ANY_PLATFORM").is_some(),
        "only Linux on x86-64 is supported, this is {os} on {architecture}. For porting, SBI_ANY_PLATFORM=1 goes on all the \
         same."
    );
}

/// Whether this libtorch computes on CUDA devices.
fn has_cuda(libtorch: &Path) -> bool {
    libtorch.join("lib/libtorch_cuda.so").exists()
}

/// The version that libtorch's headers give, such as `2.11.0`.
fn version_of(libtorch: &Path) -> String {
    let header = libtorch.join("include/torch/headeronly/version.h");
    let text =
        std::fs::read_to_string(&header).unwrap_or_else(|error| panic!("{}: {error}", header.display()));
    let part = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("#define TORCH_VERSION_{name} ")));
        line.unwrap_or_else(|| panic!("{} has no TORCH_VERSION_{name}", header.display())).trim()
    };
    ["MAJOR", "MINOR", "PATCH"].map(part).join(".")
}

/// The names of all libraries in the order of `jobs`. Cargo's job server shares out the processor's cores.
fn all_at_once(jobs: &[Job]) -> Vec<String> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = jobs.iter().map(|job| scope.spawn(job)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Whether the program will run on such processors.
fn target_is(architecture: &str) -> bool {
    std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|target| target == architecture)
}

/// Where a library and its object files are made: a name in cargo's output folder.
fn folder_of(library: &str) -> PathBuf {
    Path::new(&std::env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join(library)
}

/// Asks cargo to look at every C++ file below a folder.
fn watch(folder: &Path) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            watch(&path);
        } else if path.extension().is_some_and(|extension| extension == "cpp" || extension == "h") {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
}

/// What all C++ here is compiled with. Warnings are errors where everything is checked, and no more than that for users,
/// whose compilers know others.
fn cpp(library: &str) -> cc::Build {
    let mut build = cc::Build::new();
    // Object files are named after their sources, whatever they are compiled for: each library has its own.
    build.out_dir(folder_of(library));
    build.cpp(true).std("c++17").opt_level(3).include("src").cargo_metadata(false).cpp_link_stdlib(None);
    build.warnings(false);
    for warning in ["-Wall", "-Wextra", "-Wshadow", "-Wcast-align", "-Wcast-qual", "-Wnon-virtual-dtor"] {
        build.flag(warning);
    }
    if std::env::var_os("CI").is_some() {
        build.flag("-Werror");
    }
    build
}

/// Others' headers are not ours to warn about.
fn system_include(build: &mut cc::Build, folder: &Path) {
    build.flag("-isystem").flag(folder);
}

/// The shims over libtorch as one file: reading its headers takes longer than compiling what is ours.
fn compile_libtorch_shims(libtorch: &Path) -> String {
    const LIBRARY: &str = "sbi_libtorch_shims";
    let include = libtorch.join("include");
    let mut build = cpp(LIBRARY);
    system_include(&mut build, &include.join("torch/csrc/api/include"));
    system_include(&mut build, &include);
    if has_cuda(libtorch) {
        // Headers of CUDA and NCCL, whose libraries libtorch_cuda is linked to already.
        for folder in [
            "nvidia/cu13/include",
            "nvidia/nccl/include",
            "headers/nvidia/cu13/include",
            "headers/nvidia/cu13/include/cccl",
        ] {
            system_include(&mut build, &include.join("../..").join(folder));
        }
        build.define("SBI_NCCL", None);
    }
    let all = [
        "process_group/group.cpp",
        "process_group/buckets.cpp",
        "training/block.cpp",
        "training/builds.cpp",
        "training/norm.cpp",
        "torch/autocast.cpp",
    ]
    .map(|file| format!("#include \"native/{file}\"\n"))
    .concat();
    let file = folder_of(LIBRARY).with_extension("cpp");
    std::fs::write(&file, all).expect("cargo's output folder can be written");
    build.flag("-fopenmp").file(file).compile(LIBRARY);
    LIBRARY.to_owned()
}

fn compile_dlib_shims() -> String {
    const LIBRARY: &str = "sbi_dlib_shims";
    cpp(LIBRARY).flag("-fno-math-errno").file("src/native/dlib/detector.cpp").compile(LIBRARY);
    LIBRARY.to_owned()
}

/// The face network of dlib's is read from its file, and run by itself in tests alone: not worth optimising.
fn compile_dlib_face_net() -> String {
    const LIBRARY: &str = "sbi_dlib_face_net";
    cpp(LIBRARY).opt_level(1).file("src/native/dlib/face_net.cpp").compile(LIBRARY);
    LIBRARY.to_owned()
}

fn compile_jpeg_shim() -> String {
    const LIBRARY: &str = "sbi_jpeg_shim";
    cpp(LIBRARY).file("src/native/jpeg/jpeg.cpp").compile(LIBRARY);
    LIBRARY.to_owned()
}
