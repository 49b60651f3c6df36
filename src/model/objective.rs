//! What training minimises: SBI's cross entropy, or EG's four terms.
//!
//! Han et al., "Deepfake Detection Leveraging Self-Blended Artifacts Guided by Facial Embedding Discrepancy", IEEE
//! TCSVT 2025. One backbone sees real faces, fakes and their residuals; three heads tell them from real faces; a
//! network rebuilds the fake's features from the residual's and from how far blending moved the face's embedding.

use super::InputSpec;
use super::efficientnet::{Mode, Variant};
use super::encoder::{IRESNET18, Pooling};
use super::face_encoder::{EncoderSpec, FaceEncoder};
use super::forgery_detector::{ForgeryDetector, Method};
use super::layers::{BatchNorm, channels_last};
use serde::{Deserialize, Serialize};
use tch::nn::{self, Init, VarStore};
use tch::{Device, Kind, Tensor};

/// Width of the hidden layer of the reconstruction network.
const HIDDEN: i64 = 1024;
const CLASSES: i64 = 2;

/// Weights of the terms of EG's objective.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossWeights {
    /// Cross entropy of real and fake: the head that infers.
    pub rf: f64,
    /// Cross entropy of real and residual. Not published; 1 is this program's choice.
    pub rp: f64,
    /// Cross entropy of real and rebuilt features (EG: 0.01).
    pub rc: f64,
    /// Squared distance between the fake's features and the rebuilt ones (EG: 0.4).
    pub distill: f64,
}

impl Default for LossWeights {
    fn default() -> Self {
        LossWeights { rf: 1.0, rp: 1.0, rc: 0.01, distill: 0.4 }
    }
}

/// Settings of EG's guide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuideSpec {
    /// The face encoder.
    pub encoder: EncoderSpec,
    /// Side in pixels of the faces it is shown.
    pub input_size: i64,
    /// Weights of the terms.
    pub weights: LossWeights,
    /// Whether the gradient of the distillation stops at the rebuilt features.
    pub detach: bool,
    /// Whether the residual is taken without its sign.
    pub absolute_residual: bool,
}

impl Default for GuideSpec {
    /// As published: iresnet18, pooled, the residual with its sign.
    fn default() -> Self {
        let encoder = EncoderSpec::Iresnet { depth: IRESNET18, pooling: Pooling::Pooled };
        GuideSpec {
            encoder,
            input_size: encoder.side(),
            weights: LossWeights::default(),
            detach: false,
            absolute_residual: false,
        }
    }
}

/// A batch of pairs, with what the objective needs of it that no pass changes.
pub struct Pairs {
    real: Tensor,
    fake: Tensor,
    /// EG's e_d: how far blending moved the embedding of each face.
    discrepancy: Option<Tensor>,
}

