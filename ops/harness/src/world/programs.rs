//! Finds the project's own programs beside the one that runs, so that tests and demo use what was built with them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Where the three programs lie.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The hub.
    pub hub: PathBuf,
    /// The connector.
    pub connector: PathBuf,
    /// The simulated county system.
    pub county: PathBuf,
}

impl Programs {
    /// Looks in `target/<profile>`, where the current program lies itself or, for a test, one folder higher.
    ///
    /// # Errors
    /// When one is missing; the message says how to build it.
    pub fn beside_me() -> Result<Self> {
        let me = std::env::current_exe().context("the path of this program is unknown")?;
        let dir = me.parent().context("a program lies in a directory")?;
        Self::in_dir(if dir.ends_with("deps") || dir.ends_with("examples") {
            dir.parent().context("deps lies in the profile's directory")?
        } else {
            dir
        })
    }

    /// Takes them from a directory.
    ///
    /// # Errors
    /// When one is missing.
    pub fn in_dir(dir: &Path) -> Result<Self> {
        let find = |name: &str| {
            let path = dir.join(name);
            if !path.is_file() {
                bail!(
                    "the program {name} is not in {}; build all of them with: cargo build --workspace --bins",
                    dir.display()
                );
            }
            Ok(path)
        };
        Ok(Self { hub: find("hub")?, connector: find("connector")?, county: find("county")? })
    }
}
