//! Which demands a run submits: decided by the seed, apart from ids and times.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use xiezhi_schemas::message::Kind;

use crate::world::{Papers, World, demand, unit_code};

/// One demand of the plan.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    /// Name of the court's principal.
    pub(super) court: String,
    /// Body.
    pub(super) body: Value,
    /// Whether the same is sent once more after it was accepted.
    pub(super) repeat: bool,
    /// Whether another body is sent under the same key after it was accepted; it must be refused.
    pub(super) misuse: bool,
}

/// Court codes for the principals, which only need to be valid.
const CODES: [&str; 4] = ["京0105", "沪0101", "苏0102", "浙0102"];

/// Unit of a registry that every court wants.
pub(super) fn hot_unit(registry: &str) -> String {
    unit_code(registry, 400_000_000_000)
}

pub(super) fn demands(world: &World, papers: &Papers, seed: u64, count: u64) -> Vec<Planned> {
    let mut random = StdRng::seed_from_u64(seed ^ 0x5eed);
    let registries: Vec<&str> = world.registries().map(|registry| registry.code.as_str()).collect();
    (0..count)
        .map(|n| {
            let registry = registries[random.random_range(0..registries.len())];
            let who = random.random_range(0..world.courts().len());
            let kind = match random.random_range(0..10) {
                0 => Kind::Renewal,
                1 => Kind::Lifting,
                2 => Kind::Waiting,
                _ => Kind::Seizure,
            };
            let mut builder = demand(kind, registry).papers(papers).court(CODES[who % CODES.len()]);
            // Half of all demands fight for one unit of each registry; those are the lanes in which order shows.
            builder = match random.random_range(0..20) {
                0..=9 => builder.unit(&hot_unit(registry)),
                10 => builder.new_units(3),
                _ => builder,
            };
            builder = match random.random_range(0..40) {
                0 => builder.remarks("SIM:RETURN"),
                1 => builder.remarks("SIM:RETURN-AT-DOOR"),
                _ => builder,
            };
            Planned {
                court: world.courts()[who].clone(),
                body: builder.demand_id(&format!("C{seed}-{n:07}")).build().value(),
                repeat: random.random_range(0..20) == 0,
                misuse: random.random_range(0..40) == 0,
            }
        })
        .collect()
}
