//! The figures, as a table and as JSON.

use std::fmt;

use serde::Serialize;

use super::Options;
use super::measure::Measured;

/// One turn of all three measurements.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Round {
    /// The hub with everything around it.
    pub hub: Measured,
    /// The bare program.
    pub minimal: Measured,
    /// Raw publish, confirm, consume, acknowledge.
    pub raw_per_second: f64,
}

/// Everything that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct LoadReport {
    /// Registries.
    pub registries: usize,
    /// Demands offered per second; as many as go when `None`.
    pub offered_per_second: Option<f64>,
    /// Processors of the machine.
    pub processors: usize,
    /// The turns.
    pub rounds: Vec<Round>,
    /// The hub at half of what it can carry.
    pub paced: Option<Measured>,
    /// Most resident memory of the hub.
    pub hub_peak_bytes: u64,
    /// Receipts per second, hub to minimal path.
    pub hub_to_minimal: f64,
    /// Receipts per second of the hub to raw messages per second.
    pub hub_to_raw: f64,
}

pub(super) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}

impl LoadReport {
    pub(super) fn new(
        options: &Options,
        rounds: Vec<Round>,
        paced: Option<Measured>,
        hub_peak_bytes: u64,
    ) -> Self {
        let hub = mean(rounds.iter().map(|round| round.hub.receipted_per_second));
        Self {
            registries: options.registries,
            offered_per_second: options.rate,
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            hub_to_minimal: hub / mean(rounds.iter().map(|round| round.minimal.receipted_per_second)),
            hub_to_raw: hub / mean(rounds.iter().map(|round| round.raw_per_second)),
            rounds,
            paced,
            hub_peak_bytes,
        }
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, measured: &Measured) -> fmt::Result {
    let Measured { demands, accepted_per_second, receipted_per_second, latency, cpu } = measured;
    write!(
        f,
        "{name:8} {demands:7} demands  accepted {accepted_per_second:6.0}/s  receipted {receipted_per_second:6.0}/s  \
         p50 {:6.0} ms  p99 {:6.0} ms  CPU a demand: program {:4.0} us",
        latency.p50_ms, latency.p99_ms, cpu.program_us
    )?;
    if cpu.connectors_us > 0.0 {
        write!(f, ", connectors {:4.0}, county systems {:4.0}", cpu.connectors_us, cpu.counties_us)?;
    }
    writeln!(f, ", broker {:4.0}, database {:4.0}", cpu.broker_us, cpu.database_us)
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} registries, {} processors shared by clients, hub, connectors, simulated county systems, broker and database;\n\
             decisions of the county systems are put off; every demand names one shared set of documents",
            self.registries, self.processors
        )?;
        for (number, round) in self.rounds.iter().enumerate() {
            writeln!(f, "round {}", number + 1)?;
            line(f, "hub", &round.hub)?;
            line(f, "minimal", &round.minimal)?;
            writeln!(
                f,
                "{:8} {:.0} messages/s published, confirmed, consumed, acknowledged",
                "raw", round.raw_per_second
            )?;
        }
        if let Some(paced) = &self.paced {
            writeln!(f, "at half of that")?;
            line(f, "hub", paced)?;
        }
        writeln!(f, "hub to minimal path: {:.2}   hub to raw: {:.2}", self.hub_to_minimal, self.hub_to_raw)?;
        writeln!(f, "hub's most resident memory: {:.1} MB", self.hub_peak_bytes as f64 / 1e6)
    }
}
