//! What happens in one registry's exchange folder, step by step. Each step leaves a state from which every other one can be
//! reached again: what is in the folder is the only memory.
//!
//! The order of the steps is the proof: a message appears after its documents; it is taken away before its answer is filed, so an answer
//! is never lost while its question still stands; and one rename ends a handing over (`Void…` or `Ref…` in `archive`), after which the
//! request has a new number and old answers cannot count.

use std::{
    ffi::{OsStr, OsString},
    sync::Arc,
    time::Instant,
};

use connector_mapping::Refused;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;
use xiezhi_schemas::{address::RegistryCode, message::MappingVersion};

use crate::{
    encode::{Codec, Manifest, Parcel, manifest_name},
    folder::{Folder, FolderError, Listed, Place},
    names::{Ending, Incoming, Number, is_unfinished},
    quarantine::{Fault, Wrong, known, put_aside},
    steady::Watch,
};

type Done<T> = Result<T, FolderError>;

/// Longest list of files that is believed.
const MAX_MANIFEST: u64 = 1 << 20;

/// One registry's exchange.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) folder: Folder,
    pub(crate) registry: RegistryCode,
    pub(crate) codec: Arc<Codec>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) max_bytes: u64,
    pub(crate) min_free_bytes: u64,
}

/// A file that may be an answer.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) ending: Ending,
    pub(crate) bytes: Vec<u8>,
}

/// Whether an order lies before the registry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// It does, or is answered already; what made its message.
    Over(Option<MappingVersion>),
    /// Another message was handed over under this number.
    OtherBody,
}

impl Desk {
    fn named(&self, place: Place, stem: &str) -> Done<Vec<(String, Ending)>> {
        let mut all = Vec::new();
        for ending in Ending::ALL {
            let name = format!("{stem}.{}", ending.as_str());
            if self.folder.has(place, &name)? {
                all.push((name, ending));
            }
        }
        Ok(all)
    }

    fn any(&self, place: Place, stem: &str) -> Done<bool> {
        Ok(!self.named(place, stem)?.is_empty())
    }

    /// The number under which a request is, or is to be, handed over: the first that no void and no refusal has ended.
    pub(crate) fn number(&self, request_id: Uuid) -> Done<Number> {
        let mut number = Number::first(request_id);
        while self.any(Place::Archive, &format!("Void{number}"))?
            || self.any(Place::Archive, &format!("Ref{number}"))?
        {
            number = number.next();
        }
        Ok(number)
    }

    /// Whether a void was written under this number and is not through yet.
    pub(crate) fn is_voiding(&self, number: Number) -> Done<bool> {
        self.any(Place::Out, &format!("Void{number}"))
    }

