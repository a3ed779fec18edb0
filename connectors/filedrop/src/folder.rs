//! The only file that touches a disk: one registry's exchange folder with its four parts.
//!
//! A file is written as `name.….part`, forced to disk, renamed, and the rename forced to disk too; so a name that can be seen always has
//! all of its bytes. Nothing here makes a folder: where a mount has vanished, an empty folder would swallow demands.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use uuid::Uuid;

use crate::steady::Look;

/// Copies of one name that are kept beside each other.
const MAX_COPIES: u32 = 10_000;

/// A part of the exchange folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// From the connector to the registry.
    Out,
    /// From the registry to the connector.
    In,
    /// What is settled.
    Archive,
    /// What cannot be read, with the reason beside.
    Quarantine,
}

impl Place {
    const ALL: [Self; 4] = [Self::Out, Self::In, Self::Archive, Self::Quarantine];

    /// Its name in the exchange folder.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::In => "in",
            Self::Archive => "archive",
            Self::Quarantine => "quarantine",
        }
    }
}

/// What went wrong with a file: which part of the folder, what was tried, and the system's word. No name of a file stands in it.
#[derive(Debug, thiserror::Error)]
#[error("{what} in `{}`: {}", .place.name(), crate::classify::trouble(.source))]
pub(crate) struct FolderError {
    /// Where.
    pub(crate) place: Place,
    /// What was tried.
    pub(crate) what: &'static str,
    /// Why it failed.
    #[source]
    pub(crate) source: io::Error,
}

type Done<T> = Result<T, FolderError>;

fn failed(place: Place, what: &'static str) -> impl FnOnce(io::Error) -> FolderError {
    move |source| FolderError { place, what, source }
}

/// One file as a listing shows it.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) name: OsString,
    pub(crate) look: Look,
    /// Neither folder, link, pipe nor device.
    pub(crate) regular: bool,
}

/// One registry's exchange folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    root: PathBuf,
    /// In tests: how many more changes of the disk this process lives to make.
    #[cfg(test)]
    pub(crate) life: Option<std::sync::Arc<std::sync::atomic::AtomicUsize>>,
}

