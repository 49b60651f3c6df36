//! The kernels' C interface (`kernels.h`) and which build of them this processor takes.

use crate::native::simd::{InstructionSet, runnable};
use std::ffi::c_void;
use std::sync::LazyLock;

// That these types are what `kernels.h` has: sizes, offsets and numbers.
include!(concat!(env!("OUT_DIR"), "/engine_layout.rs"));

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct RawMap {
    pub data: *mut f32,
    pub height: i64,
    pub width: i64,
    pub channels: i64,
    pub row_stride: i64,
    pub pixel_stride: i64,
}

/// What follows an operation.
#[repr(i64)]
#[derive(Clone, Copy)]
pub(super) enum RawActivationKind {
    None,
    Relu,
    Clamp,
    Swish,
    Leaky,
    Slopes,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct RawActivation {
    pub kind: RawActivationKind,
    pub constant: f32,
    pub slopes: *const f32,
}

#[repr(C)]
pub(super) struct RawConv {
    pub from: RawMap,
    pub to: RawMap,
    pub onto: RawMap,
    pub kernel: i64,
    pub stride: i64,
    pub before: i64,
    pub weight: *const f32,
    pub bias: *const f32,
    pub activation: RawActivation,
    pub threads: i64,
}

#[repr(C)]
pub(super) struct RawWinogradPart {
    pub to: RawMap,
    pub onto: RawMap,
    pub weight: *const f32,
    pub bias: *const f32,
    pub activation: RawActivation,
}

#[repr(C)]
pub(super) struct RawWinograd {
    pub from: RawMap,
    pub parts: *const RawWinogradPart,
    pub count: i64,
    pub threads: i64,
}

#[repr(C)]
pub(super) struct RawFront {
    pub from: RawMap,
    pub channels: i64,
    pub expand: *const f32,
    pub expand_bias: *const f32,
    pub depthwise: *const f32,
    pub bias: *const f32,
    pub kernel: i64,
    pub stride: i64,
    pub before: i64,
    pub out_height: i64,
    pub out_width: i64,
    pub to: *mut f32,
    pub row_sums: *mut f32,
    pub activation: RawActivation,
    pub threads: i64,
}

#[repr(C)]
pub(super) struct RawGate {
    pub row_sums: *const f32,
    pub rows: i64,
    pub positions: i64,
    pub channels: i64,
    pub squeezed: i64,
    pub reduce: *const f32,
    pub reduce_bias: *const f32,
    pub expand: *const f32,
    pub expand_bias: *const f32,
    pub gate: *mut f32,
}

#[repr(C)]
pub(super) struct RawProject {
    pub from: *const f32,
    pub gate: *const f32,
    pub positions: i64,
    pub channels: i64,
    pub to: RawMap,
    pub onto: RawMap,
    pub weight: *const f32,
    pub bias: *const f32,
    pub activation: RawActivation,
}

#[repr(C)]
pub(super) struct RawPair {
    pub stride: i64,
    pub c_in: i64,
    pub c_out: i64,
    pub depthwise: *const f32,
    pub depthwise_bias: *const f32,
    pub weight: *const f32,
    pub bias: *const f32,
    pub activation: RawActivation,
    pub project_activation: RawActivation,
}

#[repr(C)]
pub(super) struct RawChain {
    pub from: RawMap,
    pub to: RawMap,
    pub stem: *const f32,
    pub stem_bias: *const f32,
    pub stem_stride: i64,
    pub stem_activation: RawActivation,
    pub pairs: *const RawPair,
    pub count: i64,
    pub threads: i64,
}

#[repr(C)]
pub(super) struct RawMaxPool {
    pub from: RawMap,
    pub to: RawMap,
    pub before: i64,
}

#[repr(C)]
pub(super) struct RawSum {
    pub from: RawMap,
    pub to: RawMap,
    pub onto: RawMap,
}

#[repr(C)]
pub(super) struct RawAffine {
    pub from: RawMap,
    pub to: RawMap,
    pub scale: *const f32,
    pub shift: *const f32,
}

/// The functions of one operation.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct RawOperation {
    pub tasks: unsafe extern "C" fn(*const c_void) -> i64,
    pub scratch: unsafe extern "C" fn(*const c_void) -> i64,
    pub run: unsafe extern "C" fn(*const c_void, i64, *mut f32),
}

