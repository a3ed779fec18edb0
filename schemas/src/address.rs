//! Addresses on the broker: who a demand is for, and the names that lead there.
//!
//! RabbitMQ does the routing; this module only spells the names, so that the hub which declares them and the connector
//! which consumes them can never disagree.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{identifier::DivisionCode, message::Kind};

/// The digits of an address were not what they should be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what} takes exactly {digits} digits, not {found:?}")]
pub struct AddressError {
    what: &'static str,
    digits: usize,
    found: String,
}

macro_rules! digits {
    ($(#[$doc:meta])* $name:ident, $what:literal, $len:literal, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = $pattern))]
        pub struct $name(String);

        impl $name {
            /// The digits as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = AddressError;
            fn from_str(text: &str) -> Result<Self, AddressError> {
                if text.len() == $len && text.bytes().all(|b| b.is_ascii_digit()) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(AddressError { what: $what, digits: $len, found: text.chars().take(16).collect() })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = AddressError;
            fn try_from(text: String) -> Result<Self, AddressError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

digits! {
    /// A province-level region (省、自治区、直辖市): the first two digits of GB/T 2260, e.g. `32`.
    ProvinceCode, "a province", 2, "^[0-9]{2}$"
}
digits! {
    /// A local registry (属地不动产登记机构), named by the division code of its seat, e.g. `320102`.
    /// One registry may serve several divisions; which, is data of the hub.
    RegistryCode, "a registry", 6, "^[0-9]{6}$"
}

impl RegistryCode {
    /// The province in which the registry lies.
    pub fn province(&self) -> ProvinceCode {
        ProvinceCode(self.0[..2].to_owned())
    }

    /// The queue from which the registry's connector takes demands.
    pub fn demand_queue(&self) -> String {
        format!("registry.{self}.demand")
    }
}

impl ProvinceCode {
    /// The exchange to which this province's connectors, and nobody else, may write.
    pub fn up_exchange(&self) -> String {
        format!("province.{self}.up")
    }

    /// The broker account of this province's connectors.
    pub fn broker_user(&self) -> String {
        format!("xz-province-{self}")
    }
}

/// Name of a court's principal where it is part of names on the broker: the sender of its demands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CourtName(String);

/// The text cannot be part of names on the broker.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "a court's name takes 1 to 63 of a-z, 0-9, dot, dash and underscore, and begins with a letter or digit"
)]
pub struct CourtNameError;

impl CourtName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The queue in which this court finds its feedback, one event a message, in order of `seq`.
    pub fn feedback_queue(&self) -> String {
        format!("{FEEDBACK}.{}", self.0)
    }

    /// The court's broker account, which may read that queue and nothing else.
    pub fn broker_user(&self) -> String {
        format!("xz-court-{}", self.0)
    }

    /// The message id of the event `seq` of this court: the same in every repeat of it.
    pub fn feedback_message_id(&self, seq: i64) -> String {
        format!("{}:{seq}", self.0)
    }
}

impl FromStr for CourtName {
    type Err = CourtNameError;
    fn from_str(text: &str) -> Result<Self, CourtNameError> {
        let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let mut bytes = text.bytes();
        let fits = bytes.next().is_some_and(word)
            && bytes.all(|b| word(b) || b"._-".contains(&b))
            && text.len() <= 63;
        if fits { Ok(Self(text.to_owned())) } else { Err(CourtNameError) }
    }
}

impl fmt::Display for CourtName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One stage of the road court → ministry → province (最高人民法院 → 自然资源部 → 省级, 法〔2024〕32号 二(三)1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^(court|ministry|province\\.[0-9]{2})$"))]
pub enum Tier {
    /// Where demands enter.
    Court,
    /// Where the province is chosen.
    Ministry,
    /// Where the registry is chosen.
    Province(ProvinceCode),
}

impl Tier {
    /// The exchange that routes at this tier; also the tier's name everywhere.
    pub fn exchange(&self) -> String {
        self.to_string()
    }

    /// The fanout exchange that catches what this tier could not route or what died in its queues.
    pub fn undelivered_exchange(&self) -> String {
        format!("undelivered.{self}")
    }

    /// The dead-letter queue in which undelivered demands (未送达) of this tier are held until an operator decides.
    pub fn held_queue(&self) -> String {
        format!("undelivered.{self}")
    }

    /// The queue from which the hub learns of this tier's undelivered demands. There is one for each tier because a
    /// message caught by an alternate exchange does not say which exchange had no road for it.
    pub fn recorded_queue(&self) -> String {
        format!("hub.undelivered.{self}")
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Court => f.write_str("court"),
            Self::Ministry => f.write_str("ministry"),
            Self::Province(code) => write!(f, "province.{code}"),
        }
    }
}

impl FromStr for Tier {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix("province.") {
            Some(code) => Ok(Self::Province(code.parse()?)),
            None if text == "court" => Ok(Self::Court),
            None if text == "ministry" => Ok(Self::Ministry),
            None => Err(AddressError {
                what: "a tier (court, ministry or province.<code>)",
                digits: 2,
                found: text.chars().take(16).collect(),
            }),
        }
    }
}

impl TryFrom<String> for Tier {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Tier> for String {
    fn from(tier: Tier) -> String {
        tier.to_string()
    }
}

/// The address of one demand: `<kind>.<province>.<city>.<county>.registry`, e.g. `seizure.32.3201.320102.registry`.
pub fn demand_routing_key(kind: Kind, division: &DivisionCode) -> String {
    let d = division.as_ref();
    format!("{}.{}.{}.{d}.registry", kind.as_str(), &d[..2], &d[..4])
}

/// What travels up from a registry, and the first word of its routing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upward {
    /// Receipts that wait for the ledger's stamp.
    Receipt,
    /// Results of registration (回执 data).
    Result,
    /// Returns (退回).
    Return,
    /// Receipts of the registry's own point-to-point system (点对点), reported afterwards.
    LocalReceipt,
}

impl Upward {
    /// Every sort.
    pub const ALL: [Self; 4] = [Self::Receipt, Self::Result, Self::Return, Self::LocalReceipt];

    /// The first word of the routing key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Result => "result",
            Self::Return => "return",
            Self::LocalReceipt => "local-receipt",
        }
    }

    /// The routing key of a message of this sort from `registry`: `receipt.32.320102`.
    pub fn routing_key(self, registry: &RegistryCode) -> String {
        format!("{}.{}.{registry}", self.as_str(), registry.province())
    }

    /// The hub's queue for messages of this sort.
    pub fn hub_queue(self) -> &'static str {
        match self {
            Self::Receipt => "hub.receipts",
            Self::Result => "hub.results",
            Self::Return => "hub.returns",
            Self::LocalReceipt => "hub.local-receipts",
        }
    }
}

