//! Stable codes of the forms, and how a check records what it found.

use xiezhi_domain::check::{Finding, Findings};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $status:literal $title:literal;)*) => {
        /// Stable code; each has a page in `ops/errors/`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code of this crate and of the typesetting below it.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as text, `HUB-3401`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it says in one line.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Status of the HTTP answer that carries it; 0 for none.
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

codes! {
    /// Not the JSON of a form.
    NotUnderstood = "HUB-3400" 0 "the data of a form is not understood";
    /// 联系人、联系电话 and every other field that the form prints.
    Blank = "HUB-3401" 422 "a field of the form is blank";
    /// Too long, or with characters that cannot stand on paper.
    Unfit = "HUB-3402" 422 "a text cannot stand on the form";
    /// 解除查封 has no period.
    PeriodRefused = "HUB-3403" 422 "a lifting has no period on its form";
    /// 查封期限缺失.
    PeriodMissing = "HUB-3404" 422 "the period is missing on the form";
    /// 查封状态 missing, or contradicting the rest.
    StandingUnfit = "HUB-3405" 422 "formal or waiting is not said, or contradicts the form";
    /// 原查封案号, 原查封日期.
    OriginalMissing = "HUB-3406" 422 "the original seizure is not named";
    /// Flag: 查封期限____年，自……起至……止.
    PeriodDisagrees = "HUB-3407" 0 "years and dates on the form differ";
    /// Flag: 本院于……查封了被执行人.
    RegisterDiffers = "HUB-3408" 0 "the date of the original seizure differs from the register";
    /// The form could be read in two ways.
    Ambiguous = "HUB-3409" 422 "the form could be read in two ways";
    /// No wording for the form on its date.
    NoVersion = "HUB-3410" 422 "no wording of the form is in force on its date";
    /// A text that is none of the forms.
    Unreadable = "HUB-3411" 0 "the text is none of the forms";
    /// Fonts of `fonts-noto-cjk`.
    NoFonts = "HUB-3412" 503 "the fonts of the forms are missing";
    /// A character no font has.
    Unprintable = "HUB-3413" 422 "no font has a character of the form";
    /// Too many pages, or PDF/A cannot hold it.
    NotSet = "HUB-3414" 422 "the form cannot be set";
    /// No effective result yet.
    NoResult = "HUB-3415" 409 "there is no result to write a receipt form of";
    /// The file of wordings.
    WordingBroken = "HUB-3416" 0 "the wording of the forms cannot be used";
    /// A key that cannot seal.
    SealKey = "HUB-3420" 0 "the sealing key cannot be used";
    /// 彩色扫描件 without permission.
    ScanNotPermitted = "HUB-3421" 422 "the organisation may not seal by scan";
    /// 彩色印章扫描件 asked, a grey one given.
    ScanGrey = "HUB-3422" 0 "the scan of the seal has no colour";
    /// No picture, or one that is too large.
    ScanUnreadable = "HUB-3423" 0 "the scan of the seal cannot be read";
    /// The seal is of another document, or no key we trust made it.
    SealBroken = "HUB-3424" 0 "the seal does not hold";
    /// Not the JSON of a seal.
    SealNotUnderstood = "HUB-3425" 0 "a seal file is not understood";
}

/// Records something that must be mended.
pub(crate) fn error(found: &mut Findings, code: Code, path: &str, message: impl Into<String>, hint: &str) {
    found.errors.push(finding(code, path, message.into(), hint));
}

/// Records something that somebody should look at.
pub(crate) fn flag(found: &mut Findings, code: Code, path: &str, message: impl Into<String>, hint: &str) {
    found.warnings.push(finding(code, path, message.into(), hint));
}

fn finding(code: Code, path: &str, message: String, hint: &str) -> Finding {
    Finding { path: path.to_owned(), code: code.as_str(), message, hint: hint.to_owned() }
}
