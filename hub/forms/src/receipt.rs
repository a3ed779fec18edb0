//! Form 4: what a registry answers (回执).

use jiff::{civil::Date, tz};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xiezhi_domain::{check::Findings, period};
use xiezhi_schemas::{
    identifier::{CaseNumber, DocumentNumber},
    message::{Demand, Period, RegisteredStatus, Registration},
};

use crate::{
    finding::{Code, error},
    notice::{Matter, Property, check_period},
    text,
};

/// 查封状态 (annex 4: 正式查封或轮候查封).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "FormStanding")]
pub enum Standing {
    /// 正式查封.
    Formal,
    /// 轮候查封; the form is marked 轮候.
    Waiting,
}

/// 协助执行通知书（回执） (法〔2024〕32号, annex, form 4).
///
/// Source: a registry's data, or a demand with the result that took effect. Dates are dates in China.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ReceiptForm")]
pub struct Receipt {
    /// What was registered.
    pub matter: Matter,
    /// The court that is answered.
    pub court: String,
    /// Number of the 协助执行通知书: its 执行案号.
    pub notice_number: CaseNumber,
    /// Number of the 裁定书.
    pub ruling_number: DocumentNumber,
    /// The registry that answers.
    pub registry: String,
    /// Name of the 被执行人.
    pub debtor: String,
    /// The property.
    pub property: Property,
    /// 正式 or 轮候; of a lifting, how the seizure stood that was lifted, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// 轮候顺序 from 1, where the registry gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_position: Option<u32>,
    /// 查封期限; not for lifting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Date of the receipt: the day of 登簿.
    pub date: Date,
}

impl Receipt {
    /// The receipt of a demand that was registered. `registry` is the registry's name.
    pub fn of(demand: &Demand, registration: &Registration, registry: &str) -> Self {
        let stated = registration.period_from.zip(registration.period_to).map(|(from, to)| {
            // The registry gives days; the years on the form are those that fit, else those demanded, with a flag.
            let fits = |years: &u8| period::agrees(&Period { years: *years, from, to });
            let demanded = demand.period.map_or(1, |period| period.years);
            Period { years: (1..=99).find(fits).unwrap_or(demanded), from, to }
        });
        Self {
            matter: demand.kind.into(),
            court: demand.court.name.clone(),
            notice_number: demand.case_number.clone(),
            ruling_number: demand.judgment_number.clone(),
            registry: registry.to_owned(),
            debtor: demand.debtor.name.clone(),
            property: Property {
                unit_code: demand.unit.unit_code.clone(),
                location: demand.unit.location.clone(),
                certificates: demand.unit.certificates.clone(),
            },
            standing: match registration.status {
                RegisteredStatus::Formal => Some(Standing::Formal),
                RegisteredStatus::Waiting => Some(Standing::Waiting),
                RegisteredStatus::Lifted => None,
            },
            waiting_position: registration.waiting_position,
            period: stated,
            date: registration.registered_at.to_zoned(tz::TimeZone::fixed(tz::offset(8))).date(),
        }
    }

    /// Whether the receipt can be written (errors), and what a person should look at (warnings): R55, R56, R75, R77.
    pub fn check(&self) -> Findings {
        let mut found = Findings::default();
        let say = &mut found;
        text::check(say, "/court", "执行法院", &self.court, 100);
        text::check(say, "/registry", "不动产登记机构", &self.registry, 100);
        text::check(say, "/debtor", "被执行人姓名或名称", &self.debtor, 200);
        self.property.check(say);
        check_period(self.matter, self.period, say);
        if self.standing.is_none() && self.matter != Matter::Lifting {
            let hint = "say formal or waiting";
            error(say, Code::StandingUnfit, "/standing", "查封状态 is missing", hint);
        }
        match (self.waiting_position, self.standing, self.matter) {
            (None, ..) => {}
            (Some(1..), Some(Standing::Waiting), Matter::Seizure | Matter::Renewal) => {}
            (Some(_), Some(Standing::Waiting), Matter::Lifting) => {
                let hint = "leave it out; what is lifted has no place any more";
                error(
                    say,
                    Code::StandingUnfit,
                    "/waiting_position",
                    "a lifted seizure has no 轮候顺序",
                    hint,
                );
            }
            (Some(0), ..) => {
                error(
                    say,
                    Code::StandingUnfit,
                    "/waiting_position",
                    "轮候顺序 counts from 1",
                    "give the place in the line",
                );
            }
            (Some(_), ..) => {
                let hint = "leave it out, or say waiting";
                error(
                    say,
                    Code::StandingUnfit,
                    "/waiting_position",
                    "only a waiting seizure has a 轮候顺序",
                    hint,
                );
            }
        }
        found
    }
}
