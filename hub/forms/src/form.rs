//! A form of either kind, and the ways between its data, its text and its page.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xiezhi_domain::check::Findings;
use xiezhi_schemas::identifier::Identifier;
use xiezhi_typeset::Fonts;

use crate::{
    error::FormError,
    notice::{Matter, Notice, Party, Property},
    read,
    receipt::{Receipt, Standing},
    sheet,
    slot::{self, Slot, Values, read_date, read_position},
    text::squeeze,
    wording::{FormKind, Version, Wording},
};

/// A form with its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Form {
    /// 协助执行通知书.
    Notice(Box<Notice>),
    /// 协助执行通知书（回执）.
    Receipt(Box<Receipt>),
}

impl Form {
    /// Which form it is.
    pub fn kind(&self) -> FormKind {
        match self {
            Self::Notice(notice) => FormKind::notice(notice.matter),
            Self::Receipt(receipt) => FormKind::receipt(receipt.matter),
        }
    }

    /// Its date; decides which wording applies.
    pub fn date(&self) -> Date {
        match self {
            Self::Notice(notice) => notice.date,
            Self::Receipt(receipt) => receipt.date,
        }
    }

    /// What is wrong (errors) or odd (warnings) with the data.
    pub fn check(&self) -> Findings {
        match self {
            Self::Notice(notice) => notice.check(),
            Self::Receipt(receipt) => receipt.check(),
        }
    }

    /// The form as plain text: one line a paragraph, the footer last.
    ///
    /// # Errors
    /// When the data breaks a rule, no wording is in force, or the text could be read in two ways.
    pub fn text(&self, wording: &Wording) -> Result<String, FormError> {
        let (version, values) = self.fill(wording)?;
        Ok(plain(version, &values))
    }

    /// The form as PDF/A-2b, the same bytes for the same data.
    ///
    /// # Errors
    /// As [`Form::text`]; or a character has no picture in the fonts.
    pub fn pdf(&self, wording: &Wording, fonts: &Fonts) -> Result<Vec<u8>, FormError> {
        let (version, values) = self.fill(wording)?;
        Ok(sheet::sheet(version, &values, self.date()).to_pdf(fonts)?)
    }

    /// Reads a form from text, such as a PDF's; lines may end anywhere.
    ///
    /// # Errors
    /// When it is none of the forms, or could be two.
    pub fn read(text: &str, wording: &Wording) -> Result<Self, FormError> {
        read::read(text, wording)
    }

    /// Whether two forms say the same: equal but for white space in what is filled in, which paper does not keep.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let squeezed = |form: &Self| -> Values {
            form.values().into_iter().map(|(slot, text)| (slot, squeeze(&text))).collect()
        };
        self.kind() == other.kind() && squeezed(self) == squeezed(other)
    }

    fn fill<'a>(&self, wording: &'a Wording) -> Result<(&'a Version, Values), FormError> {
        let found = self.check();
        if !found.errors.is_empty() {
            return Err(FormError::Refused(found));
        }
        let (kind, date) = (self.kind(), self.date());
        let version = wording.on(kind, date).ok_or(FormError::NoVersion { kind, date })?;
        let values = self.values();
        // Whoever gets the form must find in it what was put in, and nothing else.
        match read::read(&plain(version, &values), wording) {
            Ok(back) if back.says_the_same(self) => Ok((version, values)),
            Ok(_) | Err(FormError::Ambiguous) => Err(FormError::Ambiguous),
            Err(error) => Err(error),
        }
    }

    fn values(&self) -> Values {
        match self {
            Self::Notice(notice) => notice_values(notice),
            Self::Receipt(receipt) => receipt_values(receipt),
        }
    }

    /// The form whose blanks hold `values`; nothing when they contradict each other.
    pub(crate) fn from_values(kind: FormKind, values: &Values) -> Option<Self> {
        let form = match kind {
            FormKind::Seizure => Self::Notice(Box::new(notice(Matter::Seizure, values)?)),
            FormKind::Renewal => Self::Notice(Box::new(notice(Matter::Renewal, values)?)),
            FormKind::Lifting => Self::Notice(Box::new(notice(Matter::Lifting, values)?)),
            FormKind::Receipt | FormKind::ReceiptOfLifting => Self::Receipt(Box::new(receipt(kind, values)?)),
        };
        // What the data would print must be what was read: 轮候 in one place and not in another is no form of ours.
        let again = form.values();
        values
            .iter()
            .all(|(slot, text)| again.get(slot).map(|own| squeeze(own)) == Some(squeeze(text)))
            .then_some(form)
    }
}

