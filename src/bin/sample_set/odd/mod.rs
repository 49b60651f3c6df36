//! Small files that break readers of videos and photographs, all made from one portrait.
//!
//! Each stands for a fault that public bug reports describe: headers that count wrong, turned or cut recordings, sizes
//! and formats of pixels that change, pauses, lists of other files, odd names. What each must give is checked by the
//! integration tests (`tests/integration/odd_files`), which have them made by this program.

mod avi;
mod clip;
mod lists;
mod photographs;
mod pictures;
mod recordings;
mod sound;
mod tiff;
mod videos;
mod webp;

use sbi::types::RgbImage;
use std::fs;
use std::path::Path;

/// Whatever went wrong: this program only says so and ends.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Writes all files into `folder` and returns how many there are in it then.
pub fn write(portrait: &RgbImage, folder: &Path) -> Result<usize> {
    fs::create_dir_all(folder)?;
    let face = pictures::face(portrait);
    videos::write(&face, folder)?;
    recordings::write(&face, folder)?;
    avi::write(&face, folder)?;
    sound::write(folder)?;
    lists::write(folder)?;
    photographs::write(portrait, &folder.join("photos"))?;
    count(folder)
}

fn count(folder: &Path) -> Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        files += if path.is_dir() { count(&path)? } else { 1 };
    }
    Ok(files)
}
