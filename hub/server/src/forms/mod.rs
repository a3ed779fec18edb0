//! The forms of the annex, written from stored demands and results.

pub mod routes;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use xiezhi_forms::{
    Code as FormCode, FontError, Fonts, Form, Notice, Receipt, Wording, WordingError, seal::ScanPolicy,
};

use crate::{config::FormsSettings, directory, http::problem::Item, store::forms::FormSource};

/// Wording and fonts of the forms, and who may seal by scan; the fonts are read when the first page is printed and kept.
pub struct Desk {
    wording: Wording,
    folder: PathBuf,
    fonts: Mutex<Option<Arc<Fonts>>>,
    scans: ScanPolicy,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("fonts", &self.folder).finish_non_exhaustive()
    }
}

/// The settings of the forms cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The file of wordings cannot be read.
    #[error("[HUB-3416] the wording of the forms {path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file of wordings is not sound.
    #[error("{error}, in {path}")]
    Wording {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: WordingError,
    },
}

impl DeskError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "HUB-3416"
    }
}

/// Which form of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// 协助执行通知书.
    Notice,
    /// 协助执行通知书（回执）.
    Receipt,
}

impl Which {
    /// As it stands in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Receipt => "receipt",
        }
    }

    fn find(name: &str) -> Option<Self> {
        [Self::Notice, Self::Receipt].into_iter().find(|which| which.as_str() == name)
    }
}

/// The wording that is compiled in and the folder of Debian's package.
impl Default for Desk {
    fn default() -> Self {
        let folder = PathBuf::from("/usr/share/fonts/opentype/noto");
        Self { wording: Wording::embedded(), folder, fonts: Mutex::default(), scans: ScanPolicy::default() }
    }
}

impl Desk {
    /// Reads the wording; the fonts may be missing until a page is wanted.
    ///
    /// # Errors
    /// When the wording cannot be used.
    pub fn open(settings: &FormsSettings) -> Result<Self, DeskError> {
        let wording = match settings.wording() {
            None => Wording::embedded(),
            Some(path) => read_wording(path)?,
        };
        let scans = scan_policy(settings);
        Ok(Self { wording, folder: settings.fonts.clone(), fonts: Mutex::default(), scans })
    }

    /// What the forms say.
    pub fn wording(&self) -> &Wording {
        &self.wording
    }

    /// Scans in the attachments of a submission for which its court has no permission (R61), as problems of the body.
    pub(crate) fn unpermitted_scans(&self, body: &Value) -> Vec<Item> {
        let court = body.pointer("/court/code").and_then(Value::as_str).unwrap_or_default();
        if self.scans.check(court).is_ok() {
            return Vec::new();
        }
        let attachments = body.get("attachments").and_then(Value::as_array).into_iter().flatten();
        let scans = attachments.enumerate().filter(|(_, one)| one["seal"] == "colour_scan");
        scans
            .map(|(at, _)| {
                let path = format!("/attachments/{at}/seal");
                let message = "the court may not seal by colour scan";
                let hint = "Seal electronically, or ask the hub's operator for the permission.";
                Item::new(routes::api(FormCode::ScanNotPermitted), path, message, hint)
            })
            .collect()
    }

    /// The fonts. Blocks while they are read, some tens of milliseconds the first time.
    ///
    /// # Errors
    /// When they are missing.
    pub fn fonts(&self) -> Result<Arc<Fonts>, FontError> {
        let mut kept = self.fonts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fonts) = &*kept {
            return Ok(fonts.clone());
        }
        let fonts = Arc::new(Fonts::open(&self.folder)?);
        *kept = Some(fonts.clone());
        Ok(fonts)
    }
}

fn read_wording(path: &Path) -> Result<Wording, DeskError> {
    let path = path.to_owned();
    let text =
        fs::read_to_string(&path).map_err(|source| DeskError::Unreadable { path: path.clone(), source })?;
    Wording::parse(&text).map_err(|error| DeskError::Wording { path, error })
}

/// Who may seal by scan (R61).
pub fn scan_policy(settings: &FormsSettings) -> ScanPolicy {
    let names = settings.colour_scan_organisations.split([',', ' ']).filter(|name| !name.is_empty());
    ScanPolicy::new(names.map(str::to_owned))
}

/// The form of a stored request; nothing when a receipt is asked for and no result took effect. The notice bears the day on
/// which the hub accepted the demand.
pub fn of_request(which: Which, source: &FormSource) -> Option<Form> {
    match which {
        Which::Notice => {
            let date = source.accepted_at.to_zoned(directory::zone()).date();
            let notice = Notice::of(&source.demand, &source.registry_name, date);
            Some(Form::Notice(Box::new(notice)))
        }
        Which::Receipt => {
            let registration = source.registration.as_ref()?;
            Some(Form::Receipt(Box::new(Receipt::of(&source.demand, registration, &source.registry_name))))
        }
    }
}
