//! The register of seizures: what a county writes when it decides. Pure: the instant of registration comes in.

use std::collections::HashMap;

use jiff::{
    Span, Timestamp,
    civil::Date,
    tz::{TimeZone, offset},
};
use uuid::Uuid;

use super::filing::{Filing, Kind, Period, Script};

/// What the county decided about one demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// 登簿: formal when `waiting_position` is none, else waiting in that place.
    Entered {
        /// 轮候顺序 from 1.
        waiting_position: Option<u32>,
        /// First day.
        from: Date,
        /// Last day.
        to: Date,
    },
    /// 已解除.
    Lifted,
    /// 退回, with the code and the words.
    Returned(&'static str, &'static str),
}

#[derive(Debug)]
struct Seizure {
    request_id: Uuid,
    case_number: String,
    from: Date,
    to: Date,
}

/// The reason of a return that names differing fields; the simulator's always differ in the certificate.
pub(super) const MISMATCH: &str = "register_mismatch";

/// All units of all registries of one simulator.
#[derive(Debug, Default)]
pub struct Register {
    /// Standing seizures in their order; a unit whose seizures are all lifted keeps its empty list, as it is known.
    units: HashMap<(String, String), Vec<Seizure>>,
}

/// The day on which an instant falls in the registry's office.
pub fn office_day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::fixed(offset(8))).date()
}

/// The period of `years` years that begins on `from`: it ends the day before the same date, or on the last day of the
/// month when that year lacks the date (2024-02-29 for 3 years ends 2027-02-28).
pub(super) fn period_from(from: Date, years: u8) -> Date {
    let same = from.saturating_add(Span::new().years(i16::from(years)));
    if same.day() == from.day() { same.yesterday().unwrap_or(same) } else { same }
}

impl Register {
    /// Decides one demand and writes the register. Demands of a unit must come in the order in which they were taken.
    pub fn decide(&mut self, filing: &Filing, at: Timestamp) -> Decision {
        match filing.script {
            Script::Return => {
                let text = "不动产单元代码与坐落不对应，请核对标的物后重新提交";
                return Decision::Returned("target_inaccurate", text);
            }
            Script::Mismatch => {
                let text = "通知书所列不动产权证书号与登记簿记载不一致，请核对";
                return Decision::Returned(MISMATCH, text);
            }
            Script::AdvanceNotice => {
                let text = "该标的物已办理预告登记至案外人名下，暂不办理查封登记";
                return Decision::Returned("third_party_advance_notice", text);
            }
            Script::Plain
            | Script::Twice
            | Script::Contradict
            | Script::Hold
            | Script::TellConversion
            | Script::NewPeriod => {}
        }
        let today = office_day(at);
        let key = (filing.registry.clone(), filing.unit.clone());
        // Seizures entered before the simulator's time are not known to it; only a unit it never saw can have one.
        let known = self.units.contains_key(&key);
        let standing = self.units.entry(key).or_default();
        standing.retain(|seizure| seizure.to >= today);
        match (filing.kind, filing.period) {
            (Kind::Lifting, _) => match find(standing, filing) {
                Some(place) => {
                    standing.remove(place);
                    Decision::Lifted
                }
                None if known => no_such_seizure(),
                None => Decision::Lifted,
            },
            (_, None) => Decision::Returned("period_missing", "协助执行通知书未载明查封期限"),
            (Kind::Renewal, Some(period)) => {
                let place = match find(standing, filing) {
                    Some(place) => place,
                    None if known => return no_such_seizure(),
                    None => {
                        standing.push(seizure(filing, period.from, period.to));
                        0
                    }
                };
                (standing[place].from, standing[place].to) = (period.from, period.to);
                Decision::Entered { waiting_position: position(place), from: period.from, to: period.to }
            }
            (Kind::Seizure | Kind::Waiting, Some(period)) => {
                let place = standing.len();
                let Period { from, to, .. } = if place == 0 {
                    period
                } else {
                    // 轮候查封期限自办理轮候查封登记手续之日起算 (法〔2024〕32号 二(三)3).
                    Period { from: today, to: period_from(today, period.years), ..period }
                };
                standing.push(seizure(filing, from, to));
                Decision::Entered { waiting_position: position(place), from, to }
            }
        }
    }

    /// The seizure that stands first on the unit of a demand: its request and period.
    pub fn first(&self, filing: &Filing) -> Option<(Uuid, Date, Date)> {
        let standing = self.units.get(&(filing.registry.clone(), filing.unit.clone()))?;
        standing.first().map(|seizure| (seizure.request_id, seizure.from, seizure.to))
    }

    /// Strikes out what a request entered, because it turned out to be void.
    pub fn strike(&mut self, filing: &Filing) {
        if let Some(standing) = self.units.get_mut(&(filing.registry.clone(), filing.unit.clone())) {
            standing.retain(|seizure| seizure.request_id != filing.request_id);
        }
    }
}

fn seizure(filing: &Filing, from: Date, to: Date) -> Seizure {
    let case_number = filing.original_case_number.as_ref().unwrap_or(&filing.case_number).clone();
    Seizure { request_id: filing.request_id, case_number, from, to }
}

fn find(standing: &[Seizure], filing: &Filing) -> Option<usize> {
    let wanted = filing.original_case_number.as_deref()?;
    standing.iter().position(|seizure| seizure.case_number == wanted)
}