    /// The list of files of an order, from where it stands now; none when there is none or it is damaged.
    fn manifest(&self, stem: &str) -> Done<Option<Manifest>> {
        for place in [Place::Out, Place::Archive] {
            let bytes = self.folder.read(place, manifest_name(stem), MAX_MANIFEST)?;
            if let Some(manifest) = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
                return Ok(Some(manifest));
            }
        }
        Ok(None)
    }

    /// Lays an order before the registry, unless it lies there or is answered.
    pub(crate) fn hand_over(&self, parcel: &Parcel, answer: &Incoming) -> Done<Handed> {
        match self.manifest(&parcel.stem)? {
            Some(manifest) if manifest.body_sha256 != parcel.body_sha256 => return Ok(Handed::OtherBody),
            Some(manifest) => {
                let answered =
                    self.any(Place::In, &answer.stem())? || self.any(Place::Archive, &answer.stem())?;
                if answered || self.any(Place::Out, &parcel.stem)? {
                    return Ok(Handed::Over(manifest.mapping));
                }
            }
            None => self.forget_answers(answer)?,
        }
        self.folder.room(self.min_free_bytes)?;
        for document in &parcel.documents {
            self.folder.write(Place::Out, &document.name, &document.bytes)?;
        }
        self.folder.write(Place::Out, &parcel.manifest.name, &parcel.manifest.bytes)?;
        self.folder.write(Place::Out, &parcel.message.name, &parcel.message.bytes)?;
        Ok(Handed::Over(parcel.mapping.clone()))
    }

    /// Without its list of files nobody knows which message an answer is about.
    fn forget_answers(&self, answer: &Incoming) -> Done<()> {
        for place in [Place::In, Place::Archive] {
            for (name, _) in self.named(place, &answer.stem())? {
                self.put_aside(place, OsStr::new(&name), &unasked())?;
            }
        }
        Ok(())
    }

    /// The answer file, when it is there and complete. What was filed before stands; a later one does not replace it.
    pub(crate) fn find(&self, answer: &Incoming) -> Done<Option<Found>> {
        for place in [Place::Archive, Place::In] {
            let mut files = self.named(place, &answer.stem())?;
            if files.len() > 1 {
                for (name, _) in files {
                    self.put_aside(place, OsStr::new(&name), &two_forms())?;
                }
                return Ok(None);
            }
            let Some((name, ending)) = files.pop() else { continue };
            let bytes = match place {
                Place::In => self.complete(&name)?,
                _ => self.folder.read(place, &name, self.max_bytes)?,
            };
            return Ok(bytes.map(|bytes| Found { place, name, ending, bytes }));
        }
        Ok(None)
    }

    /// The bytes of an incoming file once it stands still; one that is no file, or too long, is put aside.
    fn complete(&self, name: &str) -> Done<Option<Vec<u8>>> {
        let Some(listed) = self.folder.look(Place::In, name)? else { return Ok(None) };
        if let Some(wrong) = self.unfit(&listed) {
            self.put_aside(Place::In, &listed.name, &wrong)?;
            return Ok(None);
        }
        if !self.watch.is_steady(&listed.name, listed.look, Instant::now()) {
            return Ok(None);
        }
        self.folder.read(Place::In, name, self.max_bytes)
    }

    fn unfit(&self, listed: &Listed) -> Option<Wrong> {
        if !listed.regular {
            return Some(Wrong::new(
                Fault::NotAFile,
                "a folder, link or pipe is no message; write plain files",
            ));
        }
        (listed.look.bytes > self.max_bytes)
            .then(|| Wrong::new(Fault::TooLong, format!("is longer than `max_bytes` = {}", self.max_bytes)))
    }

    /// Puts a file into quarantine with its reason.
    pub(crate) fn put_aside(&self, place: Place, name: &OsStr, wrong: &Wrong) -> Done<()> {
        self.watch.forget(&name.to_owned());
        put_aside(&self.folder, (place, name), wrong, self.max_bytes, Timestamp::now())
    }

    /// Ends a handing over that is answered: takes the order away and files the answer, under `filed` instead of its own
    /// name if given.
    pub(crate) fn close(&self, stem: &str, found: &Found, filed: Option<&str>) -> Done<()> {
        self.clear(stem)?;
        let name = match filed {
            Some(filed) => format!("{filed}.{}", found.ending.as_str()),
            None => found.name.clone(),
        };
        if found.place == Place::In || filed.is_some() {
            self.file(found.place, &found.name, &name)?;
        }
        Ok(())
    }

    /// Takes an order away: first the message, then its documents; the list of files is filed.
    fn clear(&self, stem: &str) -> Done<()> {
        self.take_back(stem)?;
        let (prefix, manifest) = (format!("{stem}."), manifest_name(stem));
        // A void that somebody began to write and never finished.
        let void = prefix.replacen("Biz", "Void", 1);
        for listed in self.folder.list(Place::Out)? {
            let ours = |name: &str| name.starts_with(&prefix) && name != manifest;
            let unfinished = |name: &str| name.ends_with(".part") && name.starts_with(&void);
            if listed.name.to_str().is_some_and(|name| ours(name) || unfinished(name)) {
                self.folder.remove(Place::Out, &listed.name)?;
            }
        }
        self.file(Place::Out, &manifest, &manifest)
    }

    /// Takes the message itself away, so that the registry does not find it any more.
    fn take_back(&self, stem: &str) -> Done<()> {
        for (name, _) in self.named(Place::Out, stem)? {
            self.folder.remove(Place::Out, &name)?;
        }
        Ok(())
    }

    fn file(&self, from: Place, name: &str, kept: &str) -> Done<()> {
        self.watch.forget(&OsString::from(name));
        self.folder
            .keep((from, OsStr::new(name)), (Place::Archive, kept), self.max_bytes.max(MAX_MANIFEST))
            .map(drop)
    }

    /// Tells the registry that what it took is void; none when there is nothing left to void.
    pub(crate) fn begin_void(&self, request_id: Uuid, reason: &str) -> Done<Result<Option<Number>, Refused>> {
        let number = self.number(request_id)?;
        if self.is_voiding(number)? {
            return Ok(Ok(Some(number)));
        }
        let stem = format!("Biz{number}");
        if number.round.get() > 1 && self.manifest(&stem)?.is_none() {
            return Ok(Ok(None));
        }
        let text = number.to_string();
        let bytes = match self.codec.order_file(&text, &json!({"request_id": request_id, "reason": reason})) {
            Ok(bytes) => bytes,
            Err(refused) => return Ok(Err(refused)),
        };
        self.take_back(&stem)?;
        self.folder.write(Place::Out, &format!("Void{number}.{}", self.codec.ending().as_str()), &bytes)?;
        Ok(Ok(Some(number)))
    }

    /// Ends a void that was heard. Its own order is filed last: from then on the request has a new number.
    pub(crate) fn close_void(&self, number: Number, found: &Found) -> Done<()> {
        self.clear(&format!("Biz{number}"))?;
        for (name, _) in self.named(Place::In, &Incoming::Answer(number).stem())? {
            self.file(Place::In, &name, &name)?;
        }
        if found.place == Place::In {
            self.file(Place::In, &found.name, &found.name)?;
        }
        for (name, _) in self.named(Place::Out, &format!("Void{number}"))? {
            self.file(Place::Out, &name, &name)?;
        }
        Ok(())
    }

    /// What the registry offers, in the order of ids, after `after`, at most `limit`: of the kind that `id` picks, read by `read`.
    /// What cannot be read is put aside and holds up nobody. One that is still being written holds up those behind
    /// it, because what is decided later must not overtake.
    pub(crate) fn offers<T>(
        &self,
        (after, limit): (Option<&str>, usize),
        id: impl Fn(&Incoming) -> Option<String>,
        read: impl Fn((&[u8], Ending), &str) -> Result<T, Wrong>,
    ) -> Done<Vec<T>> {
        let mut names: Vec<(Incoming, Ending)> =
            self.folder.list(Place::In)?.iter().filter_map(|listed| known(&listed.name)).collect();
        names.retain(|(incoming, _)| {
            id(incoming).is_some_and(|id| after.is_none_or(|after| id.as_str() > after))
        });
        names.sort_by_key(|(incoming, _)| incoming.stem());
        let mut good = Vec::new();
        for (at, (incoming, ending)) in names.iter().enumerate() {
            if good.len() >= limit {
                break;
            }
            let name = format!("{}.{}", incoming.stem(), ending.as_str());
            let beside = |at: Option<usize>| {
                at.and_then(|at| names.get(at)).is_some_and(|(other, _)| other == incoming)
            };
            if beside(at.checked_sub(1)) || beside(Some(at + 1)) {
                self.put_aside(Place::In, OsStr::new(&name), &two_forms())?;
                continue;
            }
            if self.any(Place::Archive, &incoming.stem())? {
                if self.complete(&name)?.is_some() {
                    self.repeated(&name)?;
                }
                continue;
            }
            let Some(bytes) = self.complete(&name)? else {
                // Put aside just now, or taken away: then nobody waits for it.
                if self.folder.has(Place::In, &name)? {
                    break;
                }
                continue;
            };
            match read((&bytes, *ending), &id(incoming).unwrap_or_default()) {
                Ok(offer) => good.push(offer),
                Err(wrong) => self.put_aside(Place::In, OsStr::new(&name), &wrong)?,
            }
        }
        Ok(good)
    }

    /// A file whose name was settled before: the same bytes are no news, others are for people.
    fn repeated(&self, name: &str) -> Done<()> {
        let (new, old) = (
            self.folder.read(Place::In, name, self.max_bytes)?,
            self.folder.read(Place::Archive, name, self.max_bytes)?,
        );
        if new == old {
            return self.file(Place::In, name, name);
        }
        let what = "other bytes stand in `archive` under this name; give a correction an id of its own";
        self.put_aside(Place::In, OsStr::new(name), &Wrong::new(Fault::ChangedAfterSettled, what))
    }

    /// Puts aside what nobody will ever read, and files answers that came twice.
    pub(crate) fn tidy(&self) -> Done<()> {
        for listed in self.folder.list(Place::In)? {
            if listed.name.to_str().is_some_and(is_unfinished) {
                continue;
            }
            let Some((incoming, _)) = known(&listed.name) else {
                if !listed.regular || self.watch.is_steady(&listed.name, listed.look, Instant::now()) {
                    let wrong = self.unfit(&listed).unwrap_or_else(unknown_name);
                    self.put_aside(Place::In, &listed.name, &wrong)?;
                }
                continue;
            };
            let asked = match &incoming {
                Incoming::Outcome(_) | Incoming::LocalReceipt(_) => continue,
                Incoming::Answer(number) => self.manifest(&format!("Biz{number}"))?.is_some(),
                Incoming::WishAnswer(id) => self.manifest(&format!("Wdr{}", id.simple()))?.is_some(),
                Incoming::VoidAnswer(number) => {
                    let stem = format!("Void{number}");
                    self.any(Place::Out, &stem)? || self.any(Place::Archive, &stem)?
                }
            };
            let name = listed.name.to_string_lossy();
            if self.complete(&name)?.is_none() {
                continue;
            }
            if !asked {
                self.put_aside(Place::In, &listed.name, &unasked())?;
            } else if self.settled(&incoming)? {
                self.repeated(&name)?;
            }
        }
        Ok(())
    }

    fn settled(&self, incoming: &Incoming) -> Done<bool> {
        let refused = match incoming {
            Incoming::Answer(number) => self.any(Place::Archive, &format!("Ref{number}"))?,
            _ => false,
        };
        Ok(refused || self.any(Place::Archive, &incoming.stem())?)
    }

    /// The hub has what was offered.
    pub(crate) fn settle(&self, offer: &Incoming) -> Done<()> {
        for (name, _) in self.named(Place::In, &offer.stem())? {
            self.file(Place::In, &name, &name)?;
        }
        Ok(())
    }
}

fn unasked() -> Wrong {
    Wrong::new(
        Fault::Unasked,
        "answers what was never asked, or was asked so long ago that its list of files is gone",
    )
}

fn unknown_name() -> Wrong {
    Wrong::new(Fault::UnknownName, "no name of this protocol; compare connectors/filedrop/README.md")
}

fn two_forms() -> Wrong {
    Wrong::new(Fault::TwoForms, "the same name stands there with `.json` and `.xml`; send one")
}
