//! Shards of a packed folder, joined into one manifest.

use std::collections::BTreeMap;
use std::path::Path;

use super::manifest::{journal_path, manifest_path, remove_if_there, shard_manifests};
use super::resume::is_intact;
use super::{Error, Manifest};
use crate::atomic_file;

/// Videos named one by one before they are only counted.
const NAMED: usize = 5;

/// What joining found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedShards {
    /// The manifest of the folder as it is now.
    pub manifest: Manifest,
    /// How many shards were joined.
    pub shards: usize,
    /// Videos that several shards had packed, by their paths: the arrays are there once.
    pub double: Vec<String>,
    /// Videos that are not packed, by their paths, or by their numbers where no shard tells.
    pub missing: Vec<String>,
}

/// Makes one manifest of those of the shards, which are removed then. Videos whose arrays are not whole count as missing.
///
/// No shard may be at work any more. Fails when the folder holds nothing packed, when shards were packed with different
/// settings or from different lists, and, unless that is allowed, when videos are missing; nothing is changed then.
pub fn join_shards(folder: &Path, allow_missing: bool) -> Result<JoinedShards, Error> {
    let shards = shard_manifests(folder)?;
    let Some(mut manifest) = Manifest::read(folder)? else {
        return Err(Error::NoManifest { path: folder.to_owned() });
    };
    let mut names = BTreeMap::new();
    let mut seen = BTreeMap::<usize, String>::new();
    let mut double = Vec::new();
    for (shard, _) in &shards {
        let Some(part) = Manifest::read_one(folder, Some(*shard))? else { continue };
        names.extend(shard.places(part.video_count).zip(part.planned));
        for entry in part.videos {
            double.extend(seen.insert(entry.number, entry.path.clone()));
        }
    }
    let side = manifest.settings.face_size as usize;
    manifest.videos.retain(|entry| is_intact(folder, side, entry));
    manifest.complete = manifest.videos.len() == manifest.video_count;
    let packed: std::collections::BTreeSet<usize> =
        manifest.videos.iter().map(|entry| entry.number).collect();
    let missing: Vec<String> = (1..=manifest.video_count)
        .filter(|number| !packed.contains(number))
        .map(|number| names.get(&(number - 1)).cloned().unwrap_or_else(|| format!("number {number}")))
        .collect();
    if !missing.is_empty() && !allow_missing {
        let mut told = missing.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        if missing.len() > NAMED {
            told += &format!(", … and {} more", missing.len() - NAMED);
        }
        let (path, missing, of) = (folder.to_owned(), missing.len(), manifest.video_count);
        return Err(Error::MissingVideos { path, missing, of, told });
    }
    manifest.write(folder, None)?;
    for (shard, _) in &shards {
        remove_if_there(&journal_path(folder, Some(*shard)))?;
        remove_if_there(&manifest_path(folder, Some(*shard)))?;
    }
    atomic_file::remove_leftovers(folder)?;
    Ok(JoinedShards { manifest, shards: shards.len(), double, missing })
}

#[cfg(test)]
mod tests {
    use super::super::manifest::tests::settings;
    use super::super::{PackOutcome, PackSettings, PackedWriter, PlannedVideo};
    use super::*;
    use crate::types::{Label, RgbImage, Shard, VideoStatus};
    use std::fs;

    fn planned(count: usize) -> Vec<PlannedVideo> {
        let label = |i| if i % 2 == 1 { Label::Real } else { Label::Fake };
        let video =
            |i| PlannedVideo { path: format!("data/{i:03}.mp4").into(), label: label(i), group: None };
        (1..=count).map(video).collect()
    }

    fn pack_pending(mut writer: PackedWriter, leave: usize) -> usize {
        let pending = writer.pending();
        for &number in &pending[..pending.len() - leave] {
            let mut video = writer.start(number).unwrap();
            video.append(&RgbImage::filled(380, 380, [number as u8; 3]), 3).unwrap();
            let outcome = PackOutcome { status: VideoStatus::Ok, frames_decoded: 32, note: None };
            writer.commit(video, outcome).unwrap();
        }
        if leave == 0 {
            writer.finish().unwrap();
        }
        pending.len()
    }

    fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        entries
            .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
            .collect()
    }

    #[test]
    fn shards_side_by_side_leave_what_one_run_leaves() {
        let (one, many) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        pack_pending(PackedWriter::open(one.path(), settings(), planned(7), false).unwrap(), 0);
        let open = |index, count| {
            let shard = Shard::new(index, count).unwrap();
            PackedWriter::open_shard(many.path(), settings(), planned(7), shard).unwrap()
        };
        // All at once; the third is killed before its last video.
        let writers: Vec<PackedWriter> = (1..=3).map(|index| open(index, 3)).collect();
        let leave = [0, 0, 1];
        let packed: usize =
            writers.into_iter().zip(leave).map(|(writer, leave)| pack_pending(writer, leave)).sum();
        assert_eq!(packed, 7);
        let error = join_shards(many.path(), false).unwrap_err().to_string();
        assert!(error.contains("1 of 7 videos are missing: data/006.mp4"), "{error}");
        // With another number of shards only what is missing is packed.
        assert_eq!((1..=2).map(|index| pack_pending(open(index, 2), 0)).sum::<usize>(), 1);
        let joined = join_shards(many.path(), false).unwrap();
        assert_eq!((joined.shards, joined.missing.len()), (5, 0));
        assert_eq!(files(many.path()), files(one.path()));
        // A second time there is nothing left to do.
        assert_eq!(join_shards(many.path(), false).unwrap().shards, 0);
        assert_eq!(files(many.path()), files(one.path()));
    }

    #[test]
    fn other_settings_and_lists_are_refused_and_gaps_are_allowed_on_request() {
        let folder = tempfile::tempdir().unwrap();
        let shard = Shard::new(1, 2).unwrap();
        pack_pending(PackedWriter::open_shard(folder.path(), settings(), planned(4), shard).unwrap(), 0);
        let other = PackSettings { frames: 8, ..settings() };
        let error = PackedWriter::open_shard(folder.path(), other, planned(4), Shard::new(2, 2).unwrap());
        assert!(error.unwrap_err().to_string().contains("number of frames 32, this run has 8"));
        let longer =
            PackedWriter::open_shard(folder.path(), settings(), planned(5), Shard::new(2, 2).unwrap());
        drop(longer.unwrap());
        let error = join_shards(folder.path(), true).unwrap_err().to_string();
        assert!(error.contains("it is of a list of 5 videos, beside others of a list of 4"), "{error}");
        fs::remove_file(folder.path().join("manifest.shard-2-of-2.json")).unwrap();
        let joined = join_shards(folder.path(), true).unwrap();
        assert_eq!(joined.missing, ["number 2", "number 4"]);
        assert!(!joined.manifest.complete);
        assert!(join_shards(&folder.path().join("nothing"), true).is_err());
    }
}
