//! Forms 1 to 3: what a court demands of a registry.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xiezhi_domain::{check::Findings, period};
use xiezhi_schemas::{
    identifier::{CaseNumber, DocumentNumber, OriginalCaseNumber, UnitCode},
    message::{Contact, Demand, Kind, Period},
};

use crate::{
    finding::{Code, error, flag},
    slot, text,
};

/// What a notice demands and a receipt answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "FormMatter")]
pub enum Matter {
    /// 查封, form 1.
    Seizure,
    /// 继续查封, form 2.
    Renewal,
    /// 解除查封, form 3.
    Lifting,
}

impl From<Kind> for Matter {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Seizure | Kind::Waiting => Self::Seizure,
            Kind::Renewal => Self::Renewal,
            Kind::Lifting => Self::Lifting,
        }
    }
}

/// The debtor as the forms name one (被执行人).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FormParty")]
pub struct Party {
    /// 姓名或名称.
    pub name: String,
    /// 证件号码或统一社会信用代码.
    pub number: String,
}

/// Hides both, as everywhere.
impl std::fmt::Debug for Party {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Party(hidden)")
    }
}

/// The property as the forms name it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FormProperty")]
pub struct Property {
    /// 不动产单元号.
    pub unit_code: UnitCode,
    /// 坐落.
    pub location: String,
    /// 不动产权证书号; several are printed with 、 between.
    pub certificates: Vec<String>,
}

impl std::fmt::Debug for Property {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Property").field("unit_code", &self.unit_code).finish_non_exhaustive()
    }
}

/// 协助执行通知书 (法〔2024〕32号, annex, forms 1 to 3).
///
/// Source: a court's data, or a demand as the hub accepted it. Dates are dates in China. Errors: see [`Notice::check`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NoticeForm")]
pub struct Notice {
    /// Which of the three.
    pub matter: Matter,
    /// 轮候: the seizure that is ordered, renewed or lifted is a waiting one.
    #[serde(default)]
    pub waiting: bool,
    /// The executing court.
    pub court: String,
    /// 执行案号.
    pub case_number: CaseNumber,
    /// The registry that is addressed.
    pub registry: String,
    /// Parties and cause (当事人及案由).
    pub cause: String,
    /// Who issued the ruling: 本院 or another organ (R74).
    pub issuing_organ: String,
    /// 裁定书 by its number (代字案号).
    pub ruling_number: DocumentNumber,
    /// 被执行人.
    pub debtor: Party,
    /// The property.
    pub property: Property,
    /// 原查封案号; for renewal and lifting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_case_number: Option<OriginalCaseNumber>,
    /// 本院于……查封; for lifting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_seizure_date: Option<Date>,
    /// 查封期限; not for lifting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Date of the notice.
    pub date: Date,
    /// 附: what is attached.
    pub attachment: String,
    /// 联系人、联系电话; both mandatory (R76).
    pub contact: Contact,
}

impl Notice {
    /// The notice that a stored demand amounts to. `registry` is the registry's name, `date` the day to print.
    pub fn of(demand: &Demand, registry: &str, date: Date) -> Self {
        let matter = demand.kind.into();
        Self {
            matter,
            waiting: demand.kind == Kind::Waiting,
            court: demand.court.name.clone(),
            case_number: demand.case_number.clone(),
            registry: registry.to_owned(),
            cause: demand.cause.clone().unwrap_or_default(),
            issuing_organ: demand.issuing_organ.clone(),
            ruling_number: demand.judgment_number.clone(),
            debtor: Party { name: demand.debtor.name.clone(), number: demand.debtor.document_number.clone() },
            property: Property {
                unit_code: demand.unit.unit_code.clone(),
                location: demand.unit.location.clone(),
                certificates: demand.unit.certificates.clone(),
            },
            // Kinds to which these do not belong may carry them with a warning; their forms have no place for them.
            original_case_number: demand.original_case_number.clone().filter(|_| matter != Matter::Seizure),
            original_seizure_date: demand.original_seizure_date.filter(|_| matter == Matter::Lifting),
            period: demand.period,
            date,
            attachment: format!("{}执行裁定书", demand.judgment_number.as_ref()),
            contact: demand.contact.clone(),
        }
    }

