//! Prints the faces in photographs, one JSON line per photograph:
//!
//! ```text
//! cargo run --release --example find_faces -- weights/retinaface_mnet025.safetensors photo.jpg
//! ```

use sbi::face::FaceDetectorConfig;
use sbi::imaging::read_image;
use sbi::model::{DeviceChoice, Execution};
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    sbi::native::process::tune_allocator();
    let mut paths = std::env::args().skip(1).map(PathBuf::from);
    let weights = paths.next().ok_or("usage: find_faces WEIGHTS PHOTO...")?;
    let config = FaceDetectorConfig { weights: Some(weights), ..FaceDetectorConfig::default() };
    let plan = Execution::fastest(DeviceChoice::Auto.resolve()?);
    let (detector, _) = config.load(plan)?;
    for path in paths {
        let image = read_image(&path)?;
        let faces: Vec<_> = detector
            .detect(&[&image])?
            .concat()
            .into_iter()
            .map(|face| {
                let b = face.bbox;
                let bbox = [b.x0, b.y0, b.x1, b.y1];
                serde_json::json!({"bbox": bbox, "score": face.confidence, "points": face.points})
            })
            .collect();
        println!("{}", serde_json::json!({"path": path, "faces": faces}));
    }
    Ok(())
}
