//! What training minimises: SBI's cross entropy, or EG's four terms.
//!
//! Han et al., "Deepfake Detection Leveraging Self-Blended Artifacts Guided by Facial Embedding Discrepancy", IEEE
//! TCSVT 2025. One backbone sees real faces, fakes and their residuals; three heads tell them from real faces; a
//! network rebuilds the fake's features from the residual's and from how far blending moved the face's embedding.

use super::efficientnet::{Mode, Pass, Variant};
use super::encoder::{IRESNET18, Pooling};
use super::face_encoder::{EncoderSpec, FaceEncoder};
use super::forgery_network::{self, ForgeryNetwork, Method};
use super::guide_layers::{GuideLayers, HeadLayers};
use super::localiser::{self, Localiser};
use super::modules::{BatchNorm, Modules, TensorSource, channels_last, linear};
use super::{Error, Execution, InputSpec};
use crate::checkpoint::StateDict;
use crate::network::Linear;
use crate::ranks::Share;
use serde::{Deserialize, Serialize};
use tch::nn::{self, VarStore};
use tch::{Device, Kind, Tensor};

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
    /// Which face encoder guides training.
    pub encoder: EncoderSpec,
    /// Side in pixels of the faces it is shown.
    pub input_size: usize,
    /// Weights of the terms.
    pub weights: LossWeights,
    /// Whether the gradient of the distillation stops at the rebuilt features.
    pub detach: bool,
    /// Whether the residual is taken without its sign.
    pub absolute_residual: bool,
}

impl Default for GuideSpec {
    /// The published settings: iresnet18, pooled, the residual with its sign.
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

impl GuideSpec {
    /// The face encoder of these settings; `weights` as [`FaceEncoder::new`] takes them.
    ///
    /// Fails when a weight is missing or of another shape, and when libtorch runs out of memory.
    pub fn face_encoder(&self, weights: &StateDict, execution: Execution) -> Result<FaceEncoder, Error> {
        FaceEncoder::new(self.encoder, self.input_size, weights, execution)
    }
}

/// A batch of pairs, with what the objective needs of it that no pass changes.
pub struct Pairs {
    real: Tensor,
    fake: Tensor,
    /// EG's e_d: how far blending moved the embedding of each face.
    discrepancy: Option<Tensor>,
    /// The share of the source in each pixel of the fakes, where the model asks for it.
    masks: Option<Tensor>,
    /// This process's share of the batch, where others have the rest.
    share: Option<Share>,
}

impl Pairs {
    /// The same as a share of a batch: its losses are then this share of the whole batch's, and batch norms and draws are
    /// those of the whole batch.
    pub fn shared(self, share: Option<Share>) -> Pairs {
        Pairs { share, ..self }
    }
}

/// What one pass over a batch gives; of a share of a batch, what it adds to the whole batch's losses.
pub struct Losses {
    /// What is minimised, a scalar.
    pub total: Tensor,
    /// The terms of the objective by name, unweighted scalars.
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

/// A forgery detector in training: its network and, for EG, the networks that only training needs.
pub struct TrainingModel {
    vs: VarStore,
    forgery_network: ForgeryNetwork<Modules>,
    guide: Option<Guide>,
    localiser: Option<Localiser>,
}

struct Guide {
    spec: GuideSpec,
    encoder: FaceEncoder,
    residual_head: Head,
    rebuilt_head: Head,
    reconstruction: Reconstruction,
}

/// A head of EG that only training has.
struct Head {
    norm: BatchNorm,
    classifier: nn::Linear,
}

impl Head {
    fn new(layers: &HeadLayers, source: &dyn TensorSource) -> Result<Self, Error> {
        let classifier = linear(&layers.classifier, source)?;
        Ok(Head { norm: BatchNorm::new(&layers.norm, source)?, classifier })
    }