    /// Whether the notice can be written (errors), and what a person should look at (warnings): R71, R73, R74, R76, R77.
    pub fn check(&self) -> Findings {
        let mut found = Findings::default();
        let say = &mut found;
        text::check(say, "/court", "执行法院", &self.court, 100);
        text::check(say, "/registry", "不动产登记机构", &self.registry, 100);
        text::check(say, "/cause", "当事人及案由", &self.cause, 500);
        text::check(say, "/issuing_organ", "作出裁定的机关", &self.issuing_organ, 100);
        text::check(say, "/debtor/name", "被执行人姓名或名称", &self.debtor.name, 200);
        text::check(say, "/debtor/number", "证件号码或统一社会信用代码", &self.debtor.number, 40);
        self.property.check(say);
        text::check(say, "/attachment", "附件", &self.attachment, 200);
        text::check(say, "/contact/name", "联系人", &self.contact.name, 50);
        text::check(say, "/contact/phone", "联系电话", &self.contact.phone, 30);
        let phone = &self.contact.phone;
        if !phone.trim().is_empty() && !slot::is_phone(phone) {
            let message = "联系电话 is no telephone number";
            error(
                say,
                Code::Unfit,
                "/contact/phone",
                message,
                "write 5 to 25 digits with +, - and blanks between",
            );
        }
        check_period(self.matter, self.period, say);
        self.check_original(say);
        found
    }

    fn check_original(&self, found: &mut Findings) {
        let numbered = self.matter != Matter::Seizure;
        if numbered && self.original_case_number.is_none() {
            let hint = "give 原查封案号; numbers of the scheme before 2016 are allowed here";
            error(found, Code::OriginalMissing, "/original_case_number", "原查封案号 is missing", hint);
        }
        if !numbered && self.original_case_number.is_some() {
            let hint = "leave it out, or make it a renewal or a lifting";
            error(
                found,
                Code::OriginalMissing,
                "/original_case_number",
                "form 1 names no original seizure",
                hint,
            );
        }
        let dated = self.matter == Matter::Lifting;
        if dated && self.original_seizure_date.is_none() {
            let hint = "give the day on which the seizure was made";
            error(
                found,
                Code::OriginalMissing,
                "/original_seizure_date",
                "the day of the original seizure is missing",
                hint,
            );
        }
        if !dated && self.original_seizure_date.is_some() {
            let hint = "leave it out; only a lifting has it";
            let message = "this form has no place for the day of an original seizure";
            error(found, Code::OriginalMissing, "/original_seizure_date", message, hint);
        }
    }

    /// R73: what the register says about the original seizure, compared with the form. Nothing when they agree.
    pub fn compare_with_register(&self, registered_on: Date) -> Findings {
        let mut found = Findings::default();
        if let Some(date) = self.original_seizure_date
            && date != registered_on
        {
            let message = format!("the notice says {date}, the register {registered_on}");
            let hint = "ask the court which seizure is meant before it is lifted";
            flag(&mut found, Code::RegisterDiffers, "/original_seizure_date", message, hint);
        }
        found
    }
}

impl Property {
    pub(crate) fn check(&self, found: &mut Findings) {
        text::check(found, "/property/location", "坐落", &self.location, 300);
        if self.certificates.is_empty() {
            let hint = "name at least one certificate";
            error(found, Code::Blank, "/property/certificates", "不动产权证书号 is missing", hint);
        }
        for (at, certificate) in self.certificates.iter().enumerate() {
            let path = format!("/property/certificates/{at}");
            text::check(found, &path, "不动产权证书号", certificate, 80);
            if certificate.contains('、') {
                let hint = "give each number as an entry of its own";
                error(found, Code::Unfit, &path, "、 separates certificates and stands in none", hint);
            }
        }
        if self.certificates.len() > 20 {
            let hint = "write one form for each part of the property";
            error(found, Code::Unfit, "/property/certificates", "at most 20 certificates fit", hint);
        }
    }
}

/// R73, R77, R55: a lifting has no period, everything else has one; years and days that differ are flagged.
pub(crate) fn check_period(matter: Matter, stated: Option<Period>, found: &mut Findings) {
    let stated = match (stated, matter) {
        (None, Matter::Lifting) => return,
        (Some(_), Matter::Lifting) => {
            let hint = "leave the period out; the seizure ends with the lifting";
            return error(found, Code::PeriodRefused, "/period", "解除查封 has no period", hint);
        }
        (None, _) => {
            let hint = "give years, first and last day";
            return error(found, Code::PeriodMissing, "/period", "查封期限 is missing", hint);
        }
        (Some(stated), _) => stated,
    };
    if stated.to < stated.from {
        let message = format!("the last day {} lies before the first day {}", stated.to, stated.from);
        error(found, Code::PeriodMissing, "/period/to", message, "compare both days with the ruling");
    } else if stated.years == 0 {
        error(
            found,
            Code::PeriodMissing,
            "/period/years",
            "a period has at least one year",
            "give the years of the ruling",
        );
    } else if !period::agrees(&stated) {
        let message = format!("{} years from {} do not end on {}", stated.years, stated.from, stated.to);
        let hint = "the last day is the corresponding day of the last year or the day before it";
        flag(found, Code::PeriodDisagrees, "/period", message, hint);
    }
}