/// What one pass over a batch gives.
pub struct Losses {
    /// What is minimised, a scalar.
    pub total: Tensor,
    /// Its terms by name, unweighted.
    pub terms: Vec<(&'static str, Tensor)>,
    /// Logits `[2n, 2]` of the head that infers: reals first, then fakes.
    pub logits: Tensor,
}

/// Intermediate results of EG, for numeric checks.
pub struct Inside {
    /// Pooled features of real, fake and residual, rebuilt features, and the embedding discrepancy.
    pub features: [(&'static str, Tensor); 5],
    /// Logits of the three heads.
    pub logits: [(&'static str, Tensor); 3],
}

/// A detector in training: its networks and, for EG, those that only training needs.
pub struct TrainingModel {
    vs: VarStore,
    /// Holds the face encoder, which never moves.
    frozen: VarStore,
    detector: ForgeryDetector,
    guide: Option<Guide>,
}

struct Guide {
    spec: GuideSpec,
    encoder: FaceEncoder,
    residual_head: Head,
    rebuilt_head: Head,
    reconstruction: Reconstruction,
}

/// A batch norm whose bias stays 0, and a linear layer without bias.
struct Head {
    bn: BatchNorm,
    classifier: Tensor,
}

impl Head {
    fn new(path: &nn::Path, features: i64) -> Self {
        let bn = BatchNorm::with_fixed_bias(path / "bn", features, BatchNorm::EPS, BatchNorm::MOMENTUM);
        Head { bn, classifier: (path / "classifier").var("weight", &[CLASSES, features], Init::Const(0.0)) }
    }

    fn forward(&self, features: &Tensor, train: bool) -> Tensor {
        self.bn.forward(features, train).linear::<Tensor>(&self.classifier, None)
    }
}

/// Two linear layers with a ReLU between.
struct Reconstruction {
    layers: [nn::Linear; 2],
}

impl Reconstruction {
    fn new(path: &nn::Path, width_in: i64, width_out: i64) -> Self {
        let fc = path / "fc";
        let layers = [linear(&fc / 0, width_in, HIDDEN), linear(&fc / 2, HIDDEN, width_out)];
        Reconstruction { layers }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        x.apply(&self.layers[0]).relu().apply(&self.layers[1])
    }
}

fn linear(path: nn::Path, width_in: i64, width_out: i64) -> nn::Linear {
    let zero = Init::Const(0.0);
    nn::linear(path, width_in, width_out, nn::LinearConfig { ws_init: zero, bs_init: Some(zero), bias: true })
}

impl TrainingModel {
    /// Networks with weights of zero. `guide`: EG with these settings; `None`: SBI.
    pub fn new(variant: Variant, guide: Option<GuideSpec>, input: InputSpec, device: Device) -> Self {
        let (vs, frozen) = (VarStore::new(device), VarStore::new(device));
        let method = if guide.is_some() { Method::Eg } else { Method::Sbi };
        let detector = ForgeryDetector::build(&vs.root(), method, variant, input, device);
        let features = variant.features();
        let guide = guide.map(|spec| {
            let root = vs.root();
            // In published files, and strictly loaded by the original program; no use is made of them.
            let embedding = spec.encoder.embedding();
            unused_layer(&(&root / "reshape_layer"), features, embedding + features);
            unused_layer(&(&root / "fc"), embedding, CLASSES);
            Guide {
                spec,
                encoder: FaceEncoder::new(&(frozen.root() / "face_model"), spec.encoder, spec.input_size),
                residual_head: Head::new(&(&root / "fc_cat"), features),
                rebuilt_head: Head::new(&(&root / "fc_cat1"), features),
                reconstruction: Reconstruction::new(
                    &(&root / "reconstruction_network"),
                    embedding + features,
                    features,
                ),
            }
        });
        let mut frozen = frozen;
        frozen.freeze();
        TrainingModel { vs, frozen, detector, guide }
    }

    /// Switches EG's face encoder to its compiled form (CPU): call when its weights are as they will stay.
    pub fn compile_encoder(&mut self) {
        if let Some(guide) = &mut self.guide {
            guide.encoder.compile();
        }
    }

    /// Everything that training may move, and the running statistics.
    pub fn variables(&self) -> &VarStore {
        &self.vs
    }

    /// The face encoder's.
    pub fn frozen_variables(&self) -> &VarStore {
        &self.frozen
    }

    /// The network that infers.
    pub fn detector(&self) -> &ForgeryDetector {
        &self.detector
    }

    /// What training moves, sorted by name.
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        let mut all: Vec<(String, Tensor)> =
            self.vs.variables().into_iter().filter(|(_, t)| t.requires_grad()).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// A batch for any number of passes. `real`, `fake`: `[n, 3, h, w]`, RGB, 0..1, on the model's device.
    ///
    /// Runs EG's face encoder, whose answer is the same whatever training moves.
    pub fn pairs(&self, real: Tensor, fake: Tensor) -> Pairs {
        let embed = |guide: &Guide| guide.encoder.embed(&fake) - guide.encoder.embed(&real);
        let discrepancy = self.guide.as_ref().map(embed);
        Pairs { real, fake, discrepancy }
    }

    /// The losses of a batch.
    pub fn losses(&self, pairs: &Pairs, mode: Mode) -> Losses {
        self.losses_with_inside(pairs, mode).0
    }

    /// The same with what lies between; nothing for SBI.
    pub fn losses_with_inside(&self, pairs: &Pairs, mode: Mode) -> (Losses, Option<Inside>) {
        let Pairs { real, fake, discrepancy } = pairs;
        match (&self.guide, discrepancy) {
            (Some(guide), Some(e_d)) => {
                let (losses, inside) = self.eg_losses(guide, [real, fake, e_d], mode);
                (losses, Some(inside))
            }
            _ => (self.sbi_losses(real, fake, mode), None),
        }
    }

    /// Pictures as the backbone wants them.
    fn as_seen(&self, x: &Tensor) -> Tensor {
        self.detector.input().normalisation.apply(x)
    }

    /// Pooled features of several batches in one pass, which shares the batch norms' statistics.
    fn features(&self, batches: &[&Tensor], mode: Mode) -> Tensor {
        let all = Tensor::cat(batches, 0);
        // Convolutions then need not reorder their inputs. Sums come in another order, which SAM's second pass
        // magnifies to a thousandth; numeric checks do without.
        let all = if mode.in_training_form() { channels_last(&all) } else { all };
        self.detector.backbone().pooled_features(&all, mode)
    }

    fn sbi_losses(&self, real: &Tensor, fake: &Tensor, mode: Mode) -> Losses {
        let features = self.features(&[&self.as_seen(real), &self.as_seen(fake)], mode);
        let logits = self.detector.classify_in(&features, mode);
        let total = halves_apart(&logits);
        Losses { terms: vec![("rf", total.shallow_clone())], total, logits }
    }

    fn eg_losses(&self, guide: &Guide, [real, fake, e_d]: [&Tensor; 3], mode: Mode) -> (Losses, Inside) {
        let GuideSpec { weights, detach, absolute_residual, .. } = guide.spec;
        let (seen_real, seen_fake) = (self.as_seen(real), self.as_seen(fake));
        let difference = &seen_fake - &seen_real;
        let residual = if absolute_residual { difference.abs() } else { difference };
        let train = mode.batch_statistics();
        let features = self.features(&[&seen_real, &seen_fake, &residual], mode);
        let parts = features.chunk(3, 0);
        let [f_r, f_f, f_d] = [&parts[0], &parts[1], &parts[2]];
        let f_star = guide.reconstruction.forward(&Tensor::cat(&[e_d, f_d], 1));

        let rf = self.detector.classify_in(&Tensor::cat(&[f_r, f_f], 0), mode);
        let rp = guide.residual_head.forward(&Tensor::cat(&[f_r, f_d], 0), train);
        let rc = guide.rebuilt_head.forward(&Tensor::cat(&[f_r, &f_star], 0), train);
        let target = if detach { f_star.detach() } else { f_star.shallow_clone() };
        let terms = vec![
            ("rf", halves_apart(&rf)),
            ("rp", halves_apart(&rp)),
            ("rc", halves_apart(&rc)),
            ("distill", f_f.mse_loss(&target, tch::Reduction::Mean)),
        ];
        let factors = [weights.rf, weights.rp, weights.rc, weights.distill];
        let weighted = terms.iter().zip(factors).map(|((_, term), factor)| term * factor);
        let total = weighted.reduce(|a, b| a + b).expect("there are four terms");
        let inside = Inside {
            features: [
                ("f_r", f_r.shallow_clone()),
                ("f_f", f_f.shallow_clone()),
                ("f_d", f_d.shallow_clone()),
                ("f_star", f_star),
                ("e_d", e_d.shallow_clone()),
            ],
            logits: [("rf", rf.shallow_clone()), ("rp", rp), ("rc", rc)],
        };
        (Losses { total, terms, logits: rf }, inside)
    }
}

/// Mean cross entropy of logits whose first half is real and second half is fake.
fn halves_apart(logits: &Tensor) -> Tensor {
    let half = logits.size()[0] / 2;
    let options = (Kind::Int64, logits.device());
    let labels = Tensor::cat(&[Tensor::zeros([half], options), Tensor::ones([half], options)], 0);
    logits.cross_entropy_for_logits(&labels)
}

fn unused_layer(path: &nn::Path, width_in: i64, width_out: i64) {
    let _ = path.zeros_no_train("weight", &[width_out, width_in]);
    let _ = path.zeros_no_train("bias", &[width_out]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fill;

    /// Loss terms and the gradient's length of each part of the model, by the part's name.
    fn first_pass(variant: &str, mode: Mode) -> Vec<(String, f64)> {
        let variant = Variant::named(variant).expect("one of the published sizes");
        let model =
            TrainingModel::new(variant, Some(GuideSpec::default()), InputSpec::default(), Device::Cpu);
        for vs in [model.variables(), model.frozen_variables()] {
            fill::fill_variables(vs, 3);
        }
        let pictures =
            |label| Tensor::from_slice(&fill::input(label, 3, 2 * 3 * 96 * 96)).view([2, 3, 96, 96]);
        let losses = model.losses(&model.pairs(pictures("real"), pictures("fake")), mode);
        losses.total.backward();
        let mut found: Vec<(String, f64)> =
            losses.terms.iter().map(|(name, term)| ((*name).to_owned(), term.double_value(&[]))).collect();
        for (name, parameter) in model.parameters() {
            if parameter.grad().defined() && parameter.dim() > 1 {
                let norm = parameter.grad().to_kind(Kind::Double).norm().double_value(&[]);
                found.push((name, norm));
            }
        }
        found
    }

    #[test]
    fn the_form_that_training_takes_gives_the_plain_forms_numbers() {
        // Of ReLU6 a value near its kinks may fall on the other side, which changes single gradients by their whole size.
        for (variant, limit) in [("efficientnet-b0", 3e-4), ("efficientnet-lite0", 2e-3)] {
            let pass = |mode| first_pass(variant, mode);
            let (plain, fused) = (pass(Mode::BatchStatistics), pass(Mode::FusedStatistics));
            assert!(plain.len() > 50, "{}", plain.len());
            for ((name, a), (_, b)) in plain.iter().zip(&fused) {
                assert!((a - b).abs() <= limit * a.abs(), "{variant}, {name}: {a} plain, {b} fused");
            }
        }
    }
}
