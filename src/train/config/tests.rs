use super::*;
use proptest::prelude::*;
use serde_json::json;

fn read(text: &str, overrides: &[&str]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.json");
    std::fs::write(&path, text).unwrap();
    let overrides: Vec<String> = overrides.iter().map(|text| text.to_string()).collect();
    Config::read(&path, &overrides)
}

/// The message without the folder.
fn refusal(text: &str, overrides: &[&str]) -> String {
    let message = crate::causes::with_causes(&read(text, overrides).unwrap_err());
    assert!(!message.contains('\n'), "{message}");
    message.rsplit_once("/c.json: ").map_or(message.clone(), |(_, reason)| reason.to_owned())
}

#[test]
fn the_originals_three_keys_are_a_whole_configuration() {
    let config = read(r#"{"epoch": 100, "batch_size": 32, "image_size": 256}"#, &[]).unwrap();
    assert_eq!(config, Config { epoch: 100, batch_size: 32, image_size: 256, ..Config::default() });
    assert_eq!(config.pairs(), 16);
    assert_eq!(read("{}", &[]).unwrap(), Config::default());
}

#[test]
fn shipped_configurations_are_as_published() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let shipped = |name: &str| Config::read(&folder.join(name), &[]).unwrap();
    assert_eq!(shipped("base.json"), Config::default());
    let sbi = Config { epoch: 100, batch_size: 32, method: Method::Sbi, ..Config::default() };
    assert_eq!(shipped("sbi.json"), sbi);
    let tiny = shipped("tiny.json");
    assert!(tiny.image_size < 224 && tiny.epoch < 20, "{tiny:?}");
}

