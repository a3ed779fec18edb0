//! Stable codes of what the register notices; none of them stops a demand or alters the registry's decision.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Defines the codes with the title each has on its page and its word in stored events.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal;)*) => {
        /// Stable code of a report that does not fit the register or the order; each has a page in `ops/errors/`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[schemars(rename = "RegisterCode")]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $code)] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as text, `HUB-3200`.
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
    /// 解封 of a seizure that this hub does not know.
    LiftingOfNothing = "HUB-3200", "a lifting names no seizure that is known here";
    /// 续封 of a seizure that this hub does not know.
    RenewalOfNothing = "HUB-3201", "a renewal names no seizure that is known here";
    /// 续封 registered after the seizure had lapsed.
    RenewalAfterLapse = "HUB-3202", "a renewal was registered after the seizure had lapsed";
    /// 续封 or 解封 of a seizure that was lifted, or 解封 of one that lapsed.
    SeizureOver = "HUB-3203", "the seizure that is named had ended before";
    /// Last day before first day.
    TermBackwards = "HUB-3204", "a registered period ends before it begins";
    /// Registered before the demand was accepted or long after it was reported.
    DateImpossible = "HUB-3205", "a date of registration is impossible";
    /// The whole period lies before the registration.
    TermOver = "HUB-3206", "a registered period was over when it was registered";
    /// The same report again.
    Repeated = "HUB-3207", "a result came twice";
    /// Another report of a request that was reported before.
    Contradicts = "HUB-3208", "a result contradicts the one that took effect";
    /// Several standing seizures bear the number.
    Ambiguous = "HUB-3209", "several standing seizures bear the number that is named";
    /// A conversion of something that does not wait.
    ConversionOfNothing = "HUB-3210", "a reported conversion is of no seizure that waits or stands here";
    /// 原查封日期 of a lifting is not the day of the seizure.
    LiftingDay = "HUB-3211", "a lifting states another day of seizure than the register has";
    /// Registered before one that was delivered earlier.
    Overtook = "HUB-3220", "a seizure was registered before one that was delivered earlier";
    /// A better place than the standing seizures leave.
    PlaceTaken = "HUB-3221", "a registered place belongs to another seizure";
    /// A worse place than the seizures known here explain.
    MoreAhead = "HUB-3222", "the registry counts seizures that are not known here";
    /// Another last day after conversion.
    ConversionEnd = "HUB-3223", "a conversion was reported with another last day";
    /// A waiting period that does not begin on the day of its registration.
    WaitingStart = "HUB-3224", "a waiting period does not begin on the day of its registration";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_differ_and_are_of_the_register_s_range() {
        let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        assert!(codes.iter().all(|code| ("HUB-3200".."HUB-3250").contains(code)));
    }
}
