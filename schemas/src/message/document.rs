//! Documents travel by claim check: the message carries digest, size and type; the bytes are fetched separately.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// SHA-256 of a document: 64 lower-case hexadecimal digits. Names the document in the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[0-9a-f]{64}$"))]
pub struct Digest(String);

/// The text is not a digest.
#[derive(Debug, thiserror::Error)]
#[error("a digest is 64 lower-case hexadecimal digits of SHA-256")]
pub struct DigestError;

impl Digest {
    /// Digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(crate::signature::body_sha256(bytes))
    }

    /// The digits as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Digest {
    type Err = DigestError;
    fn from_str(text: &str) -> Result<Self, DigestError> {
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(DigestError)
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;
    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a document is for (法〔2024〕32号 二(三)1: 协执材料).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentRole {
    /// 执行裁定书.
    Ruling,
    /// 协助执行通知书.
    Notice,
    /// 执行人员工作证.
    WorkPermit,
    /// 执行公务证.
    DutyPermit,
    /// 书面撤回申请, with a withdrawal request.
    WithdrawalLetter,
    /// Anything else that belongs to the case.
    Other,
}

/// How the seal stands on a document (法〔2024〕32号 二(三)5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SealMode {
    /// 电子印章.
    Electronic,
    /// 实物印章的彩色扫描件.
    ColourScan,
}

/// One document by its claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// What the document is for.
    pub role: AttachmentRole,
    /// File name as the court calls it; shown to people, never used as a path.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// Media type: `application/pdf`, `application/ofd` or `image/jpeg`, `image/png` for scans.
    #[schemars(regex(pattern = r"^(application/pdf|application/ofd|image/jpeg|image/png)$"))]
    pub media_type: String,
    /// Digest under which the bytes are stored.
    pub sha256: Digest,
    /// Size of the document in bytes.
    #[schemars(range(min = 1))]
    pub size: u64,
    /// How it is sealed; required for ruling and notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealMode>,
}
