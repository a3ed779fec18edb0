//! What a check found: a place in the body, a stable code, and words for the clerk who must mend it.

use schemars::JsonSchema;
use serde::Serialize;

/// Defines the codes with the title each has on its page.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal;)*) => {
        /// Stable code of a finding; each has a page in `ops/errors/`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as text, `HUB-1201`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// What it says in one line, for lists of codes.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }
        }
    };
}

codes! {
    /// 查封期限缺失.
    PeriodMissing = "HUB-1201", "the period is missing";
    /// 解封 carries no period.
    PeriodRefused = "HUB-1202", "a lifting carries no period";
    /// Last day before first day.
    PeriodBackwards = "HUB-1203", "the period ends before it begins";
    /// The whole period lies in the past.
    PeriodOver = "HUB-1204", "the period is already over";
    /// Years and dates differ (warning).
    PeriodDisagrees = "HUB-1205", "years and dates of the period differ";
    /// Longer than three years (warning).
    PeriodTooLong = "HUB-1206", "the period is longer than three years";
    /// 原查封案号 missing.
    OriginalCaseMissing = "HUB-1207", "the case number of the original seizure is missing";
    /// 原查封日期 missing in a lifting (warning).
    OriginalDateMissing = "HUB-1208", "the date of the original seizure is missing";
    /// A field about an original seizure where there is none (warning).
    OriginalNotExpected = "HUB-1209", "this kind of demand names no such thing of an original seizure";
    /// No 执行裁定书.
    RulingMissing = "HUB-1210", "the ruling is missing";
    /// No 协助执行通知书.
    NoticeMissing = "HUB-1211", "the notice of assistance is missing";
    /// Ruling or notice without a seal.
    SealMissing = "HUB-1212", "a ruling or notice does not say how it is sealed";
    /// Neither 工作证 nor 执行公务证.
    OfficerCardMissing = "HUB-1213", "no officer's card is attached";
    /// The attached cards are not of the kind the officers name (warning).
    OfficerCardMismatch = "HUB-1214", "the attached card is of another kind than the officer's";
    /// A document that does not belong to a demand (warning).
    DocumentNotExpected = "HUB-1215", "a document of this role belongs elsewhere";
    /// One digest with two sizes or types.
    DocumentContradicts = "HUB-1216", "one digest is claimed with two sizes or media types";
    /// The same document in the same role twice (warning).
    DocumentRepeated = "HUB-1217", "a document is attached twice";
    /// One unit named twice.
    UnitRepeated = "HUB-1218", "a property unit is named twice";
    /// A required text is blank.
    Blank = "HUB-1219", "a required text is blank";
    /// 证件号码 wrong.
    DebtorNumber = "HUB-1220", "the debtor's document number is not valid";
    /// 案号 of another type (warning).
    CaseTypeUnusual = "HUB-1221", "the case number is not one of enforcement";
    /// 案号 of another court (warning).
    CourtDiffers = "HUB-1222", "court and case number name different courts";
    /// Certificate number from before the unified registry (warning).
    CertificateOld = "HUB-1223", "a certificate number is not of the present form";
    /// Something a parser noted about an identifier (warning).
    IdentifierNoted = "HUB-1224", "an identifier is accepted with a note";
    /// Contract version unknown.
    VersionUnknown = "HUB-1225", "the version of the contract is unknown";
    /// 证书号 that fits neither the present form nor an older one.
    CertificateNumber = "HUB-1226", "a certificate number is not valid";
}

/// One thing that is wrong or odd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// Where: a JSON pointer (RFC 6901) into the body, `/units/0/unit_code`.
    pub path: String,
    /// Stable code, `HUB-1201`.
    pub code: &'static str,
    /// What is wrong. Never repeats a name or a personal number.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// All that was found in one body. Errors stop the demand at the court; warnings travel with it to people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Findings {
    /// What must be mended.
    pub errors: Vec<Finding>,
    /// What somebody should look at.
    pub warnings: Vec<Finding>,
}

impl Findings {
    /// Whether the demand may travel.
    pub fn is_acceptable(&self) -> bool {
        self.errors.is_empty()
    }

    pub(super) fn error(
        &mut self,
        code: Code,
        path: impl Into<String>,
        message: impl Into<String>,
        hint: &str,
    ) {
        self.errors.push(finding(code, path.into(), message.into(), hint));
    }

    pub(super) fn warning(
        &mut self,
        code: Code,
        path: impl Into<String>,
        message: impl Into<String>,
        hint: &str,
    ) {
        self.warnings.push(finding(code, path.into(), message.into(), hint));
    }
}

fn finding(code: Code, path: String, message: String, hint: &str) -> Finding {
    Finding { path, code: code.as_str(), message, hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_differ_and_are_of_this_crate_s_range() {
        let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        assert!(codes.iter().all(|code| code.starts_with("HUB-12") && *code > "HUB-1200"));
    }
}
