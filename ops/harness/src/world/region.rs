//! Which provinces and registries a world has: real division codes, invented names of offices.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use xiezhi_schemas::identifier::{DivisionKind, divisions};

/// The eight provinces in which the channel is tried first (法〔2024〕32号).
pub const PILOTS: [&str; 8] = ["11", "12", "31", "32", "33", "37", "50", "62"];

/// First day of everything in a world's directory.
const OPEN_SINCE: &str = "2024-11-01";

/// A registry (登记机构) of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// Six digits, those of the first division.
    pub code: String,
    /// Invented name of the office.
    pub name: String,
    /// Codes of the divisions it serves.
    pub divisions: Vec<String>,
}

impl Registry {
    /// A registry that serves the one division whose code it has.
    #[must_use]
    pub fn of(division: &str) -> Self {
        Self {
            code: division.to_owned(),
            name: format!("{division}不动产登记所（演示）"),
            divisions: vec![division.to_owned()],
        }
    }

    /// The first two digits.
    #[must_use]
    pub fn province(&self) -> &str {
        &self.code[..2]
    }
}

/// A province of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Province {
    /// Two digits.
    pub code: String,
    /// Name of the division.
    pub name: String,
    /// Its registries, ascending by code.
    pub registries: Vec<Registry>,
}

/// Takes the first `each` counties of every province, or fewer where a province has fewer and `total` asks for a sum:
/// then the provinces take turns until there are that many.
///
/// # Errors
/// When a code is no province, or there are not enough counties.
pub fn choose(provinces: &[String], each: usize, total: Option<usize>) -> Result<Vec<Province>> {
    let mut chosen = Vec::new();
    let mut pools = Vec::new();
    for code in provinces {
        let of_it = || divisions().filter(|d| d.code.starts_with(code) && d.kind == DivisionKind::Current);
        let name = of_it().find(|d| d.code == format!("{code}0000")).map(|d| d.name.clone());
        ensure!(code.len() == 2 && name.is_some(), "{code:?} is no province of GB/T 2260");
        let pool: Vec<_> = of_it().filter(|d| d.is_county_level()).map(|d| d.code.clone()).collect();
        chosen.push(Province { code: code.clone(), name: name.unwrap_or_default(), registries: Vec::new() });
        pools.push(pool);
    }
    let wanted = total.unwrap_or(each * provinces.len());
    let (mut round, mut have) = (0, 0);
    while have < wanted && (total.is_some() || round < each) {
        let before = have;
        for (province, pool) in chosen.iter_mut().zip(&pools) {
            if let Some(code) = pool.get(round).filter(|_| have < wanted) {
                province.registries.push(Registry::of(code));
                have += 1;
            }
        }
        ensure!(
            have > before,
            "these provinces have {have} counties only, {wanted} registries were asked for"
        );
        round += 1;
    }
    Ok(chosen)
}

/// The provinces as a file for `hub directory import`.
#[must_use]
pub fn provinces_csv(provinces: &[Province]) -> String {
    provinces.iter().fold("province,name,valid_from,valid_to\n".to_owned(), |mut csv, province| {
        writeln!(csv, "{},{},{OPEN_SINCE},", province.code, province.name).expect("a String takes any text");
        csv
    })
}

/// Registries as a file for `hub directory import`.
#[must_use]
pub fn registries_csv<'a>(registries: impl IntoIterator<Item = &'a Registry>) -> String {
    let header = "registry,name,valid_from,valid_to,divisions\n".to_owned();
    registries.into_iter().fold(header, |mut csv, registry| {
        let divisions = registry.divisions.join(";");
        writeln!(csv, "{},{},{OPEN_SINCE},,{divisions}", registry.code, registry.name)
            .expect("a String takes any text");
        csv
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn pilots() -> Vec<String> {
        PILOTS.map(str::to_owned).to_vec()
    }

    #[test]
    fn every_pilot_has_its_registries() {
        let provinces = choose(&pilots(), 2, None).unwrap();
        assert_eq!(provinces.len(), 8);
        assert!(provinces.iter().all(|p| p.registries.len() == 2));
        let jiangsu = provinces.iter().find(|p| p.code == "32").unwrap();
        assert_eq!(jiangsu.registries[0].code, "320102");
        assert!(registries_csv(&jiangsu.registries).contains("\n320102,320102"));
    }

    #[test]
    fn a_total_is_reached_although_some_provinces_are_small() {
        let provinces = choose(&pilots(), 2, Some(300)).unwrap();
        assert_eq!(provinces.iter().map(|p| p.registries.len()).sum::<usize>(), 300);
        assert!(choose(&pilots(), 2, Some(100_000)).is_err());
        assert!(choose(&["99".to_owned()], 1, None).is_err());
    }
}
