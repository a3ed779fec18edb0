//! This machine: secret files and room on the disks.

use std::path::{Path, PathBuf};

use super::{Check, Status};
use crate::{
    code::chain,
    config::{DocumentsSettings, LedgerSettings, Loaded, SecretSettings, StoreKind},
    keys::{HubSecret, read_private},
    ledger::heads::HeadSigner,
};

/// Whether the secrets are there, private and readable.
pub(super) fn keys(settings: &Loaded) -> Vec<Check> {
    const ADVICE: &str = "`hub keys init` makes missing ones; restore a lost one from its backup instead";
    let mut checks = Vec::new();
    if let Ok(section) = settings.section::<SecretSettings>("secret") {
        checks.push(match HubSecret::load(&section.hub_secret_file) {
            Ok(_) => Check::ok("hub secret", section.hub_secret_file.display().to_string()),
            Err(error) => Check::bad("hub secret", Status::Fail, chain(&error), ADVICE),
        });
    }
    if let Ok(section) = settings.section::<LedgerSettings>("ledger") {
        let path = &section.signing_key_file;
        let read = read_private(path)
            .map_err(|error| chain(&error))
            .and_then(|_| HeadSigner::read(path).map_err(|error| chain(&error)));
        checks.push(match read {
            Ok(_) => Check::ok("signing key", path.display().to_string()),
            Err(error) => Check::bad("signing key", Status::Fail, error, ADVICE),
        });
        if section.witness().is_none() {
            checks.push(Check::bad(
                "witness",
                Status::Warn,
                "no witness file is set",
                "set ledger.witness_file to a file on another machine's disk, or a ledger cut short cannot be told",
            ));
        }
    }
    checks
}

/// Whether there is room where the hub writes. Asks the kernel (statvfs) by way of `rustix`, which the tree holds anyway
/// and which needs no unsafe code; parsing `df` would hang on words that differ between systems.
pub(super) fn disks(settings: &Loaded) -> Vec<Check> {
    let mut places: Vec<(&'static str, PathBuf)> = Vec::new();
    match settings.section::<DocumentsSettings>("documents") {
        Ok(section) if section.store == StoreKind::Local => places.push(("disk of documents", section.root)),
        _ => {}
    }
    if let Ok(section) = settings.section::<LedgerSettings>("ledger")
        && let Some(folder) = section.witness().and_then(Path::parent)
    {
        places.push(("disk of witness", folder.to_owned()));
    }
    places.into_iter().map(|(name, path)| disk(name, &path)).collect()
}

/// Below these nothing is refused yet; the numbers give an operator days and hours.
const WARN_FREE_BYTES: u64 = 5 << 30;
const FAIL_FREE_BYTES: u64 = 256 << 20;

fn disk(name: &'static str, path: &Path) -> Check {
    // A folder that is not there yet will be made: its nearest parent tells of the disk.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let there = path.ancestors().find(|p| p.exists()).unwrap_or(Path::new("."));
    match rustix::fs::statvfs(there) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let detail = format!("{} MiB free at {}", free >> 20, path.display());
            let advice = "make room, or move it: without room documents and witnesses cannot be written";
            match free {
                ..FAIL_FREE_BYTES => Check::bad(name, Status::Fail, detail, advice),
                FAIL_FREE_BYTES..WARN_FREE_BYTES => Check::bad(name, Status::Warn, detail, advice),
                _ => Check::ok(name, detail),
            }
        }
        Err(error) => Check::bad(
            name,
            Status::Fail,
            format!("{} cannot be looked at: {error}", path.display()),
            "check the path and its rights",
        ),
    }
}
