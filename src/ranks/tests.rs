use super::*;
use crate::native::training::{NormTensors, TrainActivation, norm_activation, shared_norm};
use std::net::TcpListener;
use std::sync::Mutex;
use std::thread;
use tch::Kind;

/// A process that meets others at this port.
fn launch(rank: usize, size: usize, port: u16) -> Launch {
    let variables = [
        ("RANK", rank.to_string()),
        ("WORLD_SIZE", size.to_string()),
        ("MASTER_ADDR", "127.0.0.1".to_owned()),
        ("MASTER_PORT", port.to_string()),
    ];
    let variable =
        |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone());
    Launch::from_variables(&variable).unwrap().unwrap()
}

/// A port that nobody has, and that no other test of this process is given.
fn free_port() -> u16 {
    static GIVEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());
    let mut given = GIVEN.lock().unwrap();
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if !given.contains(&port) {
            given.push(port);
            return port;
        }
    }
}

fn never(error: &RanksError) {
    panic!("{error}");
}

/// What each of `size` processes gives, each on a thread of this one.
fn among<T: Send>(size: usize, work: impl Fn(Ranks) -> T + Sync) -> Vec<T> {
    let port = free_port();
    thread::scope(|scope| {
        let started: Vec<_> = (0..size)
            .map(|rank| {
                let work = &work;
                scope.spawn(move || work(Ranks::join(&launch(rank, size, port), Device::Cpu, never).unwrap()))
            })
            .collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn sums_and_bytes_reach_all() {
    let found = among(3, |ranks| {
        let rank = ranks.rank();
        let mut values = [rank as f64, 0.1];
        ranks.sum(&mut values).unwrap();
        let tensor = Tensor::full([5], rank as f64 + 1.0, (Kind::Float, Device::Cpu));
        ranks.sum_tensor(&tensor).unwrap();
        let gathered = ranks.gather(&vec![rank as u8; rank]).unwrap();
        let first = ranks.of_first(format!("from {rank}").into_bytes()).unwrap();
        let any = [ranks.any(false).unwrap(), ranks.any(rank == 2).unwrap()];
        let same = ranks.check_same(7, "nothing").is_ok();
        let differs = ranks.check_same(u64::from(rank == 1), "another thing").unwrap_err().to_string();
        let sum = Vec::<f32>::try_from(tensor).unwrap();
        ranks.end().unwrap();
        (values, sum, gathered, first, any, same, differs)
    });
    for (values, sum, gathered, first, any, same, differs) in &found {
        assert_eq!((values[0], sum.as_slice()), (3.0, [6.0f32; 5].as_slice()));
        assert_eq!(values[1], found[0].0[1], "the same bits");
        assert_eq!(*gathered, [vec![], vec![1], vec![2, 2]]);
        assert_eq!((first.as_slice(), *any, *same), (b"from 0".as_slice(), [false, true], true));
        assert!(differs.starts_with("rank 1 has another thing than rank 0"), "{differs}");
    }
}

#[test]
fn sums_are_not_noted_for_debuggers() {
    among(2, |ranks| ranks.end().unwrap());
    // libtorch's notes are not safe among threads with groups of their own, as tests are: they broke one run in forty.
    assert_eq!(std::env::var("TORCH_FR_BUFFER_SIZE").as_deref(), Ok("0"));
}

#[test]
fn parts_are_consecutive_and_even() {
    for (count, size) in [(16, 2), (5, 3), (3, 3), (2, 4)] {
        let parts: Vec<Range<usize>> =
            (0..size).map(|rank| Ranks { rank, size, team: None }.part(count)).collect();
        let all: Vec<usize> = parts.iter().cloned().flatten().collect();
        assert_eq!(all, (0..count).collect::<Vec<_>>());
        let (least, most) = (count / size, count.div_ceil(size));
        assert!(parts.iter().all(|part| (least..=most).contains(&part.len())), "{parts:?}");
    }
}

/// Of one batch norm over a batch: result, gradients of x, weight and bias, running mean and variance.
fn normed(
    x: &Tensor,
    factor: &Tensor,
    group: Option<&ProcessGroup>,
    norm: impl Fn(&Tensor, &NormTensors) -> Tensor,
) -> Vec<Tensor> {
    let channels = x.size()[1];
    let vector = |of: fn(f64) -> f64| {
        let values: Vec<f32> = (0..channels).map(|c| of(c as f64) as f32).collect();
        Tensor::from_slice(&values)
    };
    let weight = vector(|c| 0.5 + c / 9.0).set_requires_grad(true);
    let bias = vector(|c| c / 7.0 - 0.4).set_requires_grad(true);
    let (running_mean, running_var) = (vector(|c| c / 5.0), vector(|c| 1.0 + c / 3.0));
    let x = x.copy().set_requires_grad(true);
    let tensors = NormTensors {
        weight: &weight,
        bias: &bias,
        running_mean: &running_mean,
        running_var: &running_var,
        eps: 1e-3,
        momentum: 0.01,
        group,
    };
    let y = norm(&x, &tensors);
    (&y * factor).sum(Kind::Float).backward();
    vec![y.detach(), x.grad(), weight.grad(), bias.grad(), running_mean, running_var]
}

#[test]
fn norms_of_parts_are_those_of_the_whole_batch() {
    tch::manual_seed(4);
    let fused = |x: &Tensor, norm: &NormTensors| {
        norm_activation(x, norm, TrainActivation::Swish).unwrap_or_else(|| {
            let y = shared_norm(x, norm).unwrap_or_else(|| plain(x, norm));
            y.silu()
        })
    };
    fn plain(x: &Tensor, norm: &NormTensors) -> Tensor {
        let NormTensors { weight, bias, running_mean, running_var, eps, momentum, .. } = *norm;
        let running = (Some(running_mean), Some(running_var));
        x.batch_norm(Some(weight), Some(bias), running.0, running.1, true, momentum, eps, false)
    }
    let shared = |x: &Tensor, norm: &NormTensors| shared_norm(x, norm).unwrap_or_else(|| plain(x, norm));
    for shape in [[5, 16, 7, 6].as_slice(), &[5, 16]] {
        let x = Tensor::randn(shape, (Kind::Float, Device::Cpu)) * 2.0 + 30.0;
        let factor = Tensor::randn(shape, (Kind::Float, Device::Cpu));
        // Uneven parts: two images and three.
        let part = |tensor: &Tensor, rank: i64| tensor.narrow(0, 2 * rank, 2 + rank).copy();
        for is_fused in [true, false] {
            if is_fused && shape.len() == 2 {
                continue;
            }
            let compute = |x: &Tensor, factor: &Tensor, group: Option<&ProcessGroup>| match is_fused {
                true => normed(x, factor, group, fused),
                false => normed(x, factor, group, shared),
            };
            let whole = compute(&x, &factor, None);
            let inputs = [0, 1].map(|rank| Mutex::new((part(&x, rank), part(&factor, rank))));
            let parts = among(2, |ranks| {
                let (x, factor) = &*inputs[ranks.rank()].lock().unwrap();
                let group = &ranks.team.as_ref().unwrap().group;
                let found = compute(x, factor, Some(group));
                ranks.end().unwrap();
                found
            });
            let joined: Vec<Tensor> = (0..whole.len())
                .map(|number| match number {
                    0 | 1 => Tensor::cat(&[&parts[0][number], &parts[1][number]], 0),
                    2 | 3 => &parts[0][number] + &parts[1][number],
                    _ => {
                        assert_eq!(parts[0][number], parts[1][number], "running statistics");
                        parts[0][number].shallow_clone()
                    }
                })
                .collect();
            for (number, (found, expected)) in joined.iter().zip(&whole).enumerate() {
                let off = ((found - expected).norm() / expected.norm()).double_value(&[]);
                assert!(off < 1e-5, "{shape:?}, fused {is_fused}, number {number}: off by {off}");
            }
        }
    }
}

#[test]
fn gradients_are_summed_whole_and_in_half_precision() {
    for (wire, limit) in [(Wire::Fp32, 0.0), (Wire::Bf16, 1e-2), (Wire::Fp16, 1e-3)] {
        let found = among(2, |ranks| {
            // More than one bucket, one parameter that no pass reaches, one of several dimensions.
            let parameter =
                |shape: &[i64]| Tensor::ones(shape, (Kind::Float, Device::Cpu)).set_requires_grad(true);
            let parameters = [parameter(&[1500, 1000]), parameter(&[3]), parameter(&[2, 5])];
            let mut sums = ranks.gradient_sums(&parameters, wire).unwrap().unwrap();
            let scale = 1.0 + ranks.rank() as f64;
            let loss = |scale: f64| {
                (&parameters[0] * scale).sum(Kind::Float) + (&parameters[2] * (scale / 3.0)).sum(Kind::Float)
            };
            // Two passes make one sum of gradients.
            loss(10.0 * scale).backward();
            sums.begin();
            loss(scale).backward();
            sums.finish().unwrap();
            assert!(!parameters[1].grad().defined());
            let numbers = [0, 2].map(|at| {
                let gradient = parameters[at].grad();
                let value = gradient.double_value(&[1, 2]);
                assert_eq!((&gradient - value).abs().max().double_value(&[]), 0.0);
                value
            });
            ranks.end().unwrap();
            numbers
        });
        for numbers in found {
            for (found, expected) in numbers.into_iter().zip([33.0, 11.0]) {
                assert!((found - expected).abs() <= limit * expected + 1e-5, "{wire:?}: {found}, {expected}");
            }
        }
    }
}

#[test]
fn a_process_that_fails_tells_the_others_why() {
    let found = among(3, |ranks| {
        let rank = ranks.rank();
        if rank == 1 {
            ranks.leave("the disk is full");
            return "left".to_owned();
        }
        let error = ranks.sum(&mut [1.0]).unwrap_err();
        ranks.leave(&error.to_string());
        error.to_string()
    });
    let expected = "rank 1 of 3 has ended: the disk is full; the others cannot go on without it";
    assert_eq!(found, [expected, "left", expected]);
}

#[test]
fn who_does_not_come_is_named() {
    let port = free_port();
    // Long enough to reach its own store, however busy the machine is.
    let patient = Launch { patience: Duration::from_secs(6), ..launch(0, 3, port) };
    let error = Ranks::join(&patient, Device::Cpu, never).err().unwrap().to_string();
    let expected = format!("rank 0 of 3: no meeting at 127.0.0.1:{port}: no word from rank 1, 2");
    assert_eq!(error, expected);
}
