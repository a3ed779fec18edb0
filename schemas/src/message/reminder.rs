//! Reminders (智能提醒, 法〔2024〕32号 二(三)2): what is due at somebody, and until when.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
            #[serde(rename_all = "snake_case")]
            pub enum $name { $($(#[$variant_doc])* $variant,)* }

            impl $name {
                /// All of them.
                pub const ALL: &[Self] = &[$(Self::$variant,)*];

                /// The word in JSON and SQL.
                pub fn as_str(self) -> &'static str {
                    match self { $(Self::$variant => $word,)* }
                }
            }

            impl std::str::FromStr for $name {
                type Err = UnknownWord;
                fn from_str(word: &str) -> Result<Self, UnknownWord> {
                    Self::ALL.iter().copied().find(|one| one.as_str() == word).ok_or_else(|| UnknownWord(word.to_owned()))
                }
            }
        )*
    };
}

/// The word is none of the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not known here")]
pub struct UnknownWord(pub String);

words! {
    /// What a reminder is about.
    ReminderKind {
        /// An accepted demand that ministry and province have not passed on yet.
        PassingOn = "passing_on",
        /// A demand that was passed on and that the registry has not received yet.
        Delivery = "delivery",
        /// A demand on the registry's desk that nobody decided yet (新收件).
        NewItem = "new_item",
        /// A delivered demand that must be registered or returned (应及时作退回处理).
        Decision = "decision",
        /// 回执: the result of a registration that must be fed back, one working day after 登簿.
        Receipt = "receipt",
        /// A return (退回) that the court has not answered with a corrected demand.
        ReturnWaiting = "return_waiting",
        /// A standing seizure whose period ends: the court renews in time (续封) or it lapses.
        SeizureLapses = "seizure_lapses",
    }
    /// How urgent a reminder is.
    ReminderLevel {
        /// For information.
        Notice = "notice",
        /// The limit is near.
        Warning = "warning",
        /// The limit has passed.
        Overdue = "overdue",
    }
    /// Whom a reminder is for.
    Addressee {
        /// The court that sent the demand.
        Court = "court",
        /// The registry that must act.
        Registry = "registry",
        /// The operators of the hub.
        Operator = "operator",
    }
    /// Who set the limit.
    LimitBasis {
        /// A text of law, or the registered period itself.
        Law = "law",
        /// A target of the hub's operator (内部时限), which binds nobody else.
        InternalTarget = "internal_target",
    }
}

impl ReminderKind {
    /// Who set the limit of this kind.
    pub fn basis(self) -> LimitBasis {
        match self {
            Self::Receipt | Self::SeizureLapses => LimitBasis::Law,
            Self::PassingOn | Self::Delivery | Self::NewItem | Self::Decision | Self::ReturnWaiting => {
                LimitBasis::InternalTarget
            }
        }
    }
}

/// A reminder to the court, in its stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReminderNotice {
    /// What it is about.
    pub kind: ReminderKind,
    /// How urgent it is.
    pub level: ReminderLevel,
    /// The first instant that is late: the end (24:00, Asia/Shanghai) of the last day.
    pub due_at: Timestamp,
    /// Who set the limit.
    pub basis: LimitBasis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_json() {
        fn check<T: Copy + Serialize + std::str::FromStr<Err = UnknownWord> + PartialEq + std::fmt::Debug>(
            all: &[T],
            word: fn(T) -> &'static str,
        ) {
            for one in all {
                assert_eq!(serde_json::to_value(one).ok(), Some(word(*one).into()));
                assert_eq!(word(*one).parse(), Ok(*one));
            }
        }
        check(ReminderKind::ALL, ReminderKind::as_str);
        check(ReminderLevel::ALL, ReminderLevel::as_str);
        check(Addressee::ALL, Addressee::as_str);
        check(LimitBasis::ALL, LimitBasis::as_str);
        assert!("hot".parse::<ReminderLevel>().is_err());
    }
}
