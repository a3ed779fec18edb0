//! The day that a lifting states (本院于××××年×月×日查封了被执行人: 法〔2024〕32号 附件3).

use jiff::civil::Date;
use serde::Serialize;
use uuid::Uuid;

use super::{Action, Register, Report, Stand};
use crate::workdays::day_of;

/// A lifting that states another day of seizure than the register has. It lifts all the same: people look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OtherDay {
    /// The seizure that was lifted.
    pub seizure: Uuid,
    /// The day that the lifting states.
    pub stated: Date,
    /// The day in China on which the seizure was registered.
    pub registered_on: Date,
}

/// Compares the day that a lifting states with the register after it; none for other reports, for a lifting that states no
/// day and for one that lifted nothing.
pub fn other_day(report: &Report, register: &Register) -> Option<OtherDay> {
    let Action::Lifting { seized_on: Some(stated), .. } = report.action else { return None };
    let lifted = |stand: Stand| matches!(stand, Stand::Lifted { by, .. } if by == report.request_id);
    let seizure = register.all().iter().find(|seizure| lifted(seizure.stand))?;
    let registered_on = day_of(seizure.registered_at);
    (registered_on != stated).then_some(OtherDay { seizure: seizure.request_id, stated, registered_on })
}