fn plain(version: &Version, values: &Values) -> String {
    let lines = version
        .lines
        .iter()
        .map(|line| line.pieces.iter().map(|piece| piece.fill(values)).collect::<String>());
    let mut text: String =
        lines.filter(|line| !line.is_empty()).flat_map(|line| [line, "\n".to_owned()]).collect();
    text.push_str(&version.footer());
    text.push('\n');
    text
}

fn notice_values(notice: &Notice) -> Values {
    let mut values = Values::from([
        (Slot::Court, notice.court.clone()),
        (Slot::CaseNumber, notice.case_number.to_string()),
        (Slot::Registry, notice.registry.clone()),
        (Slot::Cause, notice.cause.clone()),
        (Slot::IssuingOrgan, notice.issuing_organ.clone()),
        (Slot::RulingNumber, notice.ruling_number.to_string()),
        (Slot::DebtorName, notice.debtor.name.clone()),
        (Slot::DebtorNumber, notice.debtor.number.clone()),
        (Slot::Waiting, if notice.waiting { slot::WAITING } else { "" }.to_owned()),
        (Slot::Date, slot::date(notice.date)),
        (Slot::Attachment, notice.attachment.clone()),
        (Slot::ContactName, notice.contact.name.clone()),
        (Slot::ContactPhone, notice.contact.phone.clone()),
    ]);
    put_property(&notice.property, &mut values);
    if let Some(number) = &notice.original_case_number {
        values.insert(Slot::OriginalCaseNumber, number.to_string());
    }
    if let Some(date) = notice.original_seizure_date {
        values.insert(Slot::OriginalDate, slot::date(date));
    }
    put_period(notice.period, &mut values);
    values
}

fn receipt_values(receipt: &Receipt) -> Values {
    let waiting = receipt.standing == Some(Standing::Waiting);
    let mut values = Values::from([
        (Slot::Court, receipt.court.clone()),
        (Slot::CaseNumber, receipt.notice_number.to_string()),
        (Slot::RulingNumber, receipt.ruling_number.to_string()),
        (Slot::Registry, receipt.registry.clone()),
        (Slot::DebtorName, receipt.debtor.clone()),
        (Slot::WaitingMark, if waiting { slot::WAITING_MARK } else { "" }.to_owned()),
        (Slot::Date, slot::date(receipt.date)),
    ]);
    put_property(&receipt.property, &mut values);
    put_period(receipt.period, &mut values);
    if receipt.matter == Matter::Lifting {
        values.insert(Slot::Waiting, if waiting { slot::WAITING } else { "" }.to_owned());
    } else {
        let matter = match (receipt.matter, waiting) {
            (Matter::Renewal, false) => "继续查封",
            (Matter::Renewal, true) => "继续轮候查封",
            (_, false) => "查封",
            (_, true) => "轮候查封",
        };
        values.insert(Slot::Matter, matter.to_owned());
        let standing = if waiting { slot::WAITING_SEIZURE } else { slot::FORMAL };
        values.insert(Slot::Standing, standing.to_owned());
        values.insert(Slot::Position, receipt.waiting_position.map(slot::position).unwrap_or_default());
    }
    values
}

fn put_property(property: &Property, values: &mut Values) {
    values.insert(Slot::UnitCode, property.unit_code.to_string());
    values.insert(Slot::Location, property.location.clone());
    values.insert(Slot::Certificates, property.certificates.join("、"));
}

