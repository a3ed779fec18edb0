//! The blanks of the forms: what each is called in the wording, how it is written and how it is read back.

use std::collections::BTreeMap;

use jiff::civil::Date;
use xiezhi_schemas::identifier::{CaseNumber, DocumentNumber, Identifier, OriginalCaseNumber, UnitCode};

/// Declares the blanks with the name they have in the wording.
macro_rules! slots {
    ($($(#[$doc:meta])* $name:ident = $text:literal $most:literal;)*) => {
        /// One blank.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Slot {
            $($(#[$doc])* $name,)*
        }

        impl Slot {
            /// By its name in the wording.
            pub(crate) fn find(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$name),)* _ => None }
            }

            /// Its name in the wording.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Most characters it may hold.
            pub(crate) fn most(self) -> usize {
                match self { $(Self::$name => $most,)* }
            }
        }
    };
}

slots! {
    /// 执行法院.
    Court = "court" 100;
    /// 执行案号, on the receipt the number of the notice.
    CaseNumber = "case_number" 40;
    /// 不动产登记机构.
    Registry = "registry" 100;
    /// 当事人及案由.
    Cause = "cause" 500;
    /// 作出裁定的机关.
    IssuingOrgan = "issuing_organ" 100;
    /// 裁定书 number.
    RulingNumber = "ruling_number" 40;
    /// 原查封案号.
    OriginalCaseNumber = "original_case_number" 40;
    /// 本院于……查封.
    OriginalDate = "original_date" 11;
    /// 被执行人姓名或名称.
    DebtorName = "debtor_name" 200;
    /// 证件号码或统一社会信用代码.
    DebtorNumber = "debtor_number" 40;
    /// 不动产单元号.
    UnitCode = "unit_code" 28;
    /// 坐落.
    Location = "location" 300;
    /// 不动产权证书号, with 、 between several.
    Certificates = "certificates" 1700;
    /// 查封期限 in years.
    Years = "years" 3;
    /// First day.
    From = "from" 11;
    /// Last day.
    To = "to" 11;
    /// 轮候, or nothing.
    Waiting = "waiting" 2;
    /// ·轮候, or nothing: in the name of the form.
    WaitingMark = "waiting_mark" 3;
    /// What was registered: 查封, 继续查封, each perhaps with 轮候.
    Matter = "matter" 6;
    /// 正式查封 or 轮候查封.
    Standing = "standing" 4;
    /// ，轮候顺序第2位, or nothing.
    Position = "position" 18;
    /// Date of the form.
    Date = "date" 16;
    /// 附件.
    Attachment = "attachment" 200;
    /// 联系人.
    ContactName = "contact_name" 50;
    /// 联系电话.
    ContactPhone = "contact_phone" 30;
}

/// What stands in the blanks of one form.
pub(crate) type Values = BTreeMap<Slot, String>;

impl Slot {
    /// Whether the blank may stay empty: marks that are only there for some.
    pub(crate) fn may_be_empty(self) -> bool {
        matches!(self, Self::Waiting | Self::WaitingMark | Self::Position)
    }

    /// Whether a mark is printed as part of the sentence, not on a line as what a clerk fills in.
    pub(crate) fn is_mark(self) -> bool {
        matches!(self, Self::Waiting | Self::WaitingMark | Self::Matter | Self::Position)
    }

    /// Whether a text could stand in this blank. Where a blank has a form, this keeps other readings out.
    pub(crate) fn fits(self, text: &str) -> bool {
        match self {
            Self::Waiting => matches!(text, "" | WAITING),
            Self::WaitingMark => matches!(text, "" | WAITING_MARK),
            Self::Matter => MATTERS.contains(&text),
            Self::Standing => matches!(text, FORMAL | WAITING_SEIZURE),
            Self::Position => text.is_empty() || read_position(text).is_some(),
            Self::Years => text.parse::<u8>().is_ok(),
            Self::OriginalDate | Self::From | Self::To | Self::Date => read_date(text).is_some(),
            Self::UnitCode => identifier::<UnitCode>(text).is_some(),
            Self::CaseNumber => identifier::<CaseNumber>(text).is_some(),
            Self::RulingNumber => identifier::<DocumentNumber>(text).is_some(),
            Self::OriginalCaseNumber => identifier::<OriginalCaseNumber>(text).is_some(),
            Self::ContactPhone => is_phone(text),
            _ => !text.is_empty(),
        }
    }

    /// Whether it holds words of people, in which blanks may matter.
    pub(crate) fn is_free(self) -> bool {
        use Slot::*;
        matches!(
            self,
            Court
                | Registry
                | Cause
                | IssuingOrgan
                | DebtorName
                | DebtorNumber
                | Location
                | Certificates
                | Attachment
                | ContactName
                | ContactPhone
        )
    }
}