/// The ministry's exchange for what comes up from all provinces.
pub const MINISTRY_UP: &str = "ministry.up";

/// The exchange that gives each court's feedback to its queue; the routing key is the court's name.
pub const FEEDBACK: &str = "court.feedback";

/// Exchange and queue for messages that nothing understood: kept for a person, never dropped.
pub const PARKED: &str = "hub.parked";

/// The pseudo queue on which RabbitMQ hands a reply straight to the channel that asked.
pub const DIRECT_REPLY_TO: &str = "amq.rabbitmq.reply-to";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn names_are_spelled_as_published() {
        let registry: RegistryCode = "320102".parse().unwrap();
        assert_eq!(registry.demand_queue(), "registry.320102.demand");
        assert_eq!(registry.province().up_exchange(), "province.32.up");
        assert_eq!(Upward::Receipt.routing_key(&registry), "receipt.32.320102");
        let division: DivisionCode = "320102".parse().unwrap();
        assert_eq!(demand_routing_key(Kind::Seizure, &division), "seizure.32.3201.320102.registry");
        let court: CourtName = "court-a.1".parse().unwrap();
        assert_eq!(court.feedback_queue(), "court.feedback.court-a.1");
        assert_eq!(court.broker_user(), "xz-court-court-a.1");
        assert_eq!(court.feedback_message_id(17), "court-a.1:17");
        for bad in ["", "-a", "A", "a:1", "a#", "法院", &"a".repeat(64)] {
            assert_eq!(bad.parse::<CourtName>(), Err(CourtNameError), "{bad}");
        }
        for tier in ["court", "ministry", "province.32"] {
            assert_eq!(tier.parse::<Tier>().unwrap().to_string(), tier);
        }
        assert!("province.3".parse::<Tier>().is_err());
        assert!("county".parse::<Tier>().is_err());
        assert!("３２".parse::<ProvinceCode>().is_err());
    }
}
