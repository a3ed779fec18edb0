//! The step that seals a form: an electronic seal over the bytes of the PDF, or the fallback of a colour scan (法〔2024〕32号 二(三)5).
//!
//! The seal is a file of its own beside the PDF and says which bytes it is for. In production the key lies in a certified
//! device behind [`Sealer`]; [`SoftwareSealer`] holds one in memory, for tests and drills. What the seal is not: data of
//! GB/T 38540, which needs the certificates of a seal authority.

mod scan;
mod software;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sm2::dsa::{Signature, VerifyingKey, signature::Verifier};
use xiezhi_schemas::message::{Digest, SealMode};

pub use scan::{ScanPolicy, ScanSealer};
pub use software::{SoftwareSealer, verifying_key};

use crate::finding::Code;

/// Largest seal file that is read.
const LONGEST: usize = 64 * 1024;

/// Whoever can seal for an organisation.
pub trait Sealer {
    /// Seals these bytes. `at` is what the caller's clock says; the seal carries it.
    ///
    /// # Errors
    /// When the seal may not or cannot be given.
    fn seal(&self, document: &[u8], at: Timestamp) -> Result<Seal, SealError>;
}

/// A detached seal: JSON beside the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "schema", deny_unknown_fields)]
pub enum Seal {
    /// First version.
    #[serde(rename = "xiezhi.seal.v1")]
    V1(SealV1),
}

/// What a seal says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealV1 {
    /// Whose seal: a court's 代字 or a registry's code.
    pub organisation: String,
    /// SHA-256 of the document.
    pub document_sha256: Digest,
    /// Its size in bytes.
    pub document_size: u64,
    /// When it was sealed, by the clock of who sealed.
    pub sealed_at: Timestamp,
    /// Electronic or scan, with what belongs to it. R61: the mode is marked on every item.
    pub mark: Mark,
}

/// What stands for the stamp.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum Mark {
    /// 电子印章: a signature with SM2 and SM3.
    Electronic {
        /// Public key, SEC1 uncompressed, hexadecimal.
        public_key: String,
        /// Signature of [`SealV1::statement`], r and s, hexadecimal.
        signature: String,
    },
    /// 实物印章的彩色扫描件.
    ColourScan {
        /// SHA-256 of the scanned page.
        scan_sha256: Digest,
        /// Its media type.
        scan_media_type: String,
    },
}

/// A seal is not given or does not hold.
#[derive(Debug)]
pub enum SealError {
    /// The key cannot be used.
    Key(String),
    /// R61: the organisation has no permission for the fallback.
    NotPermitted(String),
    /// R61: a grey scan.
    Grey,
    /// Not a picture that can be looked at.
    ScanUnreadable(String),
    /// It is of other bytes, or nobody trusted made it.
    Broken(&'static str),
    /// Not a seal file.
    NotUnderstood(String),
}

impl SealError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key(_) => Code::SealKey,
            Self::NotPermitted(_) => Code::ScanNotPermitted,
            Self::Grey => Code::ScanGrey,
            Self::ScanUnreadable(_) => Code::ScanUnreadable,
            Self::Broken(_) => Code::SealBroken,
            Self::NotUnderstood(_) => Code::SealNotUnderstood,
        }
        .as_str()
    }
}

impl std::error::Error for SealError {}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] ", self.code())?;
        match self {
            Self::Key(why) => {
                write!(f, "the sealing key cannot be used: {why}; give an SM2 key as PKCS#8 in PEM")
            }
            Self::NotPermitted(who) => write!(
                f,
                "{who} may not seal by colour scan; seal electronically, or let the operator add it to \
                 forms.colour_scan_organisations"
            ),
            Self::Grey => f.write_str(
                "the scan has no colour, so no seal can be told from a copy; scan the page in colour",
            ),
            Self::ScanUnreadable(why) => {
                write!(
                    f,
                    "the scan cannot be read: {why}; give a PNG or JPEG of at most {} million pixels",
                    scan::MOST_PIXELS / 1_000_000
                )
            }
            Self::Broken(why) => {
                write!(f, "the seal does not hold: {why}; ask for the document again and trust neither")
            }
            Self::NotUnderstood(why) => write!(f, "the seal file is not understood: {why}"),
        }
    }
}