    fn forward(&self, features: &Tensor, pass: Pass) -> Tensor {
        self.norm.forward(features, pass).apply(&self.classifier)
    }
}

/// The network that rebuilds features.
struct Reconstruction {
    layers: [nn::Linear; 2],
}

impl Reconstruction {
    fn new([first, second]: &[Linear; 2], source: &dyn TensorSource) -> Result<Self, Error> {
        Ok(Reconstruction { layers: [linear(first, source)?, linear(second, source)?] })
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        x.apply(&self.layers[0]).relu().apply(&self.layers[1])
    }
}

impl TrainingModel {
    /// Networks with weights of zero. `guide`: EG with these settings and this face encoder; `None`: SBI.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn new(
        variant: Variant,
        guide: Option<(GuideSpec, FaceEncoder)>,
        input: InputSpec,
        device: Device,
    ) -> Result<Self, Error> {
        let vs = VarStore::new(device);
        let method = if guide.is_some() { Method::Eg } else { Method::Sbi };
        let forgery_network = ForgeryNetwork::new(method, variant, input, &vs)?;
        let guided = |(spec, encoder): (GuideSpec, FaceEncoder)| -> Result<Guide, Error> {
            let root = vs.root();
            let layers = GuideLayers::new(variant.features(), spec.encoder.embedding());
            for weight in layers.unused_weights() {
                let _ = root.tensor(&weight)?;
            }
            Ok(Guide {
                spec,
                encoder,
                residual_head: Head::new(&layers.residual_head, &root)?,
                rebuilt_head: Head::new(&layers.rebuilt_head, &root)?,
                reconstruction: Reconstruction::new(&layers.reconstruction, &root)?,
            })
        };
        let guide = guide.map(guided).transpose()?;
        Ok(TrainingModel { vs, forgery_network, guide, localiser: None })
    }

    /// Asks from now on where fakes were blended as well; `weight` > 0: how much the answers count.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn localise(&mut self, weight: f64) -> Result<(), Error> {
        let channels = self.forgery_network.backbone().variant.middle();
        self.localiser = Some(Localiser::new(channels, weight, &self.vs.root())?);
        Ok(())
    }

    /// Whether [`TrainingModel::pairs`] needs masks.
    pub fn localises(&self) -> bool {
        self.localiser.is_some()
    }

    /// Everything that training may move, and the running statistics.
    pub fn variables(&self) -> &VarStore {
        &self.vs
    }

    /// EG's face encoder, which never moves.
    pub fn face_encoder(&self) -> Option<&FaceEncoder> {
        self.guide.as_ref().map(|guide| &guide.encoder)
    }

    /// The network that will infer.
    pub fn forgery_network(&self) -> &ForgeryNetwork<Modules> {
        &self.forgery_network
    }

    /// What training moves, sorted by name.
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        let mut all: Vec<(String, Tensor)> =
            self.vs.variables().into_iter().filter(|(_, t)| t.requires_grad()).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// Names of all parameters, those that never move too, in the order of the original programs' modules: the numbers
    /// that PyTorch's optimisers know them by. EG's face encoder, which no optimiser has, is not among them.
    pub fn module_order(&self) -> Vec<String> {
        let network = &self.forgery_network;
        let variant = network.backbone().variant;
        let mut weights = forgery_network::weights(network.method(), variant);
        if let Some(guide) = &self.guide {
            let layers = GuideLayers::new(variant.features(), guide.spec.encoder.embedding());
            let [reshape, embedding_classifier] = &layers.unused;
            weights.extend(reshape.weights());
            weights.extend([layers.residual_head.weights(), layers.rebuilt_head.weights()].concat());
            weights.extend(embedding_classifier.weights());
            weights.extend(layers.reconstruction.iter().flat_map(Linear::weights));
        }
        // Beyond what the originals have.
        if self.localiser.is_some() {
            weights.extend(localiser::weights(variant.middle()));
        }
        let is_statistic = |name: &str| name.ends_with(".running_mean") || name.ends_with(".running_var");
        weights.into_iter().map(|weight| weight.name).filter(|name| !is_statistic(name)).collect()
    }

    /// A batch for any number of passes. `real`, `fake`: `[n, 3, h, w]`, RGB, 0..1, on the model's device; `masks`
    /// `[n, 1, h, w]`: the share of the source in each pixel of the fakes, where the model localises.
    ///
    /// Runs EG's face encoder, whose answer is the same whatever training moves.
    pub fn pairs(&self, real: Tensor, fake: Tensor, masks: Option<Tensor>) -> Pairs {
        let embed = |guide: &Guide| guide.encoder.embed(&fake) - guide.encoder.embed(&real);
        let discrepancy = self.guide.as_ref().map(embed);
        Pairs { real, fake, discrepancy, masks, share: None }
    }

    /// The losses of a batch.
    pub fn losses(&self, pairs: &Pairs, mode: Mode) -> Losses {
        self.losses_with_inside(pairs, mode).0
    }

