//! What a folder holds from before: what may stay, what must be made again, what belongs to another run.

use std::path::Path;

use super::manifest::{journal_path, manifest_path, remove_if_there, shard_manifests};
use super::{
    Error, Manifest, PackSettings, PlannedVideo, VideoEntry, face_shape, faces_path, indices_path,
    target_list_path, video_files,
};
use crate::npy::{self, FaceReader};
use crate::types::{Label, VideoStatus};

/// The entries of `before` that this run, whose own videos have numbers that `is_own` knows, need not make again. Refuses folders of another run.
pub(super) fn resumed_entries(
    folder: &Path,
    settings: &PackSettings,
    videos: &[PlannedVideo],
    before: Manifest,
    is_own: impl Fn(usize) -> bool,
) -> Result<Vec<Option<VideoEntry>>, Error> {
    let path = manifest_path(folder, None);
    if let Some((setting, folder_has, run_has)) = before.settings.first_difference(settings) {
        return Err(Error::Settings { path, setting, folder_has, run_has });
    }
    if before.video_count > videos.len() {
        let (folder_has, run_has) = (before.video_count, videos.len());
        return Err(Error::FewerVideos { path, folder_has, run_has });
    }
    let mut entries = vec![None; videos.len()];
    for mut entry in before.videos {
        let number = entry.number;
        let planned = &videos[number - 1];
        let (folder_has, run_has) = (identity_of_entry(&entry), identity(planned));
        if folder_has != run_has {
            return Err(Error::OtherVideo { path, number, folder_has, run_has });
        }
        // Arrays of others are not looked at: hundreds of shards would do it at the same time.
        if is_own(number)
            && entry.status != VideoStatus::Unreadable
            && is_intact(folder, settings.face_size as usize, &entry)
        {
            entry.path = planned.path.to_string_lossy().into_owned();
            entries[number - 1] = Some(entry);
        }
    }
    Ok(entries)
}

/// What tells videos apart: the data root may be written in another way, or have moved.
fn identity(video: &PlannedVideo) -> String {
    describe(&video.path, video.label, video.group.as_deref())
}

fn identity_of_entry(entry: &VideoEntry) -> String {
    describe(Path::new(&entry.path), entry.label, entry.group.as_deref())
}

fn describe(path: &Path, label: Label, group: Option<&str>) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let group = group.map(|group| format!(", {group}")).unwrap_or_default();
    format!("{name} (label {}{group})", label.class())
}

/// Whether the arrays of an entry are there, whole, and as long as it says.
pub(super) fn is_intact(folder: &Path, side: usize, entry: &VideoEntry) -> bool {
    let faces = FaceReader::open(&faces_path(folder, entry.number), face_shape(side));
    let indices = npy::read_i64_vec(&indices_path(folder, entry.number));
    faces.is_ok_and(|faces| faces.faces() == entry.faces)
        && indices.is_ok_and(|indices| indices.len() == entry.faces)
}

/// Whether another program packed a set here.
pub(super) fn is_packed(folder: &Path) -> Result<bool, Error> {
    Ok(target_list_path(folder).exists() || !video_files(folder)?.is_empty())
}

/// Deletes a packed set and nothing else. The manifest goes last: as long as it is there, an
/// interrupted deletion is a folder that can be resumed.
pub(super) fn clear(folder: &Path) -> Result<(), Error> {
    for (_, path) in video_files(folder)? {
        remove_if_there(&path)?;
    }
    remove_if_there(&target_list_path(folder))?;
    for (shard, _) in shard_manifests(folder)? {
        remove_if_there(&journal_path(folder, Some(shard)))?;
        remove_if_there(&manifest_path(folder, Some(shard)))?;
    }
    remove_if_there(&journal_path(folder, None))?;
    remove_if_there(&manifest_path(folder, None))
}