impl Folder {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self {
            root,
            #[cfg(test)]
            life: None,
        }
    }

    fn path(&self, place: Place, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(place.name()).join(name)
    }

    /// Before each change of the disk; a test lets the process die here.
    fn step(&self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(life) = &self.life {
            use std::sync::atomic::Ordering::SeqCst;
            let alive = life.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
            return if alive { Ok(()) } else { Err(io::Error::other("the test ended the process here")) };
        }
        Ok(())
    }

    /// Whether all parts are there. Asked before anything is read out of the absence of a file.
    pub(crate) fn present(&self) -> Done<()> {
        for place in Place::ALL {
            let found =
                fs::metadata(self.path(place, "")).map_err(failed(place, "looking for the folder"))?;
            if !found.is_dir() {
                let kind = io::Error::from(ErrorKind::NotADirectory);
                return Err(failed(place, "looking for the folder")(kind));
            }
        }
        Ok(())
    }

    /// Whether there is something under this name.
    pub(crate) fn has(&self, place: Place, name: &str) -> Done<bool> {
        Ok(self.look(place, name)?.is_some())
    }

    /// What a file looks like; none when it is not there.
    pub(crate) fn look(&self, place: Place, name: impl AsRef<OsStr>) -> Done<Option<Listed>> {
        let name = name.as_ref();
        match fs::symlink_metadata(self.path(place, name)) {
            Ok(found) => Ok(Some(listed(name.to_owned(), &found))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(place, "looking for a file")(error)),
        }
    }

    /// All names in a part.
    pub(crate) fn list(&self, place: Place) -> Done<Vec<Listed>> {
        let what = "listing the files";
        let mut all = Vec::new();
        for entry in fs::read_dir(self.path(place, "")).map_err(failed(place, what))? {
            let entry = entry.map_err(failed(place, what))?;
            match entry.metadata() {
                Ok(found) => all.push(listed(entry.file_name(), &found)),
                // The other side took it meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(failed(place, what)(error)),
            }
        }
        Ok(all)
    }

    /// A whole file, up to `most` bytes and one more, which shows that it is too long; none when it is not there. Links are
    /// never followed, and a pipe cannot hold anybody up.
    pub(crate) fn read(&self, place: Place, name: impl AsRef<Path>, most: u64) -> Done<Option<Vec<u8>>> {
        let what = "reading a file";
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(self.path(place, name));
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(place, what)(error)),
        };
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed(place, what))?;
        Ok(Some(bytes))
    }

    /// Puts a file in place, whole or not at all.
    pub(crate) fn write(&self, place: Place, name: &str, bytes: &[u8]) -> Done<()> {
        // A name of its own: a step that was given up may still be writing, and must not write into this one's file.
        let part = self.path(place, format!("{name}.{}.part", Uuid::now_v7().simple()));
        let write = || -> io::Result<()> {
            self.step()?;
            let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
            let options =
                OpenOptions::new().write(true).create(true).truncate(true).custom_flags(flags).clone();
            let mut file = options.open(&part)?;
            self.step()?;
            file.write_all(bytes)?;
            file.sync_all()?;
            self.step()?;
            fs::rename(&part, self.path(place, name))?;
            self.sync(place)
        };
        write().map_err(failed(place, "writing a file"))
    }

    /// Takes a file away; fine when it is not there.
    pub(crate) fn remove(&self, place: Place, name: impl AsRef<Path>) -> Done<()> {
        let what = "taking a file away";
        self.step().map_err(failed(place, what))?;
        match fs::remove_file(self.path(place, name)) {
            Ok(()) => self.sync(place).map_err(failed(place, what)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(place, what)(error)),
        }
    }

    /// Moves a file to another part under this name, or, when other bytes stand there already, under the name with `~2`, `~3` …
    /// before its ending; nothing is ever overwritten. Fine when the file is not there any more. The name it has now.
    pub(crate) fn keep(
        &self,
        (from, name): (Place, &OsStr),
        (to, wanted): (Place, &str),
        most: u64,
    ) -> Done<String> {
        let what = "moving a file";
        let Some(bytes) = self.read_any(from, name, most)? else { return Ok(wanted.to_owned()) };
        for copy in 1..MAX_COPIES {
            let target = copy_name(wanted, copy);
            if let Some(there) = self.read_any(to, OsStr::new(&target), most)? {
                if bytes.is_some() && there == bytes {
                    self.remove(from, name)?;
                    return Ok(target);
                }
                continue;
            }
            self.step().map_err(failed(from, what))?;
            return match fs::rename(self.path(from, name), self.path(to, &target)) {
                Ok(()) => {
                    self.sync(to).and_then(|()| self.sync(from)).map_err(failed(to, what))?;
                    Ok(target)
                }
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(target),
                Err(error) => Err(failed(from, what)(error)),
            };
        }
        Err(failed(to, what)(io::Error::other("too many files of one name; clear the folder")))
    }

    /// The bytes of what stands under a name; none if nothing does, and no bytes for what is no plain file or longer than `most`.
    #[expect(clippy::option_option, reason = "there, and readable, are two questions")]
    fn read_any(&self, place: Place, name: &OsStr, most: u64) -> Done<Option<Option<Vec<u8>>>> {
        match fs::symlink_metadata(self.path(place, name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(place, "looking for a file")(error)),
            Ok(found) if !found.is_file() || found.len() > most => Ok(Some(None)),
            Ok(_) => Ok(self.read(place, name, most)?.map(Some)),
        }
    }

    /// Forces the names of a part to disk.
    fn sync(&self, place: Place) -> io::Result<()> {
        File::open(self.path(place, ""))?.sync_all()
    }

    /// Whether everything that an exchange needs works here: the parts are there and on one file system (or a move would be a copy,
    /// which can break in the middle), files can be written, renamed and taken away, and there is room.
    pub(crate) fn check(&self, min_free_bytes: u64) -> Done<()> {
        self.present()?;
        let device = |place| {
            fs::metadata(self.path(place, "")).map(|found| found.dev()).map_err(failed(place, "looking"))
        };
        let home = device(Place::Archive)?;
        for place in Place::ALL {
            if device(place)? != home {
                let text =
                    "it is on another file system than `archive`, so that files cannot be moved in one step";
                return Err(failed(place, "checking the folder")(io::Error::other(text)));
            }
            // A hidden name: the other side passes it over.
            let name = format!(".probe-{}", Uuid::now_v7().simple());
            self.write(place, &name, b"xiezhi")?;
            self.remove(place, &name)?;
        }
        self.room(min_free_bytes)
    }

    /// Whether there is room for what is to be written.
    pub(crate) fn room(&self, min_free_bytes: u64) -> Done<()> {
        let room = rustix::fs::statvfs(self.path(Place::Out, ""))
            .map_err(|error| failed(Place::Out, "asking for free space")(error.into()))?;
        if room.f_bavail.saturating_mul(room.f_frsize) < min_free_bytes {
            return Err(failed(Place::Out, "checking the room")(ErrorKind::StorageFull.into()));
        }
        Ok(())
    }
}

