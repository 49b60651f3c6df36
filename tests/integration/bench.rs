//! Measuring the machine.

use crate::support::Place;

#[test]
fn every_stage_is_measured_and_what_is_missing_is_told() {
    let place = Place::new();
    let done = place.sbi("bench -w weights/sbi.tar --seconds 0.01 -q --json speed.json").code(0);
    let done =
        done.tells(&["multiplying matrices", "100 %"]).tells(&["left out", "retinaface_resnet50", "by hand"]);
    done.tells(&["scoring, efficientnet-b0 at 380 px", "faces/s", "%"]);
    let json = place.json("speed.json");
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row["rate"].as_f64().unwrap() > 0.0), "{json}");
    let shares = rows.iter().filter_map(|row| row["share_of_peak"].as_f64());
    assert_eq!(shares.filter(|share| *share > 0.0).count(), 2, "the two networks");
    place.sbi("bench -w absent.tar").refused(&["absent.tar"]);
    place.sbi("bench -w weights/sbi.tar --seconds 0").misused(&["expected a number of seconds"]);
}
