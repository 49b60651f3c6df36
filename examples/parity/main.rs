//! Prints one numeric case as JSON, for comparison with another implementation:
//!
//! ```text
//! cargo run --release --example parity -- sbi --seed 1 --size 224 --batch 2
//! cargo run --release --example parity -- list
//! ```
//!
//! Weights and inputs come from the deterministic fill (`sbi::model::fill`), floats have nine significant
//! digits. `--compiled` runs networks in the form that inference uses on a CPU.

mod cases;

use cases::Options;

const NAMES: [&str; 20] = [
    "fill",
    "b4",
    "sbi",
    "eg",
    "iresnet18",
    "frames",
    "crop",
    "landmarks",
    "hulls",
    "blend",
    "colour",
    "affine",
    "elastic",
    "retina_forward",
    "retina_post",
    "retina_pre",
    "scoring",
    "eg_step",
    "sam_step",
    "lr_schedule",
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(case) = arguments.next() else { usage("no case given") };
    let mut options = Options::default();
    while let Some(flag) = arguments.next() {
        let mut number = || match arguments.next().map(|value| value.parse::<u64>()) {
            Some(Ok(value)) => value,
            _ => usage(&format!("{flag} needs a whole number")),
        };
        match flag.as_str() {
            "--seed" => options.seed = number(),
            "--size" => options.size = Some(number() as i64),
            "--batch" => options.batch = Some(number() as i64),
            "--compiled" => options.compiled = true,
            other => usage(&format!("unknown argument {other}")),
        }
    }
    if case == "list" {
        return println!("{}", NAMES.join("\n"));
    }
    sbi::native::process::tune_allocator();
    match cases::run(&case, options) {
        Some(result) => {
            println!("{}", serde_json::to_string_pretty(&cases::nine_digits(result)).expect("JSON"))
        }
        None => usage(&format!("unknown case {case}; known are {}", NAMES.join(", "))),
    }
}

fn usage(problem: &str) -> ! {
    eprintln!("{problem}\nusage: parity CASE [--seed N] [--size S] [--batch B] [--compiled]");
    std::process::exit(2)
}
