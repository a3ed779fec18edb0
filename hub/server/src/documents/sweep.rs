//! Takes away what a crash or a broken connection left in `incoming/`.
//!
//! An upload that takes longer than the API lets one take is dead, whoever began it. Its last write is older than twice that
//! bound before it goes: a live one is never touched, not even that of another hub on the same store.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use futures::TryStreamExt;
use jiff::Timestamp;
use object_store::ObjectStoreExt as _;
use tokio_util::sync::CancellationToken;

use super::{Documents, DocumentsError, INCOMING};

/// Often enough for a day of broken connections, seldom enough not to matter.
const LONGEST_PERIOD: Duration = Duration::from_secs(600);

impl Documents {
    /// Deletes what was last written to `incoming/` more than `age` ago and returns how many uploads that were.
    ///
    /// # Errors
    /// When the store does not answer; the rest goes next time.
    pub async fn sweep(&self, age: Duration) -> Result<usize, DocumentsError> {
        let Some(folder) = self.folder.clone() else { return self.sweep_objects(age).await };
        let path = folder.join(INCOMING);
        let shown = path.display().to_string();
        let swept = tokio::task::spawn_blocking(move || sweep_folder(path, age)).await;
        let failed = |source| DocumentsError::Folder { path: shown, source };
        match swept.map_err(std::io::Error::other).flatten() {
            Ok(count) => Ok(count),
            Err(source) => Err(failed(source)),
        }
    }

    async fn sweep_objects(&self, age: Duration) -> Result<usize, DocumentsError> {
        let mut count = 0;
        let mut found = self.store.list(Some(&INCOMING.into()));
        while let Some(object) = found.try_next().await? {
            let written = Timestamp::from_millisecond(object.last_modified.timestamp_millis());
            let Ok(written) = written else { continue };
            if written.duration_until(Timestamp::now()).unsigned_abs() > age {
                self.store.delete(&object.location).await?;
                count += 1;
            }
        }
        Ok(count)
    }
}

/// A folder's half-written files have names that a listing of the store leaves out, so the folder itself is read.
fn sweep_folder(path: PathBuf, age: Duration) -> std::io::Result<usize> {
    let entries = match std::fs::read_dir(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut count = 0;
    for entry in entries {
        let entry = entry?;
        // What was renamed or removed meanwhile is no leftover.
        let Ok(about) = entry.metadata() else { continue };
        let idle = SystemTime::now().duration_since(about.modified()?).unwrap_or_default();
        if about.is_file() && idle > age {
            std::fs::remove_file(entry.path())?;
            count += 1;
        }
    }
    Ok(count)
}

/// Sweeps from time to time until `stop` is cancelled; at once when the hub starts, for it may have crashed before.
/// `longest_upload` is what the API allows one upload.
///
/// # Errors
/// When the store does not answer; start it again.
pub async fn run(
    documents: Documents,
    longest_upload: Duration,
    stop: CancellationToken,
) -> Result<(), DocumentsError> {
    let age = longest_upload * 2;
    let period = (age / 2).min(LONGEST_PERIOD);
    loop {
        let count = documents.sweep(age).await?;
        if count > 0 {
            tracing::info!(count, "unfinished uploads were removed");
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(period) => {}
        }
    }
}
