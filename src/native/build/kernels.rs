//! Kernels: C++ that is built once per instruction set. The processor is asked at run time which build it can run
//! (`src/native/simd/mod.rs`).

use super::symbols;

/// A set of vector instructions and how the compiler is told to use it. Names are those of `native::simd`, which asks
/// the processor for just these instructions.
pub struct InstructionSet {
    pub name: &'static str,
    x86_flags: &'static [&'static str],
}

/// What every processor of the target runs.
pub const ANY: InstructionSet = InstructionSet { name: "any", x86_flags: &[] };
pub const AVX2: InstructionSet = InstructionSet { name: "avx2", x86_flags: &["-mavx2", "-mfma"] };
pub const AVX512: InstructionSet = InstructionSet {
    name: "avx512",
    x86_flags: &[
        "-mavx512f",
        "-mavx512vl",
        "-mavx512bw",
        "-mavx512dq",
        "-mfma",
        "-mprefer-vector-width=512",
        // GCC's own header for these instructions is not clean.
        "-Wno-uninitialized",
        "-Wno-maybe-uninitialized",
    ],
};

/// Some kernels and how they are built.
pub struct Kernels {
    /// Of the libraries: `sbi_NAME_avx2`.
    pub name: &'static str,
    pub files: &'static [&'static str],
    /// How floats are treated: numbers depend on it.
    pub flags: &'static [&'static str],
    /// Floats of a vector; as many as a register has where this is `None`.
    pub lanes: Option<&'static str>,
}

/// Linear algebra in which a product and a sum are one instruction where there is one.
pub const ENGINE: Kernels = Kernels {
    name: "engine",
    files: &[
        "src/engine/kernels/conv.cpp",
        "src/engine/kernels/winograd.cpp",
        "src/engine/kernels/front.cpp",
        "src/engine/kernels/project.cpp",
        "src/engine/kernels/chain.cpp",
        "src/engine/kernels/small.cpp",
    ],
    flags: &["-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"],
    lanes: None,
};

pub const TRAINING: Kernels = Kernels {
    name: "training",
    files: &[
        "src/native/training/rows.cpp",
        "src/native/training/depthwise.cpp",
        "src/native/training/product.cpp",
    ],
    flags: &["-ffp-contract=fast"],
    lanes: None,
};

/// Sums in the order in which dlib has them; where a fused multiply-add is wanted, the source says so.
pub const SCAN: Kernels = Kernels {
    name: "scan",
    files: &["src/native/dlib/scan/scan.cpp"],
    flags: &["-ffp-contract=off", "-fno-math-errno"],
    lanes: Some("8"),
};

impl Kernels {
    /// Builds the library for one instruction set and makes sure that it lends no code to the rest of the program.
    /// Returns the library's name.
    pub fn compile(&self, set: &InstructionSet) -> String {
        let library = format!("sbi_{}_{}", self.name, set.name);
        let mut build = super::cpp(&library);
        build.define("SBI_BUILD", set.name).files(self.files);
        if let Some(lanes) = self.lanes {
            build.define("SBI_LANES", lanes);
        }
        for flag in ["-fvisibility=hidden", "-fvisibility-inlines-hidden", "-fno-exceptions", "-fno-rtti"]
            .iter()
            .chain(self.flags)
        {
            build.flag(flag);
        }
        // Vectors are never passed to a function that is called.
        build.flag("-Wno-psabi");
        if super::target_is("x86_64") {
            set.x86_flags.iter().for_each(|flag| {
                build.flag(flag);
            });
        }
        build.compile(&library);
        symbols::check(&library);
        library
    }
}
