//! The codes this API answers with: one table, from which titles, statuses and the published document come.

use axum::http::StatusCode;

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Stable code; has a page in `ops/errors/`.
    pub code: &'static str,
    /// HTTP status when a problem has this code alone.
    pub status: u16,
    /// What it means, without the particulars.
    pub title: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal $status:literal $title:literal;)*) => {
        $(#[doc = $title]
        pub const $name: Code = Code { code: $code, status: $status, title: $title };)*

        /// Every code of the API's own.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    INTERNAL = "HUB-1000" 500 "The hub failed";
    UNAUTHENTICATED = "HUB-1001" 401 "No valid credential";
    FORBIDDEN = "HUB-1002" 403 "The credential's role may not do this";
    TOO_MANY = "HUB-1003" 429 "Too many requests";
    BODY_TOO_LARGE = "HUB-1004" 413 "The body is too large";
    TOO_SLOW = "HUB-1005" 408 "The request took too long to arrive";
    NO_SUCH_ADDRESS = "HUB-1006" 404 "There is nothing at this address";
    METHOD_NOT_ALLOWED = "HUB-1007" 405 "The address does not know this method";
    MEDIA_TYPE = "HUB-1008" 415 "The media type is not accepted here";
    BUSY = "HUB-1009" 503 "The hub cannot answer in time";
    SEVERAL = "HUB-1100" 422 "The demand has several problems";
    NOT_JSON = "HUB-1101" 400 "The body is not plain JSON";
    DUPLICATE_KEY = "HUB-1102" 400 "The body names a key twice";
    UNKNOWN_FIELD = "HUB-1103" 422 "A field is unknown";
    WRONG_TYPE = "HUB-1104" 422 "A value has the wrong type";
    MISSING_FIELD = "HUB-1105" 422 "A field is missing";
    VALUE_REFUSED = "HUB-1106" 422 "A value is not allowed";
    IDENTIFIER_FORMAT = "HUB-1110" 422 "An identifier has not the written form";
    IDENTIFIER_CHECKSUM = "HUB-1111" 422 "An identifier's check character does not fit";
    IDENTIFIER_SEMANTIC = "HUB-1112" 422 "An identifier is impossible";
    IDENTIFIER_REFERENCE = "HUB-1113" 422 "An identifier names something that does not exist";
    PROVINCE_NOT_PART = "HUB-1301" 422 "The province does not take part";
    NO_REGISTRY = "HUB-1302" 422 "No registry serves the division";
    DOCUMENT_MISSING = "HUB-1303" 422 "A document was not uploaded";
    DOCUMENT_DIFFERS = "HUB-1304" 422 "A document is not what the demand says";
    PRIOR_REFUSED = "HUB-1305" 422 "The corrected request is not one that can be corrected";
    DOCUMENT_TOO_LARGE = "HUB-1306" 413 "The document is too large";
    DIGEST_MISMATCH = "HUB-1307" 422 "The bytes do not have the digest";
    DOCUMENT_CONTENT = "HUB-1308" 422 "The bytes are not of the media type";
    DOCUMENT_STORE = "HUB-1309" 503 "The document store does not answer";
    KEY_REUSED = "HUB-1401" 422 "The demand id was used for another demand";
    BACKLOG = "HUB-1402" 503 "Too many demands wait for the broker";
    QUERY = "HUB-1403" 400 "The query cannot be understood";
    ORDER = "HUB-4101" 422 "The order cannot be carried out";
    NO_DEAD_LETTER = "HUB-4102" 422 "A named dead letter does not exist";
    NOT_FOUND = "HUB-1404" 404 "There is no such thing";
    DISPATCHED = "HUB-1405" 409 "A dispatched demand cannot be changed";
    UNKNOWN_OUTCOME = "HUB-1406" 503 "It is not known whether it was done";
    WITHDRAWAL_REGISTERED = "HUB-3300" 409 "A registered demand cannot be withdrawn";
    WITHDRAWAL_OVER = "HUB-3301" 409 "There is nothing to withdraw";
    WITHDRAWAL_OPEN = "HUB-3302" 409 "A withdrawal of this request is under way";
    WITHDRAWAL_LETTER = "HUB-3303" 422 "The written request for withdrawal is not complete";
    DISPUTE_PARTIES = "HUB-3320" 422 "A dispute needs two demands on one unit";
    MATTER_CLOSED = "HUB-3321" 409 "The matter is closed";
    ORDER_DECISION = "HUB-3322" 422 "The decision about the order cannot be recorded";
    MATTER_ENTRY = "HUB-3323" 422 "The entry says nothing";
    CONSULTATION_LEVEL = "HUB-3324" 422 "The consultation names no level that exists";
    ISSUE = "HUB-3326" 422 "The issue cannot be opened or assigned like this";
    CONTACT_FILE = "HUB-3330" 422 "The file of contacts has mistakes";
    CLOCK = "HUB-3255" 503 "The ledger's clock is not trusted";
    WINDOW_ENTRY = "HUB-3250" 422 "The entry cannot be understood";
    WINDOW_FUTURE = "HUB-3251" 422 "The hand-over lies in the future";
    WINDOW_TOO_LATE = "HUB-3252" 422 "The entry is later than the published bound";
    WINDOW_ELSEWHERE = "HUB-3253" 422 "The property lies with another registry";
    WINDOW_EVIDENCE = "HUB-3254" 422 "A late entry lacks its reason or evidence";
    WINDOW_SAME_PERSON = "HUB-3256" 403 "The same person entered it";
    WINDOW_DECIDED = "HUB-3257" 409 "The entry was decided before";
    WINDOW_PRIOR = "HUB-3258" 422 "A correction was handed over before the return";
    OUTAGE = "HUB-3259" 422 "The outage cannot be announced or ended like this";
    WINDOW_OUTCOME = "HUB-3260" 409 "The demand came by the network";
    WEBHOOK_URL = "HUB-1501" 422 "The webhook address is not allowed";
}

impl Code {
    /// The line of `code`, if it is one of the API's own.
    pub fn find(code: &str) -> Option<Self> {
        ALL.iter().find(|line| line.code == code).copied()
    }

    /// The status as a type.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn codes_are_unique_and_statuses_are_errors() {
        for (at, line) in ALL.iter().enumerate() {
            assert_eq!(ALL.iter().position(|other| other.code == line.code), Some(at), "{}", line.code);
            assert!((400..600).contains(&line.status), "{}", line.code);
            assert_eq!(line.status().as_u16(), line.status);
        }
    }
}
