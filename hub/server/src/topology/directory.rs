//! Who takes part, as the topology needs to know it.

use std::collections::{BTreeMap, BTreeSet};

use xiezhi_schemas::{
    address::{CourtName, ProvinceCode, RegistryCode},
    identifier::DivisionCode,
};

use super::TopologyError;

/// Who takes part today. The caller leaves out what is not yet or no longer valid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// The provinces.
    pub provinces: Vec<Province>,
    /// The registries of these provinces.
    pub registries: Vec<Registry>,
    /// The courts that read their feedback from a queue.
    pub feedback_queues: BTreeSet<CourtName>,
}

/// A province that takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Province {
    /// Its code.
    pub code: ProvinceCode,
    /// Its name, for people.
    pub name: String,
}

/// A registry and the divisions it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// Its code.
    pub code: RegistryCode,
    /// Its name, for people.
    pub name: String,
    /// The divisions (行政区划) whose demands it receives; each division is served by one registry only.
    pub divisions: Vec<DivisionCode>,
}

/// The registries of each province, or the first contradiction.
pub(super) fn by_province(
    directory: &Directory,
) -> Result<BTreeMap<ProvinceCode, Vec<&Registry>>, TopologyError> {
    let mut grouped = BTreeMap::new();
    for province in &directory.provinces {
        if grouped.insert(province.code.clone(), Vec::new()).is_some() {
            return Err(TopologyError::Directory(format!("province {} is listed twice", province.code)));
        }
    }
    let mut codes = BTreeSet::new();
    let mut served_by: BTreeMap<&DivisionCode, &RegistryCode> = BTreeMap::new();
    for registry in &directory.registries {
        let code = &registry.code;
        let wrong = |what: String| Err(TopologyError::Directory(format!("registry {code} {what}")));
        let Some(registries) = grouped.get_mut(&code.province()) else {
            return wrong(format!("lies in province {}, which does not take part", code.province()));
        };
        if !codes.insert(code) {
            return wrong("is listed twice".into());
        }
        for division in &registry.divisions {
            if division.province() != code.province().as_str() {
                return wrong(format!("serves division {division} of another province"));
            }
            // Two queues for one key would deliver one demand twice, with two receipts.
            if let Some(other) = served_by.insert(division, code) {
                return wrong(format!("serves division {division}, and so does registry {other}"));
            }
        }
        registries.push(registry);
    }
    for registries in grouped.values_mut() {
        registries.sort_by(|a, b| a.code.cmp(&b.code));
    }
    Ok(grouped)
}