fn listed(name: OsString, found: &fs::Metadata) -> Listed {
    let look = Look { bytes: found.len(), changed_at: found.modified().ok() };
    Listed { name, look, regular: found.is_file() }
}

/// `Out1.xml`, `Out1~2.xml`, `Out1~3.xml` …
fn copy_name(wanted: &str, copy: u32) -> String {
    match (copy, wanted.split_once('.')) {
        (1, _) => wanted.to_owned(),
        (_, Some((stem, rest))) => format!("{stem}~{copy}.{rest}"),
        (_, None) => format!("{wanted}~{copy}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn folder() -> (Folder, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        for place in Place::ALL {
            fs::create_dir(dir.path().join(place.name())).unwrap();
        }
        (Folder::new(dir.path().to_owned()), dir)
    }

    #[test]
    fn files_are_whole_and_never_overwritten_by_a_move() {
        let (folder, dir) = folder();
        folder.check(1).unwrap();
        let names = |place: Place| {
            let mut all: Vec<_> = folder.list(place).unwrap().into_iter().map(|one| one.name).collect();
            all.sort();
            all
        };
        assert!(names(Place::Out).is_empty(), "a check leaves nothing behind");
        let keep =
            |name: &str| folder.keep((Place::In, OsStr::new(name)), (Place::Archive, "a.xml"), 100).unwrap();
        for (bytes, kept) in [(b"one", "a.xml"), (b"one", "a.xml"), (b"two", "a~2.xml"), (b"two", "a~2.xml")]
        {
            folder.write(Place::In, "a.xml", bytes).unwrap();
            assert_eq!(keep("a.xml"), kept);
        }
        assert_eq!(names(Place::Archive), ["a.xml", "a~2.xml"]);
        assert_eq!(folder.read(Place::Archive, "a.xml", 100).unwrap().unwrap(), b"one");
        assert!(names(Place::In).is_empty());
        // A link is no file, and what it points at is neither read nor touched.
        let outside = dir.path().join("outside");
        fs::write(&outside, "secret").unwrap();
        std::os::unix::fs::symlink(&outside, folder.path(Place::In, "l.xml")).unwrap();
        assert!(folder.read(Place::In, "l.xml", 100).is_err());
        assert!(!folder.look(Place::In, "l.xml").unwrap().unwrap().regular);
        assert_eq!(keep("l.xml"), "a~3.xml");
        assert_eq!(fs::read(&outside).unwrap(), b"secret");
    }

    #[test]
    fn what_is_missing_is_told() {
        let (folder, dir) = folder();
        assert!(folder.check(u64::MAX).unwrap_err().to_string().contains("full"));
        fs::remove_dir(dir.path().join("in")).unwrap();
        let told = folder.present().unwrap_err().to_string();
        assert!(told.contains("`in`") && told.contains("mounted"), "{told}");
        fs::write(dir.path().join("in"), "").unwrap();
        assert!(folder.check(1).unwrap_err().to_string().contains("no folder"));
    }
}