#[test]
fn a_key_left_out_of_a_section_keeps_its_default() {
    let config = read(r#"{"guide": {"loss_weights": {"rp": 0.5}}, "optim": {"lr": 1}}"#, &[]).unwrap();
    assert_eq!(config.guide.loss_weights, LossWeights { rf: 1.0, rp: 0.5, rc: 0.01, distill: 0.4 });
    assert_eq!(config.optim, OptimConfig { lr: 1.0, ..OptimConfig::default() });
}

#[test]
fn overrides_go_over_the_file_and_later_ones_over_earlier_ones() {
    let file = r#"{"epoch": 3, "optim": {"lr": 0.1, "rho": 0.2}}"#;
    let overrides = ["optim.lr=0.5", "data.root=/data", "early_stop=4", "optim.lr=0.25", "amp=bf16"];
    let config = read(file, &overrides).unwrap();
    assert_eq!(config.optim, OptimConfig { lr: 0.25, rho: 0.2, ..OptimConfig::default() });
    assert_eq!((config.epoch, config.early_stop, config.amp), (3, Some(4), Amp::Bf16));
    assert_eq!(config.data.root, Some("/data".into()));
    let longer = read(&config.to_json(), &["epoch=9", "early_stop=null"]).unwrap();
    assert_eq!(longer, Config { epoch: 9, early_stop: None, ..config });
}

#[test]
fn unknown_keys_are_named_with_the_nearest_known_one() {
    assert_eq!(refusal(r#"{"epochs": 3}"#, &[]), "unknown key epochs; did you mean epoch?");
    assert_eq!(
        refusal(r#"{"optim": {"momentun": 0.9}}"#, &[]),
        "unknown key optim.momentun; did you mean optim.momentum?"
    );
    assert_eq!(
        refusal(r#"{"guide": {"loss_weights": {"destill": 1}}}"#, &[]),
        "unknown key guide.loss_weights.destill; did you mean guide.loss_weights.distill?"
    );
    assert_eq!(
        refusal(r#"{"data": {"fakes": {"swop": 2}}}"#, &[]),
        "unknown key data.fakes.swop; did you mean data.fakes.swap?"
    );
    // In the wrong section.
    assert_eq!(refusal(r#"{"lr": 0.1}"#, &[]), "unknown key lr; did you mean optim.lr?");
    assert_eq!(
        refusal(r#"{"optim": {"colour": 1}}"#, &[]),
        "unknown key optim.colour; known here are method, lr, momentum, rho, weight_decay, accumulate, schedule, warmup, wire"
    );
    // A section that is unknown as a whole, and a key below one that has none.
    assert_eq!(refusal(r#"{"optimm": {"lr": 1}}"#, &[]), "unknown key optimm; did you mean optim?");
    assert_eq!(
        refusal("{}", &["guide.encodr=dlib"]),
        "override guide.encodr=dlib: unknown key guide.encodr; did you mean guide.encoder?"
    );
    assert!(refusal("{}", &["epoch.x=1"]).contains("epoch is {\"x\":1}, expected a whole number"));
}

#[test]
fn values_out_of_range_are_named_with_what_was_expected() {
    assert_eq!(
        refusal(r#"{"batch_size": 7}"#, &[]),
        "batch_size is 7, expected an even number from 2 to 65536"
    );
    assert_eq!(
        refusal(r#"{"optim": {"lr": 0}}"#, &[]),
        "optim.lr is 0, expected a number above 0, at most 100"
    );
    assert_eq!(
        refusal(r#"{"optim": 5}"#, &[]),
        "optim is 5, expected a section in braces, with the keys method, lr, momentum, rho, weight_decay, accumulate, schedule, warmup, wire"
    );
    assert_eq!(
        refusal(r#"{"epoch": "3"}"#, &[]),
        "epoch is \"3\", expected a whole number from 1 to 1000000"
    );
    assert!(refusal("[]", &[]).starts_with("the whole is [], expected a section in braces"));
    assert!(refusal(r#"{"backbone": "efficientnet-b44"}"#, &[]).ends_with("; did you mean efficientnet-b4?"));
    assert!(refusal("{}", &["guide.encoder=iresnet19"]).contains("did you mean iresnet18?"));
    assert_eq!(refusal("{}", &["method=1"]), "override method=1: method is \"1\", expected one of eg, sbi");
    let long = refusal("{}", &[&format!("optim=\"{}\"", "ä".repeat(100))]);
    assert!(long.contains(&format!("optim is \"{}…, expected", "ä".repeat(59))), "{long}");
    for (key, value) in [
        ("image_size", "15"),
        ("optim.momentum", "1"),
        ("optim.rho", "-0.1"),
        ("optim.accumulate", "0"),
        ("optim.warmup", "1"),
        ("val_every", "0"),
        ("keep", "2.5"),
        ("seed", "-1"),
        ("guide.loss_weights.rc", "-1"),
        ("guide.detach", "1"),
        ("workers", "0"),
        ("data.root", "{}"),
        ("data.fakes.mouth", "-1"),
    ] {
        let message = refusal("{}", &[&format!("{key}={value}")]);
        assert!(message.contains(&format!("{key} is {value}, expected ")), "{message}");
    }
}

#[test]
fn broken_files_are_named() {
    let message = refusal(r#"{"epoch": 3,}"#, &[]);
    assert!(
        message.starts_with("not a training configuration in JSON: ") && message.contains("line 1"),
        "{message}"
    );
    let message = Config::read(Path::new("/nowhere/c.json"), &[]).unwrap_err().to_string();
    assert!(message.starts_with("/nowhere/c.json: "), "{message}");
}

#[test]
fn values_that_do_not_go_together_are_refused() {
    let file = r#"{"guide": {"pooling": "fc", "input_size": 128}}"#;
    assert!(refusal(file, &[]).contains("guide.input_size is 128"), "{}", refusal(file, &[]));
    assert!(read(file, &["guide.input_size=112"]).is_ok());
    assert!(read(file, &["method=sbi"]).is_ok(), "sbi has no guide");
    let message = refusal("{}", &["guide.encoder=dlib", "guide.input_size=112"]);
    assert!(message.ends_with("guide.input_size is 112, but dlib's encoder takes 150 only"), "{message}");
    let config = Config { batch_size: 3, ..Config::default() };
    assert!(config.check().unwrap_err().to_string().contains("batch_size is 3"));
    Config::default().check().unwrap();
}

#[test]
fn kinds_of_forgery_are_mixed_by_weight() {
    let config = read(r#"{"data": {"fakes": {"swap": 2}}}"#, &["data.fakes.mouth=0.5"]).unwrap();
    let fakes = config.data.extras().fakes;
    assert_eq!(fakes, Fakes { swap: 2.0, mouth: 0.5, ..Fakes::default() });
    assert_eq!(fakes.self_blend, 1.0);
    assert!(refusal("{}", &["data.fakes.self=0"]).ends_with("no kind of forgery with a weight above 0"));
}

#[test]
fn the_faces_of_the_guide_are_as_large_as_its_encoder_wants_them_unless_told() {
    let side = |overrides: &[&str]| read("{}", overrides).unwrap().guide.input_side();
    assert_eq!(side(&[]), 112);
    assert_eq!(side(&["guide.encoder=iresnet50", "guide.pooling=fc"]), 112);
    assert_eq!(side(&["guide.encoder=dlib"]), 150);
    assert_eq!(side(&["guide.encoder=dlib", "guide.pooling=fc"]), 150, "only iresnets have a pooling");
    assert_eq!(side(&["guide.input_size=128"]), 128);
    assert_eq!(side(&["guide.input_size=128", "guide.encoder=dlib", "guide.input_size=null"]), 150);
}

/// The paths of all leaves.
fn leaves(section: &str, value: &Value, into: &mut Vec<String>) {
    let Value::Object(entries) = value else { return into.push(section.to_owned()) };
    for (name, value) in entries {
        let key = if section.is_empty() { name.clone() } else { format!("{section}.{name}") };
        leaves(&key, value, into);
    }
}

#[test]
fn the_table_has_each_field_and_each_name_and_no_other() {
    let mut fields = Vec::new();
    leaves("", &Config::default().to_value(), &mut fields);
    assert_eq!(fields, schema::keys(), "fields against table");
    for (key, names) in schema::all_names() {
        for name in names {
            let config = read("{}", &[&format!("{key}={name}")]);
            assert!(config.unwrap().to_json().contains(&format!("\"{name}\"")), "{key} {name}");
        }
    }
}

#[test]
fn the_encoders_weights_are_the_usual_ones_random_ones_or_a_files() {
    let weights = |text: &str| read(text, &[]).unwrap().guide.weights;
    assert_eq!(weights("{}"), EncoderWeights::Usual);
    assert_eq!(weights(r#"{"guide": {"weights": null}}"#), EncoderWeights::Usual);
    assert_eq!(weights(r#"{"guide": {"weights": "random"}}"#), EncoderWeights::Random);
    assert_eq!(weights(r#"{"guide": {"weights": "./random"}}"#), EncoderWeights::File("./random".into()));
    let random = read("{}", &["guide.weights=random"]).unwrap();
    assert_eq!(read(&random.to_json(), &[]).unwrap(), random);
    assert_eq!(
        refusal("{}", &["guide.weights=[]"]),
        "override guide.weights=[]: guide.weights is [], expected a path in quotes, \"random\", or null"
    );
}

#[test]
fn split_lists_are_those_given_or_else_those_of_the_data_set() {
    let data = read("{}", &["data.val=mine.json"]).unwrap().data;
    let root = Path::new("/data");
    assert_eq!(data.split_list(Split::Train, root), root.join("FaceForensics++/train.json"));
    assert_eq!(data.split_list(Split::Validation, root), Path::new("mine.json"));
    let data = DataConfig { root: Some("/other".into()), ..data };
    assert!(data.split_list(Split::Train, root).starts_with("/other"));
}

proptest! {
    #[test]
    fn what_is_written_reads_back_the_same(
        epoch in 1usize..1000,
        pairs in 1usize..64,
        lr in 1e-9f64..10.0,
        rc in 0.0f64..10.0,
        seed: u64,
        workers in proptest::option::of(1usize..64),
        root in proptest::option::of("[a-z0-9=. /]{1,12}"),
        detach: bool,
    ) {
        let mut config = Config { epoch, batch_size: 2 * pairs, seed, workers, ..Config::default() };
        config.optim.lr = lr;
        config.guide.loss_weights.rc = rc;
        config.guide.detach = detach;
        config.data.root = root.map(PathBuf::from);
        prop_assert_eq!(read(&config.to_json(), &[]).unwrap(), config.clone());
        let value: Config = serde_json::from_value(json!(config)).unwrap();
        prop_assert_eq!(value, config);
    }
}