    /// The losses of a batch, and EG's intermediate results; SBI has none.
    pub fn losses_with_inside(&self, pairs: &Pairs, mode: Mode) -> (Losses, Option<Inside>) {
        let Pairs { real, fake, discrepancy, masks, share } = pairs;
        let (masks, pass) = (masks.as_ref(), Pass { mode, share: share.as_ref() });
        let (losses, inside) = match (&self.guide, discrepancy) {
            (Some(guide), Some(e_d)) => {
                let (losses, inside) = self.eg_losses(guide, [real, fake, e_d], masks, pass);
                (losses, Some(inside))
            }
            _ => (self.sbi_losses(real, fake, masks, pass), None),
        };
        match share {
            Some(share) => (losses.of_part(share.part()), inside),
            None => (losses, inside),
        }
    }

    /// Images normalised as the backbone expects them.
    fn as_seen(&self, x: &Tensor) -> Tensor {
        self.forgery_network.input().normalisation.apply(x)
    }

    /// Pooled features of several batches in one pass, which shares the batch norms' statistics. The first two are reals and
    /// fakes; what the localiser makes of these is the other answer, where there is one.
    fn features(&self, batches: &[&Tensor], masks: Option<&Tensor>, pass: Pass) -> (Tensor, Option<Term>) {
        let all = Tensor::cat(batches, 0);
        // Convolutions then need not reorder their inputs. Sums come in another order, which SAM's second pass
        // magnifies to a thousandth; numeric checks do without.
        let all = if pass.mode.in_training_form() { channels_last(&all) } else { all };
        let backbone = self.forgery_network.backbone();
        let (Some(localiser), Some(masks)) = (&self.localiser, masks) else {
            return (backbone.pooled_features_in(&all, pass), None);
        };
        let (features, middle) = backbone.pooled_features_and_middle(&all, pass);
        let pairs = masks.size()[0];
        let loss = localiser.loss(&middle.narrow(0, 0, 2 * pairs), masks);
        (features, Some(Term { weight: localiser.weight, loss }))
    }

    fn sbi_losses(&self, real: &Tensor, fake: &Tensor, masks: Option<&Tensor>, pass: Pass) -> Losses {
        let (features, place) = self.features(&[&self.as_seen(real), &self.as_seen(fake)], masks, pass);
        let logits = self.forgery_network.classify_in(&features, pass);
        let total = halves_apart(&logits);
        Losses { terms: vec![("rf", total.shallow_clone())], total, logits }.with(place)
    }

    fn eg_losses(
        &self,
        guide: &Guide,
        [real, fake, e_d]: [&Tensor; 3],
        masks: Option<&Tensor>,
        pass: Pass,
    ) -> (Losses, Inside) {
        let GuideSpec { weights, detach, absolute_residual, .. } = guide.spec;
        let (seen_real, seen_fake) = (self.as_seen(real), self.as_seen(fake));
        let difference = &seen_fake - &seen_real;
        let residual = if absolute_residual { difference.abs() } else { difference };
        let (features, place) = self.features(&[&seen_real, &seen_fake, &residual], masks, pass);
        let parts = features.chunk(3, 0);
        let [f_r, f_f, f_d] = [&parts[0], &parts[1], &parts[2]];
        let f_star = guide.reconstruction.forward(&Tensor::cat(&[e_d, f_d], 1));

        let rf = self.forgery_network.classify_in(&Tensor::cat(&[f_r, f_f], 0), pass);
        let rp = guide.residual_head.forward(&Tensor::cat(&[f_r, f_d], 0), pass);
        let rc = guide.rebuilt_head.forward(&Tensor::cat(&[f_r, &f_star], 0), pass);
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
        (Losses { total, terms, logits: rf }.with(place), inside)
    }
}

/// What the localiser adds.
struct Term {
    weight: f64,
    loss: Tensor,
}

impl Losses {
    /// Where the batch is `part` of the whole.
    fn of_part(mut self, part: f64) -> Losses {
        // Not in place: terms may share their memory with it.
        self.total = &self.total * part;
        self.terms.iter_mut().for_each(|(_, term)| *term = &*term * part);
        self
    }

    fn with(mut self, place: Option<Term>) -> Losses {
        if let Some(Term { weight, loss }) = place {
            // Not in place: SBI's only term is the total until now.
            self.total = &self.total + &loss * weight;
            self.terms.push(("place", loss));
        }
        self
    }
}

/// Mean cross entropy of logits whose first half is real and second half is fake.
fn halves_apart(logits: &Tensor) -> Tensor {
    let half = logits.size()[0] / 2;
    let options = (Kind::Int64, logits.device());
    let labels = Tensor::cat(&[Tensor::zeros([half], options), Tensor::ones([half], options)], 0);
    logits.cross_entropy_for_logits(&labels)
}

#[cfg(test)]
mod tests;
