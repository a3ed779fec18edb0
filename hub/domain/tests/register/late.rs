//! Reports that reach the hub after later ones: the log gets one entry that puts it right, and no word of it changes.

use jiff::Timestamp;
use xiezhi_domain::register::{Code, Entry, Place, Register, Report, What, learn};

use super::kit::*;

/// A unit as the hub keeps it: reports, what is recorded, and the register that the log rebuilds.
#[derive(Default)]
struct Kept {
    reports: Vec<Report>,
    recorded: Timestamp,
    rebuilt: Register,
}

impl Kept {
    fn learn(&mut self, report: Option<Report>, now: &str) -> Vec<Entry> {
        let (entries, history) = learn(&self.reports, self.recorded, report.clone(), at(now));
        self.reports.extend(report);
        self.recorded = at(now);
        for entry in &entries {
            for before in &entry.before {
                assert_eq!(self.rebuilt.find(before.request_id), Some(before), "before is what the log had");
            }
            self.rebuilt.apply(&entry.after);
        }
        assert_eq!(self.rebuilt, history.register, "R150");
        entries
    }
}

fn whats(entries: &[Entry]) -> Vec<What> {
    entries.iter().map(|entry| entry.mark.what).collect()
}

/// R150: what comes in order is appended step by step, with what time brought about in between.
#[test]
fn r150_in_order_each_step_is_an_entry() {
    let mut kept = Kept::default();
    let a = seizure("A", "2024-03-01", FORMAL, "2024-03-01", "2027-02-28");
    assert_eq!(whats(&kept.learn(Some(a), "2024-03-01T10:01:00+08:00")), [What::Registered]);
    let b = seizure("B", "2024-06-10", Place::Waiting(1), "2024-06-10", "2027-06-09");
    assert_eq!(whats(&kept.learn(Some(b), "2024-06-10T10:01:00+08:00")), [What::Registered]);
    assert!(kept.learn(None, "2027-02-28T23:00:00+08:00").is_empty(), "nothing has happened");
    // The job was down for a week: the instants are those of the law all the same.
    let entries = kept.learn(None, "2027-03-08");
    assert_eq!(whats(&entries), [What::Lapsed, What::Converted]);
    assert!(entries.iter().all(|entry| entry.mark.at == at("2027-03-01T00:00:00+08:00")));
    assert!(kept.learn(None, "2027-03-08").is_empty(), "once is enough");
    assert_eq!(shown(&kept.rebuilt), ["A lapsed 2027-03-01 00:00", "B 正式 2027-06-09"]);
}

/// A renewed in time, but the hub learns of it after midnight, when lapse and conversion are recorded.
#[test]
fn a_renewal_in_time_that_is_reported_late_undoes_the_lapse() {
    let mut kept = Kept::default();
    kept.learn(Some(seizure("A", "2024-03-01", FORMAL, "2024-03-01", "2027-02-28")), "2024-03-02");
    let b = seizure("B", "2024-06-10", Place::Waiting(1), "2024-06-10", "2027-06-09");
    kept.learn(Some(b), "2024-06-11");
    assert_eq!(kept.learn(None, "2027-03-01").len(), 2);
    let mut renewal = renewal("Ra", "A", "2027-02-26", FORMAL, "2027-03-01", "2030-02-28");
    renewal.received_at = at("2027-03-02");
    let entries = kept.learn(Some(renewal), "2027-03-02");
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert!(entry.is_late());
    assert_eq!((entry.mark.what, entry.mark.at), (What::Renewed, at("2027-02-26")));
    assert_eq!(entry.revoked.iter().map(|m| m.what).collect::<Vec<_>>(), [What::Lapsed, What::Converted]);
    assert_eq!(entry.brought, []);
    assert_eq!(shown(&kept.rebuilt), ["A 正式 2030-02-28", "B 轮候 1 2027-06-09"]);
}

/// A lifting arrives before the registration that it lifts: refused first, then it counts.
#[test]
fn a_lifting_before_its_seizure_counts_when_that_is_known() {
    let mut kept = Kept::default();
    let mut lifting = lifting("La", "A", "2024-04-01");
    lifting.received_at = at("2024-04-02");
    let refused = kept.learn(Some(lifting), "2024-04-02");
    assert_eq!(whats(&refused), [What::Refused(Code::LiftingOfNothing)]);
    let mut a = seizure("A", "2024-03-01", FORMAL, "2024-03-01", "2027-02-28");
    a.received_at = at("2024-04-03");
    let entries = kept.learn(Some(a), "2024-04-03");
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(entry.mark.what, What::Registered);
    assert_eq!(entry.revoked[0].what, What::Refused(Code::LiftingOfNothing));
    assert_eq!(entry.brought[0].what, What::Lifted);
    assert_eq!(shown(&kept.rebuilt), ["A lifted 2024-04-01 10:00"]);
}

/// Two results in the wrong order and nothing between: both have their places, nothing is revoked.
#[test]
fn results_in_the_wrong_order_find_their_places() {
    let mut kept = Kept::default();
    let b = seizure("B", "2024-06-10", Place::Waiting(1), "2024-06-10", "2027-06-09");
    kept.learn(Some(b), "2024-06-11");
    let mut a = seizure("A", "2024-03-01", FORMAL, "2024-03-01", "2027-02-28");
    a.received_at = at("2024-06-12");
    let entries = kept.learn(Some(a), "2024-06-12");
    assert_eq!(whats(&entries), [What::Registered]);
    assert!(!entries[0].is_late());
    assert_eq!(shown(&kept.rebuilt), ["A 正式 2027-02-28", "B 轮候 1 2027-06-09"]);
}