#[repr(C)]
pub(super) struct RawKernels {
    pub lanes: i64,
    pub block: i64,
    pub winograd: i64,
    pub conv: RawOperation,
    pub winograd_conv: RawOperation,
    pub front: RawOperation,
    pub gate: RawOperation,
    pub project: RawOperation,
    pub chain: RawOperation,
    pub max_pool: RawOperation,
    pub enlarge: RawOperation,
    pub mean_shortcut: RawOperation,
    pub affine: RawOperation,
}

unsafe extern "C" {
    fn sbi_kernels_any(table: *mut RawKernels);
    #[cfg(target_arch = "x86_64")]
    fn sbi_kernels_avx2(table: *mut RawKernels);
    #[cfg(target_arch = "x86_64")]
    fn sbi_kernels_avx512(table: *mut RawKernels);
}

/// Fills in a build's table.
type Fill = unsafe extern "C" fn(*mut RawKernels);

/// All builds, the fastest first.
const BUILDS: &[(InstructionSet, Fill)] = &[
    #[cfg(target_arch = "x86_64")]
    (InstructionSet::Avx512, sbi_kernels_avx512),
    #[cfg(target_arch = "x86_64")]
    (InstructionSet::Avx2, sbi_kernels_avx2),
    (InstructionSet::Any, sbi_kernels_any),
];

/// One build of all kernels.
pub struct Kernels {
    /// The instruction set it is for.
    pub name: &'static str,
    pub(super) raw: RawKernels,
}

impl Kernels {
    fn of((set, fill): (InstructionSet, Fill)) -> Self {
        let mut raw = std::mem::MaybeUninit::<RawKernels>::uninit();
        // SAFETY: the function fills the whole table.
        unsafe {
            fill(raw.as_mut_ptr());
            Kernels { name: set.name(), raw: raw.assume_init() }
        }
    }

    /// Every build that this processor can run, the fastest first: from the one on that `SBI_KERNELS` names (`avx512`,
    /// `avx2`, `any`), where it is set. Last digits differ between them, so that naming one makes two machines agree.
    pub fn all() -> &'static [Kernels] {
        static CHOSEN: LazyLock<usize> = LazyLock::new(|| {
            let wanted = std::env::var("SBI_KERNELS").unwrap_or_default();
            let found = Kernels::every().iter().position(|kernels| kernels.name == wanted);
            if found.is_none() && !wanted.is_empty() {
                tracing::warn!(
                    "SBI_KERNELS={wanted}: this processor has no such kernels, the fastest are taken"
                );
            }
            found.unwrap_or(0)
        });
        &Kernels::every()[*CHOSEN..]
    }

    fn every() -> &'static [Kernels] {
        static ALL: LazyLock<Vec<Kernels>> =
            LazyLock::new(|| runnable(BUILDS.iter().copied()).map(Kernels::of).collect());
        &ALL
    }

    /// The fastest build whose vectors are no wider than `channels`, or the one with the narrowest.
    pub fn for_channels(all: &'static [Kernels], channels: usize) -> &'static Kernels {
        let fits = |kernels: &&Kernels| kernels.lanes() <= channels;
        all.iter().find(fits).or(all.last()).expect("there is a build for any processor")
    }

    /// Channels in a vector.
    pub fn lanes(&self) -> usize {
        self.raw.lanes as usize
    }

    /// Channels in a block of packed weights; the last block may be a vector.
    pub fn block(&self) -> usize {
        self.raw.block as usize
    }

    /// Side of the outputs of one of Winograd's tiles.
    pub fn winograd_side(&self) -> usize {
        self.raw.winograd as usize
    }
}
