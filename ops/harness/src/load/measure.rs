//! What one measurement gives.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::stack::Stack;

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    /// Half are faster.
    pub p50_ms: f64,
    /// All but one of a hundred are faster.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

impl Latency {
    /// From times in microseconds.
    pub(super) fn of(micros: impl IntoIterator<Item = i64>) -> Result<Self> {
        let mut histogram = Histogram::<u64>::new(3)?;
        for time in micros {
            histogram.record(time.max(0).unsigned_abs())?;
        }
        let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1e3;
        Ok(Self { p50_ms: at(0.5), p99_ms: at(0.99), max_ms: histogram.max() as f64 / 1e3 })
    }
}

/// Processor time for one demand, in microseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Cpu {
    /// The hub, or the bare program.
    pub program_us: f64,
    /// All connectors; none in the minimal path, which is one program.
    pub connectors_us: f64,
    /// All county systems.
    pub counties_us: f64,
    /// The broker.
    pub broker_us: f64,
    /// The database server with its sessions.
    pub database_us: f64,
}

/// One measurement of the hub or of the minimal path.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Measured {
    /// Demands.
    pub demands: u64,
    /// Accepted per second, from the first to the last.
    pub accepted_per_second: f64,
    /// Receipts per second, from the first acceptance to the last receipt.
    pub receipted_per_second: f64,
    /// From acceptance to receipt, by the database's clock.
    pub latency: Latency,
    /// Processor time.
    pub cpu: Cpu,
}

/// Processor time of both servers so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Servers {
    broker: Duration,
    database: Duration,
}

impl Servers {
    pub(super) fn now(stack: &Stack) -> Self {
        let cpu = |usage: Option<crate::procfs::Usage>| usage.map(|u| u.cpu).unwrap_or_default();
        let ended = stack.postgres.pid().and_then(ended_children).unwrap_or_default();
        Self { broker: cpu(stack.rabbit.usage()), database: cpu(stack.postgres.usage()) + ended }
    }

    /// Microseconds for one demand since then, as (broker, database).
    pub(super) fn since(self, stack: &Stack, demands: u64) -> (f64, f64) {
        let now = Self::now(stack);
        (
            per(now.broker.saturating_sub(self.broker), demands),
            per(now.database.saturating_sub(self.database), demands),
        )
    }
}

/// Processor time of a process's children that have ended: each session of the database server is one.
fn ended_children(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which may hold anything: the 14th and 15th word are user and system time of ended children.
    let ticks = stat.rsplit_once(')')?.1.split_whitespace().skip(13).take(2).map(str::parse::<u64>);
    let ticks = ticks.sum::<Result<u64, _>>().ok()?;
    Some(Duration::from_micros(ticks * 1_000_000 / rustix::param::clock_ticks_per_second().max(1)))
}

/// Microseconds for one demand.
pub(super) fn per(time: Duration, demands: u64) -> f64 {
    time.as_secs_f64() * 1e6 / demands.max(1) as f64
}