fn put_period(period: Option<xiezhi_schemas::message::Period>, values: &mut Values) {
    if let Some(period) = period {
        values.insert(Slot::Years, period.years.to_string());
        values.insert(Slot::From, slot::date(period.from));
        values.insert(Slot::To, slot::date(period.to));
    }
}

fn notice(matter: Matter, values: &Values) -> Option<Notice> {
    let text = |slot| values.get(&slot).cloned();
    Some(Notice {
        matter,
        waiting: text(Slot::Waiting)? == slot::WAITING,
        court: text(Slot::Court)?,
        case_number: read_number(values, Slot::CaseNumber)?,
        registry: text(Slot::Registry)?,
        cause: text(Slot::Cause)?,
        issuing_organ: text(Slot::IssuingOrgan)?,
        ruling_number: read_number(values, Slot::RulingNumber)?,
        debtor: Party { name: text(Slot::DebtorName)?, number: text(Slot::DebtorNumber)? },
        property: property(values)?,
        original_case_number: match matter {
            Matter::Seizure => None,
            Matter::Renewal | Matter::Lifting => Some(read_number(values, Slot::OriginalCaseNumber)?),
        },
        original_seizure_date: match matter {
            Matter::Lifting => Some(read_date(&text(Slot::OriginalDate)?)?),
            Matter::Seizure | Matter::Renewal => None,
        },
        period: period(matter, values)?,
        date: read_date(&text(Slot::Date)?)?,
        attachment: text(Slot::Attachment)?,
        contact: xiezhi_schemas::message::Contact {
            name: text(Slot::ContactName)?,
            phone: text(Slot::ContactPhone)?,
        },
    })
}

fn receipt(kind: FormKind, values: &Values) -> Option<Receipt> {
    let text = |slot| values.get(&slot).cloned();
    let matter = match (kind, values.get(&Slot::Matter).map(String::as_str)) {
        (FormKind::ReceiptOfLifting, _) => Matter::Lifting,
        (_, Some("继续查封" | "继续轮候查封")) => Matter::Renewal,
        _ => Matter::Seizure,
    };
    let waiting = text(Slot::WaitingMark)? == slot::WAITING_MARK;
    Some(Receipt {
        matter,
        court: text(Slot::Court)?,
        notice_number: read_number(values, Slot::CaseNumber)?,
        ruling_number: read_number(values, Slot::RulingNumber)?,
        registry: text(Slot::Registry)?,
        debtor: text(Slot::DebtorName)?,
        property: property(values)?,
        standing: match (matter, waiting) {
            (_, true) => Some(Standing::Waiting),
            (Matter::Lifting, false) => None,
            (_, false) => Some(Standing::Formal),
        },
        waiting_position: text(Slot::Position).and_then(|text| read_position(&text)),
        period: period(matter, values)?,
        date: read_date(&text(Slot::Date)?)?,
    })
}

fn property(values: &Values) -> Option<Property> {
    Some(Property {
        unit_code: read_number(values, Slot::UnitCode)?,
        location: values.get(&Slot::Location)?.clone(),
        certificates: values.get(&Slot::Certificates)?.split('、').map(|one| one.trim().to_owned()).collect(),
    })
}

fn period(matter: Matter, values: &Values) -> Option<Option<xiezhi_schemas::message::Period>> {
    if matter == Matter::Lifting {
        return Some(None);
    }
    let day = |slot| values.get(&slot).and_then(|text| read_date(text));
    let years = values.get(&Slot::Years)?.parse().ok()?;
    Some(Some(xiezhi_schemas::message::Period { years, from: day(Slot::From)?, to: day(Slot::To)? }))
}

/// An identifier, which holds no white space wherever its line was broken.
fn read_number<T: Identifier>(values: &Values, slot: Slot) -> Option<T> {
    slot::identifier(&squeeze(values.get(&slot)?))
}
