//! The stable codes of everything a connector can report. Each has a page in `ops/errors/`; a code never changes its
//! meaning and is never used again.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// A stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as printed: `CON-1001`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it means, in one line; also the title of its page.
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// Configuration.
    Config = "CON-1001", "the configuration cannot be used";
    /// Province key.
    Key = "CON-1002", "the province key is not the one that the hub uses";
    /// Telemetry or status page.
    Setup = "CON-1003", "the connector could not be set up";
    /// Broker unreachable.
    BrokerUnreachable = "CON-2001", "the broker is unreachable or the connection was lost";
    /// Broker login.
    BrokerDenied = "CON-2002", "the broker refuses the login or a right";
    /// Queue.
    QueueUnusable = "CON-2003", "the queue of a registry cannot be consumed";
    /// Ledger silent.
    LedgerSilent = "CON-2004", "the ledger does not answer";
    /// Hub unreachable.
    HubUnreachable = "CON-2005", "the hub does not answer over HTTP";
    /// Hub token.
    HubDenied = "CON-2006", "the hub refuses the token";
    /// Unread.
    Unread = "CON-2007", "the hub could not read a message of the connector";
    /// Not now.
    NotNow = "CON-2008", "the ledger may not stamp now";
    /// Signature.
    BadSignature = "CON-3001", "a demand does not bear the hub's signature";
    /// Unreadable demand.
    BadDemand = "CON-3002", "a demand cannot be read or is for another registry";
    /// Document.
    BadDocument = "CON-3003", "a document of a demand is missing or is not what the demand names";
    /// Refused.
    Refused = "CON-3004", "the local system refuses a demand";
    /// Isolated.
    Isolated = "CON-3005", "the local system fails on one demand again and again";
    /// Return refused.
    ReturnRefused = "CON-3006", "the hub refuses a return given at the door";
    /// Paused.
    Paused = "CON-4001", "the local system is unwell, the registry is paused";
    /// Void.
    Void = "CON-4002", "the local system took a demand that has no receipt";
    /// Outcome not accepted.
    OutcomeRefused = "CON-4003", "the hub does not accept a result or return";
    /// Outcomes cannot be fetched.
    OutcomesUnreadable = "CON-4004", "results and returns of a local system cannot be fetched";
    /// Broken adapter.
    AdapterBroken = "CON-4005", "the adapter broke its contract";
    /// Withdrawal not handed over.
    Withdrawal = "CON-4006", "a withdrawal cannot be handed to the local system yet";
    /// Withdrawal unreadable.
    BadWithdrawal = "CON-4007", "an offered withdrawal is not what it should be";
    /// Local receipt not recorded.
    LocalReceiptRefused = "CON-4008", "the hub does not record a receipt of a local link";
    /// Local receipts cannot be fetched.
    LocalReceiptsUnreadable = "CON-4009", "receipts of a local link cannot be fetched or settled";
    /// Reload refused.
    MappingReload = "CON-6009", "a mapping was not reloaded";
    /// Late at shutdown.
    LateStop = "CON-5001", "work was still in hand when the grace period ended";
    /// Mapping file.
    MappingBroken = "CON-6001", "the mapping file cannot be used";
    /// Value missing in a mapping.
    MappingAbsent = "CON-6002", "a value that the mapping needs is missing";
    /// Value without code.
    MappingUnknown = "CON-6003", "a value stands in no code table of the mapping";
    /// Value that does not fit.
    MappingUnfit = "CON-6004", "a value does not fit the local field";
    /// Limits of a mapping.
    MappingTooMuch = "CON-6005", "a mapping takes too much work or makes too much";
    /// Unreadable answer.
    MappingUnreadable = "CON-6006", "a local answer cannot be read";
    /// Answer without meaning.
    MappingNoOutcome = "CON-6007", "a local answer is no outcome";
    /// Failed test of a mapping.
    MappingTest = "CON-6008", "a test in a mapping file fails";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    /// An operator who meets a code at night finds its page, and the page says what the code says.
    #[test]
    fn every_code_has_its_page() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ops/errors");
        for code in Code::ALL {
            let page = std::fs::read_to_string(folder.join(format!("{code}.md")))
                .unwrap_or_else(|_| panic!("ops/errors/{code}.md is missing"));
            let title = format!("# {code}: {}", code.text());
            assert_eq!(page.lines().next().unwrap(), title);
            for part in ["**Cause.**", "**Effect.**", "**What to do.**", "**First command.**"] {
                assert!(page.contains(part), "{code}.md has no {part}");
            }
        }
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if let Some(code) = name.strip_suffix(".md").filter(|name| name.starts_with("CON-")) {
                assert!(Code::ALL.iter().any(|known| known.as_str() == code), "{code} is not in code.rs");
            }
        }
    }
}
