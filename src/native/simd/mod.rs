//! Vector instructions: which sets of them kernels are built for, and which of those this processor runs.
//!
//! The headers beside this file are what all kernels are written with; `native/build/kernels.rs` builds them once per set. A
//! function of a build may only be called after its set was found here.

/// A set of vector instructions that kernels are built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionSet {
    /// AVX-512 with the parts F, VL, BW and DQ: vectors of 16 floats.
    Avx512,
    /// AVX2 and fused multiply-add: vectors of 8 floats.
    Avx2,
    /// What every processor of the target has.
    Any,
}

impl InstructionSet {
    /// The name in libraries and messages, and for `SBI_KERNELS`.
    pub fn name(self) -> &'static str {
        match self {
            InstructionSet::Avx512 => "avx512",
            InstructionSet::Avx2 => "avx2",
            InstructionSet::Any => "any",
        }
    }

    /// Whether this processor has these instructions; asks for all that the compiler was allowed to use.
    pub fn runs_here(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("fma")
            }
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(not(target_arch = "x86_64"))]
            InstructionSet::Avx512 | InstructionSet::Avx2 => false,
            InstructionSet::Any => true,
        }
    }
}

/// Selects, from several builds of the same kernels, those that this processor can run, in the order given.
pub(crate) fn runnable<T>(
    builds: impl IntoIterator<Item = (InstructionSet, T)>,
) -> impl Iterator<Item = (InstructionSet, T)> {
    builds.into_iter().filter(|(set, _)| set.runs_here())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_processor_runs_is_always_left() {
        let builds = [InstructionSet::Avx512, InstructionSet::Avx2, InstructionSet::Any].map(|set| (set, ()));
        let here: Vec<InstructionSet> = runnable(builds).map(|(set, ())| set).collect();
        assert_eq!(here.last(), Some(&InstructionSet::Any));
        // There is no processor with the wider vectors alone.
        assert!(!here.contains(&InstructionSet::Avx512) || here.contains(&InstructionSet::Avx2), "{here:?}");
    }
}