pub(crate) const WAITING: &str = "轮候";
pub(crate) const WAITING_MARK: &str = "·轮候";
pub(crate) const FORMAL: &str = "正式查封";
pub(crate) const WAITING_SEIZURE: &str = "轮候查封";
pub(crate) const MATTERS: [&str; 4] = ["查封", "轮候查封", "继续查封", "继续轮候查封"];

/// ，轮候顺序第2位.
pub(crate) fn position(place: u32) -> String {
    format!("，轮候顺序第{place}位")
}

/// The place in [`position`].
pub(crate) fn read_position(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("，轮候顺序第")?.strip_suffix('位')?;
    number(digits)
}

/// 联系电话 as the contract has it: digits, with `+`, `-` and blanks between.
pub(crate) fn is_phone(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_digit() || c == '+')
        && chars.all(|c| c.is_ascii_digit() || c == '-' || c == ' ')
        && (5..=25).contains(&text.len())
}

/// An identifier as it stands on a form. Reading asks no clock: a number of a year to come was written by somebody, and whether
/// it can be is for the checks of the demand.
pub(crate) fn identifier<T: Identifier>(text: &str) -> Option<T> {
    T::parse_at(text, Date::MAX).ok().map(|accepted| accepted.value)
}

/// 2024年3月1日.
pub(crate) fn date(date: Date) -> String {
    format!("{}年{}月{}日", date.year(), date.month(), date.day())
}

const DIGITS: [char; 10] = ['〇', '一', '二', '三', '四', '五', '六', '七', '八', '九'];

/// 二〇二四年三月一日, as courts date their papers.
pub(crate) fn han_date(date: Date) -> String {
    let year: String = date
        .year()
        .to_string()
        .chars()
        .filter_map(|c| c.to_digit(10))
        .filter_map(|digit| DIGITS.get(usize::try_from(digit).ok()?))
        .collect();
    format!("{year}年{}月{}日", han_number(date.month()), han_number(date.day()))
}

/// 一 to 三十一.
fn han_number(number: i8) -> String {
    let digit = |n: i8| usize::try_from(n).ok().and_then(|n| DIGITS.get(n)).copied().unwrap_or('〇');
    let mut text = String::new();
    match number / 10 {
        0 => {}
        1 => text.push('十'),
        tens => text.extend([digit(tens), '十']),
    }
    if number % 10 > 0 {
        text.push(digit(number % 10));
    }
    text
}

/// A date in either form; only as [`date`] or [`han_date`] writes it, with a year of four digits, so that no digit of it can be taken
/// for the end of what stands before.
pub(crate) fn read_date(text: &str) -> Option<Date> {
    let (year, rest) = text.split_once('年')?;
    let (month, day) = rest.strip_suffix('日')?.split_once('月')?;
    let plain = || Date::new(number(year)?, number(month)?, number(day)?).ok();
    let han = || {
        let digits: String = year
            .chars()
            .map(|c| {
                DIGITS
                    .iter()
                    .position(|d| *d == c)
                    .and_then(|at| char::from_digit(u32::try_from(at).ok()?, 10))
            })
            .collect::<Option<_>>()?;
        let find = |text: &str| (1..=31).find(|n| han_number(*n) == text);
        Date::new(digits.parse().ok()?, find(month)?, find(day)?).ok()
    };
    plain()
        .or_else(han)
        .filter(|found| found.year() >= 1000 && (text == date(*found) || text == han_date(*found)))
}

/// A number of ASCII digits without sign or leading zero.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let plain = !text.is_empty() && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use jiff::civil::date as day;

    use super::*;

    #[test]
    fn dates_are_written_as_the_forms_write_them() {
        for (date_, plain, han) in [
            (day(2024, 3, 1), "2024年3月1日", "二〇二四年三月一日"),
            (day(2027, 2, 28), "2027年2月28日", "二〇二七年二月二十八日"),
            (day(2030, 10, 10), "2030年10月10日", "二〇三〇年十月十日"),
            (day(2026, 12, 31), "2026年12月31日", "二〇二六年十二月三十一日"),
        ] {
            assert_eq!(date(date_), plain);
            assert_eq!(han_date(date_), han);
            assert_eq!(read_date(plain), Some(date_));
            assert_eq!(read_date(han), Some(date_));
        }
        for bad in [
            "2024年03月1日",
            "2024年2月30日",
            "二〇二四年三月",
            "2024年三月1日",
            "年月日",
            "+2024年1月1日",
            "",
        ] {
            assert_eq!(read_date(bad), None, "{bad}");
        }
    }
}
