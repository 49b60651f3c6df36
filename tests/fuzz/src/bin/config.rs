//! Configurations of training runs: a file, and after zero bytes what the command line puts over it.

#![no_main]

use sbi::train::Config;
use sbi_fuzz::{file, fixtures, folder, fuzz_target, parts, plant};

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = fixtures("configs", 65_536);
    seeds.push(Config::default().to_json().into_bytes());
    seeds.push(b"{\"method\": \"sbi\", \"optim\": {\"lr\": 0.01}}\0epoch=3\0data.sets=Original:2,mine\0guide.encoder=dlib".to_vec());
    seeds
}

fuzz_target!(
    init: {
        let _ = folder();
        plant(seeds());
    },
    |bytes: &[u8]| {
        let mut parts = parts(bytes);
        let path = file("config.json", parts.next().unwrap_or_default());
        let overrides: Vec<String> = parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect();
        if let Ok(config) = Config::read(&path, &overrides) {
            let _ = config.pairs();
            let again = Config::read(&file("again.json", config.to_json().as_bytes()), &[]);
            assert_eq!(again.expect("what is written can be read"), config);
        }
    }
);
