//! Numbers that messages and requests carry between systems: a division, a date and a sequence.

use jiff::civil::Date;

use super::refusal::{Refusal, Warning};
use super::{Identifier, divisions, identifier, text};

/// Number of a registration access message (业务报文标识号), the `BizMsgID` of the ministry's access messages.
///
/// Shape: 18 digits: division 6, date yyMMdd (2000-2099), sequence 6.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BizMsgId(String);

identifier!(BizMsgId {
    name: "biz_msg_id",
    chinese: "业务报文标识号",
    source: "head of the ministry's registration access messages",
    pattern: "^[0-9]{18}$",
    normalise: text::normalise,
    check: check_message,
});

impl BizMsgId {
    /// Six digits of the division that sent the message.
    pub fn division(&self) -> &str {
        &self.0[..6]
    }

    /// Date in the number.
    pub fn date(&self) -> Date {
        message_date(&self.0).expect("the date was checked when the number was parsed")
    }
}

/// Number of a court's request (请求单号), as deployed by courts for real estate control.
///
/// Shape: 20 digits: date yyyyMMdd, division 6, sequence 6.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestNo(String);

identifier!(RequestNo {
    name: "request_no",
    chinese: "请求单号",
    source: "court control messages as deployed for real estate",
    pattern: "^[0-9]{20}$",
    normalise: text::normalise,
    check: check_request,
});

impl RequestNo {
    /// Date in the number.
    pub fn date(&self) -> Date {
        request_date(&self.0).expect("the date was checked when the number was parsed")
    }

    /// Six digits of the division.
    pub fn division(&self) -> &str {
        &self.0[8..14]
    }
}

/// Number of a court's control request with its prefix (控制请求单号), as deployed by courts for real estate control.
///
/// Shape: an upper-case letter, a digit, then a [`RequestNo`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrefixedRequestNo(String);

identifier!(PrefixedRequestNo {
    name: "prefixed_request_no",
    chinese: "控制请求单号",
    source: "court control messages as deployed for real estate",
    pattern: "^[A-Z][0-9]{21}$",
    normalise: text::normalise,
    check: check_prefixed,
});

impl PrefixedRequestNo {
    /// The letter and digit in front.
    pub fn prefix(&self) -> &str {
        &self.0[..2]
    }

    /// The number without its prefix.
    pub fn request_no(&self) -> RequestNo {
        RequestNo(self.0[2..].to_owned())
    }
}

fn check_message(number: &str, as_of: Date) -> Result<Vec<Warning>, Refusal> {
    text::digits(number, 18)?;
    let date = message_date(number)?;
    dated(&number[..6], date, as_of)
}

fn check_request(number: &str, as_of: Date) -> Result<Vec<Warning>, Refusal> {
    text::plain(number)?;
    if check_prefixed(number, as_of).is_ok() {
        let message = "a control request's number with its prefix; drop the first two characters";
        return Err(Refusal::format("PREFIXED", message).or_as(PrefixedRequestNo::TYPE, true));
    }
    text::digits(number, 20)?;
    let date = request_date(number)?;
    dated(&number[8..14], date, as_of)
}

fn check_prefixed(number: &str, as_of: Date) -> Result<Vec<Warning>, Refusal> {
    text::plain(number)?;
    text::length(number, 22)?;
    if !number.starts_with(|c: char| c.is_ascii_uppercase()) {
        return Err(Refusal::format(
            "CHARSET",
            "character 1 is not allowed: an upper-case letter stands there",
        ));
    }
    text::charset(&number[1..], "digits follow the letter", |c| c.is_ascii_digit())?;
    let date = request_date(&number[2..])?;
    dated(&number[10..16], date, as_of)
}

fn message_date(number: &str) -> Result<Date, Refusal> {
    text::date(&format!("20{}", &number[6..8]), &number[8..10], &number[10..12])
}

fn request_date(number: &str) -> Result<Date, Refusal> {
    text::date(&number[..4], &number[4..6], &number[6..8])
}

fn dated(division: &str, date: Date, as_of: Date) -> Result<Vec<Warning>, Refusal> {
    divisions::no_gap(division)?;
    let row = divisions::known(division)?;
    if date > as_of {
        let message = format!("the date {date} in the number lies after {as_of}; check the date digits");
        return Err(Refusal::reference("DATE_FUTURE", message));
    }
    Ok(row.warning().into_iter().collect())
}