fn position(place: usize) -> Option<u32> {
    u32::try_from(place).ok().filter(|place| *place > 0)
}

fn no_such_seizure() -> Decision {
    Decision::Returned("no_such_seizure", "登记簿中无该案号对应的查封登记，请核对原查封案号")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    const A: &str = "（2024）苏0102执1号";
    const B: &str = "（2024）苏0102执2号";
    const C: &str = "（2024）苏0102执3号";

    fn filing(kind: Kind, case: &str, original: Option<&str>, period: Option<(u8, &str, &str)>) -> Filing {
        Filing {
            request_id: Uuid::now_v7(),
            message_id: None,
            registry: "320102".into(),
            unit: "320102001001GB00001F00010001".into(),
            kind,
            case_number: case.into(),
            original_case_number: original.map(str::to_owned),
            period: period.map(|(years, from, to)| Period {
                years,
                from: from.parse().unwrap(),
                to: to.parse().unwrap(),
            }),
            body_sha256: String::new(),
            script: Script::Plain,
        }
    }

    fn on(day: &str) -> Timestamp {
        format!("{day}T10:00:00+08:00").parse().unwrap()
    }

    fn entered(waiting: Option<u32>, from: &str, to: &str) -> Decision {
        Decision::Entered { waiting_position: waiting, from: from.parse().unwrap(), to: to.parse().unwrap() }
    }

    fn seize(case: &str) -> Filing {
        filing(Kind::Seizure, case, None, Some((3, "2024-03-01", "2027-02-28")))
    }

    fn lift(case: &str) -> Filing {
        filing(Kind::Lifting, "（2025）苏0102执9号", Some(case), None)
    }

    #[test]
    fn first_is_formal_others_wait_and_a_lifting_closes_the_gap() {
        let mut register = Register::default();
        let first = register.decide(&seize(A), on("2024-03-01"));
        assert_eq!(first, entered(None, "2024-03-01", "2027-02-28"));
        // A waiting period runs from the day on which it was registered.
        assert_eq!(
            register.decide(&seize(B), on("2024-06-10")),
            entered(Some(1), "2024-06-10", "2027-06-09")
        );
        assert_eq!(
            register.decide(&seize(C), on("2025-02-03")),
            entered(Some(2), "2025-02-03", "2028-02-02")
        );
        assert_eq!(register.decide(&lift(B), on("2025-03-01")), Decision::Lifted);
        let renewal = filing(Kind::Renewal, C, Some(C), Some((3, "2028-02-03", "2031-02-02")));
        assert_eq!(
            register.decide(&renewal, on("2025-03-02")),
            entered(Some(1), "2028-02-03", "2031-02-02"),
            "the third became the second"
        );
        assert_eq!(register.decide(&lift(A), on("2025-03-03")), Decision::Lifted);
        assert!(matches!(
            register.decide(&renewal, on("2025-03-04")),
            Decision::Entered { waiting_position: None, .. }
        ));
        assert!(matches!(
            register.decide(&lift(A), on("2025-03-05")),
            Decision::Returned("no_such_seizure", _)
        ));
    }

    #[test]
    fn a_seizure_lapses_after_its_last_day() {
        let mut register = Register::default();
        register.decide(&seize(A), on("2024-03-01"));
        assert!(matches!(
            register.decide(&seize(B), on("2027-02-28")),
            Decision::Entered { waiting_position: Some(1), .. }
        ));
        let late = filing(Kind::Waiting, C, None, Some((1, "2027-03-01", "2028-02-29")));
        assert!(matches!(
            register.decide(&late, on("2027-03-01")),
            Decision::Entered { waiting_position: Some(1), .. }
        ));
        assert!(matches!(
            register.decide(&lift(A), on("2027-03-02")),
            Decision::Returned("no_such_seizure", _)
        ));
    }

    #[test]
    fn older_seizures_of_an_unknown_unit_are_believed_and_void_ones_struck_out() {
        let mut register = Register::default();
        let renewal = filing(Kind::Renewal, B, Some(A), Some((3, "2024-03-01", "2027-02-28")));
        assert_eq!(register.decide(&renewal, on("2024-03-01")), entered(None, "2024-03-01", "2027-02-28"));
        let second = seize(B);
        register.decide(&second, on("2024-03-02"));
        register.strike(&second);
        assert!(matches!(
            register.decide(&seize(C), on("2024-03-03")),
            Decision::Entered { waiting_position: Some(1), .. }
        ));
        let unclear = filing(Kind::Seizure, C, None, None);
        assert!(matches!(
            register.decide(&unclear, on("2024-03-03")),
            Decision::Returned("period_missing", _)
        ));
        let scripted = Filing { script: Script::Return, ..seize(C) };
        assert!(matches!(
            register.decide(&scripted, on("2024-03-03")),
            Decision::Returned("target_inaccurate", _)
        ));
    }

    #[test]
    fn the_end_of_a_period_keeps_to_the_calendar() {
        let end = |from: &str, years| period_from(from.parse().unwrap(), years).to_string();
        assert_eq!(end("2024-06-10", 3), "2027-06-09");
        assert_eq!(end("2024-02-29", 3), "2027-02-28");
        assert_eq!(end("2024-02-29", 4), "2028-02-28");
        assert_eq!(end("2025-01-01", 1), "2025-12-31");
    }
}
