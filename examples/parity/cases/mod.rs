//! The numeric cases, one function each. The integration tests compare the same functions with stored numbers.

pub mod blending;
mod detection;
mod geometry;
mod images;
mod networks;
mod scoring;
mod training;

use sbi::model::Execution;
use serde_json::{Map, Value, json};
use tch::{Device, Tensor};

/// What a case may be asked for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub seed: u64,
    pub size: Option<i64>,
    pub batch: Option<i64>,
    pub compiled: bool,
}

impl Options {
    /// How networks are executed.
    pub fn execution(self) -> Execution {
        match self.compiled {
            true => Execution::fastest(Device::Cpu),
            false => Execution::plain(Device::Cpu),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options { seed: 1, size: None, batch: None, compiled: false }
    }
}

/// The result of the case called `name`, unrounded; `None` if there is no such case.
pub fn run(name: &str, options: Options) -> Option<Value> {
    let _no_grad = tch::no_grad_guard();
    Some(match name {
        "fill" => networks::fill_check(options.seed),
        "b4" | "sbi" | "eg" => networks::efficientnet(name, options),
        "iresnet18" => networks::iresnet18(options),
        "frames" => geometry::frames(),
        "crop" => geometry::crop(),
        "landmarks" => blending::landmarks(),
        "hulls" => blending::hulls(options.seed),
        "blend" => blending::blend(options.seed),
        "colour" => blending::colour(options.seed),
        "affine" => blending::affine_case(options.seed),
        "elastic" => blending::elastic(options.seed),
        "retina_forward" => detection::forward(options),
        "retina_post" => detection::post(options.seed),
        "retina_pre" => detection::pre(options.seed),
        "scoring" => scoring::scoring(),
        "eg_step" => training::eg_step(options),
        "sam_step" => training::sam_step(options),
        "lr_schedule" => training::lr_schedule(),
        _ => return None,
    })
}

/// Floats rounded to nine significant digits, integers as they are.
pub fn nine_digits(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(nine_digits).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, v)| (key, nine_digits(v))).collect::<Map<_, _>>().into()
        }
        Value::Number(number) if number.is_f64() => {
            let rounded: f64 =
                format!("{:.8e}", number.as_f64().unwrap_or_default()).parse().unwrap_or_default();
            json!(rounded)
        }
        other => other,
    }
}

fn doubles(t: &Tensor) -> Vec<f64> {
    let flat = t.to_kind(tch::Kind::Double).contiguous().view([-1]);
    Vec::<f64>::try_from(flat).expect("a float tensor")
}

/// A matrix as nested lists.
fn rows(t: &Tensor) -> Value {
    let width = t.size()[1] as usize;
    doubles(t).chunks(width).map(|row| json!(row)).collect()
}

fn sum(t: &Tensor) -> f64 {
    t.sum(tch::Kind::Double).double_value(&[])
}

fn l2(t: &Tensor) -> f64 {
    let t = t.to_kind(tch::Kind::Double);
    (&t * &t).sum(tch::Kind::Double).double_value(&[]).sqrt()
}

/// Sum, norm and the first four values.
fn statistics(t: &Tensor) -> Value {
    json!({"sum": sum(t), "l2": l2(t), "first4": doubles(t)[..4]})
}

fn digest(bytes: &[u8]) -> String {
    format!("{:016x}", sbi::hash::fnv1a64(bytes))
}