impl Seal {
    /// Reads a seal file.
    ///
    /// # Errors
    /// When it is not one.
    pub fn read(bytes: &[u8]) -> Result<Self, SealError> {
        if bytes.len() > LONGEST {
            return Err(SealError::NotUnderstood(format!("it is longer than {LONGEST} bytes")));
        }
        serde_json::from_slice(bytes).map_err(|error| SealError::NotUnderstood(error.to_string()))
    }

    /// The seal file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a seal holds texts and numbers only");
        bytes.push(b'\n');
        bytes
    }

    /// What it says, in the newest form.
    pub fn content(&self) -> &SealV1 {
        let Self::V1(seal) = self;
        seal
    }

    /// How the document is sealed.
    pub fn mode(&self) -> SealMode {
        match self.content().mark {
            Mark::Electronic { .. } => SealMode::Electronic,
            Mark::ColourScan { .. } => SealMode::ColourScan,
        }
    }

    /// Whether this is `organisation`'s electronic seal on `document`, made with `key`. A scan proves only which picture was
    /// given and is never taken for an electronic seal.
    ///
    /// # Errors
    /// What does not hold.
    pub fn verify(&self, document: &[u8], organisation: &str, key: &VerifyingKey) -> Result<(), SealError> {
        let seal = self.content();
        seal.check_document(document)?;
        if seal.organisation != organisation {
            return Err(SealError::Broken("it is another organisation's"));
        }
        let Mark::Electronic { public_key, signature } = &seal.mark else {
            return Err(SealError::Broken("it is a scan, which is looked at and not verified"));
        };
        if *public_key != software::public_hex(key) {
            return Err(SealError::Broken("another key made it"));
        }
        let signature = hex::decode(signature)
            .ok()
            .and_then(|bytes| Signature::try_from(bytes.as_slice()).ok())
            .ok_or(SealError::Broken("its signature is no signature"))?;
        key.verify(seal.statement().as_bytes(), &signature)
            .map_err(|_| SealError::Broken("its signature is wrong"))
    }
}

impl SealV1 {
    fn of(document: &[u8], organisation: &str, at: Timestamp, mark: Mark) -> Self {
        Self {
            organisation: organisation.to_owned(),
            document_sha256: digest(document),
            document_size: document.len() as u64,
            sealed_at: at,
            mark,
        }
    }

    /// What is signed: one line each, so that no field can run into the next.
    pub fn statement(&self) -> String {
        format!(
            "xiezhi-seal-v1\n{}\n{}\n{}\n{}\n",
            self.organisation, self.document_sha256, self.document_size, self.sealed_at
        )
    }

    /// Whether the seal is of these bytes.
    ///
    /// # Errors
    /// When it is not.
    pub fn check_document(&self, document: &[u8]) -> Result<(), SealError> {
        if self.document_sha256 != digest(document) || self.document_size != document.len() as u64 {
            return Err(SealError::Broken("it is of other bytes than these"));
        }
        Ok(())
    }
}

fn digest(bytes: &[u8]) -> Digest {
    hex::encode(Sha256::digest(bytes)).parse().expect("SHA-256 has 64 hexadecimal digits")
}

/// Names one organisation on one line.
fn check_organisation(organisation: &str) -> Result<(), SealError> {
    let sound =
        (1..=60).contains(&organisation.chars().count()) && organisation.chars().all(char::is_alphanumeric);
    if sound {
        return Ok(());
    }
    Err(SealError::Key("an organisation is named by its code: letters and digits only".to_owned()))
}
