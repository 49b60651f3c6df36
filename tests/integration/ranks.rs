//! Training on several processes of this machine, which give what one process gives.

use crate::support::{Done, Place};
use crate::train::{place, run_folder};
use sbi::checkpoint::{self, TensorData, Value};
use sbi::weight_files::catalogue::IMAGENET_LITE0;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How far the losses of a first step may be apart, and the weights after a few, relative to their size.
const NEAR: f64 = 1e-5;

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts `size` processes of a command.
fn start(place: &Place, arguments: &str, size: usize) -> Vec<Child> {
    let port = free_port().to_string();
    let of = |rank: usize| {
        let mut command = place.command(arguments);
        let variables =
            [("RANK", rank), ("WORLD_SIZE", size), ("LOCAL_RANK", rank), ("LOCAL_WORLD_SIZE", size)];
        variables.iter().for_each(|(name, value)| {
            command.env(name, value.to_string());
        });
        command.env("MASTER_ADDR", "127.0.0.1").env("MASTER_PORT", &port);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    (0..size).map(of).collect()
}

/// What processes have left, in their order; one that does not end within a minute after the first fails the test.
fn wait(arguments: &str, children: Vec<Child>) -> Vec<Done> {
    let mut children = children;
    let mut end = Instant::now() + Duration::from_secs(150);
    while !children.iter_mut().all(|child| child.try_wait().unwrap().is_some()) {
        if children.iter_mut().any(|child| child.try_wait().unwrap().is_some()) {
            end = end.min(Instant::now() + Duration::from_secs(60));
        }
        if Instant::now() > end {
            children.iter_mut().for_each(|child| child.kill().unwrap());
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    children
        .into_iter()
        .map(|child| Done::from_output(arguments, child.wait_with_output().unwrap()))
        .collect()
}

/// Runs a command on `size` processes, all of which succeed, and of which the first alone prints.
fn run(place: &Place, arguments: &str, size: usize) -> Vec<Done> {
    let done = wait(arguments, start(place, arguments, size));
    for (rank, done) in done.iter().enumerate() {
        assert_eq!(done.code, Some(0), "rank {rank}: {done}");
        assert!(rank == 0 || (done.stdout.is_empty() && done.stderr.is_empty()), "rank {rank}: {done}");
    }
    done
}

/// The distance of two lists of tensors relative to their length.
fn distance<'a>(
    one: impl Iterator<Item = &'a TensorData>,
    other: impl Iterator<Item = &'a TensorData>,
) -> f64 {
    let (mut off, mut length) = (0.0, 0.0);
    for (a, b) in one.zip(other) {
        let (a, b) = (a.to_f32_vec(), b.to_f32_vec());
        assert_eq!(a.len(), b.len());
        off += a.iter().zip(&b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
        length += a.iter().map(|a| f64::from(*a).powi(2)).sum::<f64>();
    }
    assert!(length > 0.0);
    (off / length).sqrt()
}

/// What a run's file holds to go on from: weights, and what the optimiser remembers of each.
fn saved(folder: &Path) -> (checkpoint::StateDict, Vec<TensorData>) {
    let file = checkpoint::read_with_optimizer(&folder.join("weights/last.tar")).unwrap();
    let optimizer = file.optimizer.unwrap();
    let Some(Value::Dict(memory)) = optimizer.get("state") else { panic!("no memory") };
    let velocity = |(_, parts): &(Value, Value)| match parts.get("momentum_buffer") {
        Some(Value::Tensor(velocity)) => velocity.clone(),
        _ => panic!("no velocity"),
    };
    (file.state, memory.iter().map(velocity).collect())
}

/// The epochs' losses.
fn losses(folder: &Path) -> Vec<f64> {
    let text = fs::read_to_string(folder.join("logs/metrics.jsonl")).unwrap();
    let loss = |line: &str| -> f64 {
        let epoch: serde_json::Value = serde_json::from_str(line).unwrap();
        epoch["train_loss"].as_f64().unwrap()
    };
    text.lines().map(loss).collect()
}

/// Asserts that two runs gave the same, up to the order of sums: first losses, weights, and velocities, which are the
/// gradients of single steps. `far`: how far these may be apart, which SAM's second pass and ReLU6's corners magnify.
fn assert_same(one: &Path, other: &Path, far: f64, what: &str) {
    let ((a, velocities), (b, others)) = (saved(one), saved(other));
    assert!(a.names().eq(b.names()), "{what}");
    let off = distance(velocities.iter(), others.iter());
    assert!(off < far, "{what}: gradients are off by {off}");
    let is_weight = |(name, _): &(&str, &TensorData)| name.ends_with(".weight");
    let weights = |state: &'_ checkpoint::StateDict| -> Vec<TensorData> {
        state.iter().filter(is_weight).map(|(_, tensor)| tensor.clone()).collect()
    };
    let off = distance(weights(&a).iter(), weights(&b).iter());
    assert!(off < NEAR, "{what}: weights are off by {off}");
    for (name, tensor) in a.iter().filter(|(name, _)| name.ends_with("num_batches_tracked")) {
        assert!(b.get(name) == Some(tensor), "{what}: {name}");
    }
    let (a, b) = (losses(one), losses(other));
    assert_eq!(a.len(), b.len(), "{what}");
    assert!((a[0] - b[0]).abs() < NEAR.max(far / 10.0) * a[0], "{what}: losses {a:?}, {b:?}");
}

/// Compares runs on one and on `size` processes.
fn assert_any_number(place: &Place, flags: &str, size: usize, far: f64) {
    for output in ["one", "several"] {
        let _ = fs::remove_dir_all(place.path(output));
    }
    place.sbi(&format!("train tiny.json --output one -q {flags}")).code(0);
    let done = run(place, &format!("train tiny.json --output several -q {flags}"), size);
    assert!(done[0].stdout.contains("epochs"), "{}", done[0]);
    let (one, several) = (run_folder(place, "one"), run_folder(place, "several"));
    assert_same(&one, &several, far, &format!("{size} processes {flags}"));
    // The first batch is shown whole, whoever made its pairs.
    assert!(fs::read(one.join("samples.png")).unwrap() == fs::read(several.join("samples.png")).unwrap());
    let names = |folder: &Path| fs::read_dir(folder.join("weights")).unwrap().count();
    assert_eq!(names(&one), names(&several));
}

#[test]
fn two_processes_give_what_one_gives() {
    let place = place("eg");
    // One step of all eight pairs, of which each process has four.
    let one_step = "--set epoch=1 --set batch_size=16";
    assert_any_number(&place, &format!("{one_step} --set optim.method=sgd"), 2, 1e-4);
    assert_any_number(&place, one_step, 2, 1e-2);
    let rich = "--set epoch=1 --set batch_size=8 --set optim.accumulate=2 --set ema=0.9 --set localise=0.5";
    assert_any_number(&place, &format!("{rich} --set method=sbi --set optim.method=sgd"), 2, 1e-4);
}

#[test]
fn light_networks_and_uneven_parts_give_what_one_process_gives() {
    let place = place("sbi");
    let one_step = "--set epoch=1 --set batch_size=16 --set optim.method=sgd";
    // From random weights ReLU6's corners decide more than anything.
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights").join(IMAGENET_LITE0.name());
    let lite = format!("--set backbone=efficientnet-lite0 --set init={}", weights.display());
    let lite = format!("{one_step} --set normalisation=imagenet --set image_size=96 {lite}");
    assert_any_number(&place, &lite, 3, 1e-2);
    assert_any_number(&place, one_step, 3, 1e-4);
}

#[test]
fn each_process_may_have_batch_norms_of_its_own_and_half_the_bytes() {
    let place = place("sbi");
    let own = "--set data.sync_batch_norm=false --set optim.wire=bf16";
    run(&place, &format!("train tiny.json --output own -q --set epoch=2 --set batch_size=8 {own}"), 2);
    let folder = run_folder(&place, "own");
    assert_eq!(losses(&folder).len(), 2);
    // What is written is one network, which one process goes on with.
    let record = folder.join("config.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace(r#""epoch": 2"#, r#""epoch": 3"#)).unwrap();
    place.sbi(&format!("train --resume {} -q", folder.display())).code(0).tells(&["3 of 3"]);
}

#[test]
fn a_run_goes_on_with_another_number_of_processes() {
    let place = place("sbi");
    // Steps so small that the order of sums is not magnified from one to the next.
    let flags =
        "-q --set batch_size=8 --set optim.method=sgd --set optim.lr=0.000001 --set optim.momentum=0.5";
    place.sbi(&format!("train tiny.json --output whole {flags}")).code(0);
    run(&place, &format!("train tiny.json --output parts {flags} --set epoch=1"), 2);
    let folder = run_folder(&place, "parts");
    let record = folder.join("config.json");
    let text = fs::read_to_string(&record).unwrap();
    assert!(text.contains(r#""processes": 2"#), "{text}");
    // Two epochs more, one on one process and one on three.
    for (epochs, next, size) in [(1, 2, 1), (2, 3, 3)] {
        let text = fs::read_to_string(&record).unwrap();
        let (from, to) = (format!(r#""epoch": {epochs}"#), format!(r#""epoch": {next}"#));
        assert!(text.contains(&from), "{text}");
        fs::write(&record, text.replace(&from, &to)).unwrap();
        let resume = format!("train --resume {} -q", folder.display());
        match size {
            1 => drop(place.sbi(&resume).code(0)),
            _ => drop(run(&place, &resume, size)),
        }
    }
    assert_same(&run_folder(&place, "whole"), &folder, 1e-3, "resumed on one and three processes");
}

/// A run on two processes that is under way: its processes and its folder.
fn under_way(place: &Place) -> (Vec<Child>, &'static str) {
    let arguments = "train tiny.json --output out --set epoch=1000 --set val_every=1000";
    let mut children = start(place, arguments, 2);
    let end = Instant::now() + Duration::from_secs(120);
    let begun = || place.path("out").exists() && run_folder_of(place).join("samples.png").exists();
    while !begun() {
        assert!(Instant::now() < end && children[0].try_wait().unwrap().is_none(), "no first step");
        std::thread::sleep(Duration::from_millis(5));
    }
    (children, arguments)
}

fn run_folder_of(place: &Place) -> std::path::PathBuf {
    match place.names("out").first() {
        Some(name) => place.path("out").join(name),
        None => place.path("out"),
    }
}

fn signal(child: &Child, kind: i32) {
    // SAFETY: a plain system call; the child has not been waited for, so the number is still its own.
    assert_eq!(unsafe { libc::kill(child.id() as i32, kind) }, 0);
}

#[test]
fn a_killed_process_ends_the_others_and_is_named() {
    let place = place("sbi");
    for killed in [1, 0] {
        let _ = fs::remove_dir_all(place.path("out"));
        let (children, arguments) = under_way(&place);
        signal(&children[killed], libc::SIGKILL);
        let done = wait(arguments, children);
        let other = &done[1 - killed];
        assert_eq!(other.code, Some(2), "{other}");
        let errors: Vec<&str> = other.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{other}");
        assert!(errors[0].starts_with(&format!("error: rank {killed} of 2 is gone")), "{other}");
        assert!(errors[0].contains("sbi train --resume"), "{other}");
        // What was saved is whole.
        let last = run_folder(&place, "out").join("weights/last.tar");
        assert!(!checkpoint::read(&last).unwrap().state.is_empty());
    }
}

#[test]
fn a_wish_to_stop_of_any_process_stops_all_after_the_same_step() {
    let place = place("sbi");
    for (signalled, kind) in [(1, libc::SIGTERM), (0, libc::SIGINT)] {
        let _ = fs::remove_dir_all(place.path("out"));
        let (children, arguments) = under_way(&place);
        std::thread::sleep(Duration::from_millis(300));
        signal(&children[signalled], kind);
        // A launcher sends a second one at once.
        signal(&children[signalled], libc::SIGTERM);
        let done = wait(arguments, children);
        assert!(done.iter().all(|done| done.code == Some(130)), "{}\n{}", done[0], done[1]);
        assert!(done[0].stdout.contains("sbi train --resume") && done[1].stdout.is_empty(), "{}", done[0]);
        // And goes on, on one process.
        let folder = run_folder(&place, "out");
        let record = folder.join("config.json");
        let text = fs::read_to_string(&record).unwrap();
        fs::write(&record, text.replace(r#""epoch": 1000"#, r#""epoch": 1"#)).unwrap();
        place.sbi(&format!("train --resume {} -q", folder.display())).code(0);
    }
}

#[test]
fn variables_that_contradict_one_another_are_refused() {
    let place = place("sbi");
    let with = |variables: &[(&str, &str)]| {
        let mut command = place.command("train tiny.json -q --output out");
        command.envs(variables.iter().copied());
        Done::of("train", command)
    };
    let (rank, size) = (("RANK", "2"), ("WORLD_SIZE", "2"));
    with(&[rank]).refused(&["WORLD_SIZE is not set, but RANK is"]);
    with(&[rank, size]).refused(&["RANK is \"2\": expected a number from 0 to 1"]);
    with(&[("RANK", "1"), size]).refused(&["MASTER_ADDR is not set"]);
    let nodes = [("SLURM_PROCID", "1"), ("SLURM_NTASKS", "2"), ("SLURM_JOB_NODELIST", "node[")];
    with(&nodes).refused(&["SLURM_JOB_NODELIST is \"node[\"", "node[01-04,7]"]);
    // Five processes for two pairs.
    let five = wait("train", start(&place, "train tiny.json -q --output out", 5));
    assert!(five.iter().all(|done| done.code == Some(2)), "{}", five[0]);
    assert!(five[0].stderr.contains("batch_size 4 has 2 pairs, too few for 5 processes"), "{}", five[0]);
    assert!(!place.path("out").exists(), "a refused run left a folder");
    // One process of one is alone.
    with(&[("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0")]).code(0);
}

#[test]
fn processes_that_are_started_again_go_on_by_themselves() {
    let place = place("sbi");
    let arguments = "train tiny.json --output out -q --set epoch=1";
    let started = |restarts: &str, run: &str| {
        let mut command = place.command(arguments);
        command.env("RANK", "0").env("WORLD_SIZE", "1").env("LOCAL_RANK", "0");
        command.env("TORCHELASTIC_RUN_ID", run).env("TORCHELASTIC_RESTART_COUNT", restarts);
        Done::of(arguments, command)
    };
    started("0", "a").code(0);
    // The same processes find what they began, and that it is complete.
    started("1", "a").code(0).tells(&["1 of 1"]);
    assert_eq!(place.names("out").len(), 1);
    // Others begin anew: their folder has the same name within one second.
    std::thread::sleep(Duration::from_millis(1100));
    started("1", "b").code(0);
    assert_eq!(place.names("out").len(), 2);
}
