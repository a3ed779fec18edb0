//! A clock that can be turned while a program runs, by libfaketime. The monotonic clock is left true, so timeouts
//! and intervals stay right; only the wall clock moves.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The file that holds the offset of one program's clock.
#[derive(Debug, Clone)]
pub struct FakeClock {
    library: PathBuf,
    file: PathBuf,
}

impl FakeClock {
    /// Makes the file `<dir>/clock-<name>` with no offset.
    ///
    /// # Errors
    /// When libfaketime is not installed or the file cannot be written.
    pub fn new(dir: &Path, name: &str) -> Result<Self> {
        let clock = Self { library: find_library()?, file: dir.join(format!("clock-{name}")) };
        clock.set("+0")?;
        Ok(clock)
    }

    /// The library to be loaded before all others; the program must be dynamically linked.
    pub(crate) fn preload(&self) -> String {
        format!("LD_PRELOAD={}", self.library.display())
    }

    /// Variables that tell the library what to do.
    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let own = |key: &str, value: String| (key.to_owned(), value);
        vec![
            own("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            own("FAKETIME_NO_CACHE", "1".to_owned()),
            own("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            own("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }

    /// Moves the clock against the true time: `-300s`, `+2h`, `+1d`; `+0` sets it right. Holds for the next reading.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set(&self, offset: &str) -> Result<()> {
        // Moved into place: the program reads it at any moment and must never see half a line.
        let draft = self.file.with_extension("new");
        fs::write(&draft, format!("{offset}\n"))?;
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o644))?;
        fs::rename(&draft, &self.file).with_context(|| format!("cannot write {}", self.file.display()))
    }
}

fn find_library() -> Result<PathBuf> {
    let candidates = fs::read_dir("/usr/lib")?.flatten().map(|entry| entry.path().join("faketime"));
    // The variant for threads: it locks its state, and programs with one thread lose nothing by it.
    candidates
        .map(|dir| dir.join("libfaketimeMT.so.1"))
        .find(|file| file.is_file())
        .context("libfaketime is not installed; ops/install installs it")
}
