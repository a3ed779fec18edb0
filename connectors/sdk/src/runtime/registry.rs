//! One registry: consumes its queue, keeps its lanes, and pauses it while its local system is unwell.
//!
//! A paused registry holds nothing: everything goes back to the queue in its old order, where the delivery window goes on running. No
//! demand waits in a connector while the court is not told.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    task::{JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;
use xiezhi_schemas::{address::RegistryCode, identifier::UnitCode, message::header};

use super::{
    Shared,
    blame::Blame,
    hands::{End, Hands, Job},
    lanes::Lanes,
    verify,
};
use crate::{
    backoff::Backoff,
    bus::{BusError, Link, Parcel, Subscription, chain},
    code::Code,
    config::Pace,
    status::Standing,
};

/// Suspects are held back this long after consuming began, so that the others have arrived and go first.
const PATIENCE: Duration = Duration::from_millis(300);

/// A delivery that came this often without being settled may have ended the process that worked on it: it goes alone.
const OFTEN: i64 = 4;

/// The longest a health check may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);

/// One registry; outlives connections.
pub(crate) struct Registry {
    code: RegistryCode,
    memory: Mutex<Memory>,
}

struct Memory {
    blame: Blame,
    pauses: Backoff,
    paused: bool,
}

enum Ended {
    Stopped,
    Unwell,
}

struct Done {
    unit: UnitCode,
    job: Job,
    end: End,
}

/// What is in hand while consuming.
struct Bench<'a> {
    shared: &'a Shared,
    hands: Arc<Hands>,
    subscription: Subscription,
    lanes: Lanes<Job>,
    work: JoinSet<Done>,
}

impl Registry {
    pub(crate) fn new(code: RegistryCode, pace: &Pace) -> Self {
        let pauses = Backoff::new(pace.probe_first, pace.probe_most);
        Self { code, memory: Mutex::new(Memory { blame: Blame::default(), pauses, paused: false }) }
    }

    pub(crate) fn code(&self) -> &RegistryCode {
        &self.code
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks after the registry until `stop` or until the connection is lost.
    pub(crate) async fn run(
        &self,
        shared: &Shared,
        link: &Link,
        hands: Arc<Hands>,
        stop: &CancellationToken,
    ) -> Result<(), BusError> {
        let mut trouble = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        loop {
            if self.memory().paused && !self.wait_until_well(shared, stop).await {
                return Ok(());
            }
            match self.consume(shared, link, &hands, stop, &mut trouble).await {
                Ok(Ended::Stopped) => return Ok(()),
                Ok(Ended::Unwell) => {}
                Err(error) if error.is_local() => {
                    tracing::error!(
                        code = %error.code(), registry = %self.code, error = chain(&error),
                        "the registry is not consumed"
                    );
                    shared.status.stands(&self.code, Standing::Failing, Some(error.code().as_str().into()));
                    tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        () = tokio::time::sleep(trouble.wait()) => {}
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn consume(
        &self,
        shared: &Shared,
        link: &Link,
        hands: &Arc<Hands>,
        stop: &CancellationToken,
        trouble: &mut Backoff,
    ) -> Result<Ended, BusError> {
        let subscription = link.subscribe(&self.code.demand_queue(), shared.config.pace.prefetch).await?;
        let mut bench = Bench {
            shared,
            hands: Arc::clone(hands),
            subscription,
            lanes: Lanes::new(),
            work: JoinSet::new(),
        };
        tracing::info!(registry = %self.code, "consuming");
        shared.status.stands(&self.code, Standing::Consuming, None);
        let patience = Instant::now() + PATIENCE;
        let mut patient = true;
        let ended = loop {
            self.start(&mut bench, patient);
            tokio::select! {
                () = stop.cancelled() => break Ended::Stopped,
                parcel = bench.subscription.next(link) => {
                    trouble.reset();
                    self.admit(&mut bench, parcel?).await;
                }
                Some(done) = bench.work.join_next() => {
                    if let Some(reason) = self.done(&mut bench, done).await? {
                        self.pause(shared, reason);
                        break Ended::Unwell;
                    }
                }
                () = tokio::time::sleep_until(patience), if patient => patient = false,
            }
        };
        self.put_down(bench, &ended).await?;
        Ok(ended)
    }

    fn suspicion(&self, job: &Job) -> u32 {
        let blamed = self.memory().blame.level(job.verified.demand.request_id);
        blamed.max(u32::from(job.parcel.earlier_deliveries() >= OFTEN))
    }

    fn start(&self, bench: &mut Bench<'_>, patient: bool) {
        let suspicion = |job: &Job| self.suspicion(job);
        let most = bench.shared.config.pace.lanes;
        while !(patient && bench.lanes.only_suspects(suspicion))
            && let Some((unit, job)) = bench.lanes.start(most, suspicion)
        {
            let hands = Arc::clone(&bench.hands);
            let work = async move {
                let end = hands.work(&job).await;
                Done { unit, job, end }
            };
            bench.work.spawn(work.in_current_span());
        }
    }

    async fn admit(&self, bench: &mut Bench<'_>, parcel: Parcel) {
        let checked = verify::check(
            &bench.shared.config.province_key,
            &self.code,
            parcel.body(),
            parcel.text(header::SIGNATURE),
            parcel.number(header::ATTEMPT),
        );
        match checked {
            Ok(verified) => {
                let (unit, seq) = (verified.demand.unit.unit_code.clone(), verified.demand.lane_seq);
                bench.lanes.admit(unit, seq, parcel.tag(), Job { parcel, verified });
            }
            Err(refusal) => {
                // The id is a claim of the message, but it is what an operator can look for; any other text is not printed.
                let claimed = parcel.text(header::REQUEST_ID).and_then(|text| text.parse::<Uuid>().ok());
                tracing::error!(
                    code = %refusal.code(), registry = %self.code, request_id = claimed.map(tracing::field::display),
                    reason = %refusal, "a delivery is parked unread"
                );
                parcel.park().await;
                bench.subscription.settled(parcel.tag());
                bench.shared.status.counted(|counts| counts.parked += 1);
            }
        }
    }

    /// Notes the end of one piece of work; gives the reason when the registry must be paused.
    async fn done(
        &self,
        bench: &mut Bench<'_>,
        done: Result<Done, JoinError>,
    ) -> Result<Option<String>, BusError> {
        let Done { unit, job, end } = done.map_err(|error| BusError::Queue {
            queue: self.code.demand_queue(),
            what: format!("the work on a delivery broke off: {error}"),
            source: None,
        })?;
        let request_id = job.verified.demand.request_id;
        match end {
            End::Settled | End::Park { code: Code::Refused | Code::ReturnRefused, .. } => {
                let mut memory = self.memory();
                memory.blame.answered(request_id);
                memory.pauses.reset();
            }
            End::Park { .. } => self.memory().blame.forget(request_id),
            End::Lost => return Ok(None),
            End::Unwell { reason } => {
                if !self.memory().blame.failed(request_id, bench.shared.config.pace.isolate_after) {
                    return Ok(Some(reason));
                }
                tracing::error!(
                    code = %Code::Isolated, registry = %self.code, %request_id, reason,
                    "the demand is parked: the local system takes others and fails on this one each time"
                );
                job.parcel.park().await;
                bench.shared.status.counted(|counts| counts.parked += 1);
            }
        }
        bench.subscription.settled(job.parcel.tag());
        bench.lanes.finish(&unit);
        Ok(None)
    }

    /// Ends consuming in order: nothing new starts, what is in hand may finish, the rest goes back to the queue.
    async fn put_down(&self, mut bench: Bench<'_>, ended: &Ended) -> Result<(), BusError> {
        let config = &bench.shared.config;
        let grace = match ended {
            Ended::Stopped => config.grace,
            Ended::Unwell => config.pace.deliver_timeout,
        };
        let until = Instant::now() + grace;
        bench.subscription.cancel().await;
        while !bench.work.is_empty() {
            tokio::select! {
                Some(done) = bench.work.join_next() => {
                    self.done(&mut bench, done).await?;
                }
                () = tokio::time::sleep_until(until) => {
                    tracing::warn!(
                        code = %Code::LateStop, registry = %self.code, in_hand = bench.work.len(),
                        "work did not finish in time; its deliveries go back to the queue"
                    );
                    break;
                }
            }
        }
        bench.work.shutdown().await;
        tracing::info!(registry = %self.code, returned = bench.subscription.held(), "no longer consuming");
        bench.subscription.return_all().await;
        Ok(())
    }

    fn pause(&self, shared: &Shared, reason: String) {
        self.memory().paused = true;
        tracing::error!(
            code = %Code::Paused, registry = %self.code, reason,
            "paused: the local system is unwell; its demands wait in the queue while the delivery window runs"
        );
        shared.status.stands(&self.code, Standing::Paused, Some(reason));
    }

    /// Asks the local system until it is well; false when the connector stops first.
    async fn wait_until_well(&self, shared: &Shared, stop: &CancellationToken) -> bool {
        loop {
            let wait = self.memory().pauses.wait();
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(wait) => {}
            }
            let health = tokio::time::timeout(PROBE_TIMEOUT, shared.adapter.health(&self.code));
            let health = tokio::select! {
                () = stop.cancelled() => return false,
                health = health => health,
            };
            match health {
                Ok(Ok(())) => {
                    self.memory().paused = false;
                    tracing::info!(registry = %self.code, "resumed: the local system is well again");
                    return true;
                }
                Ok(Err(error)) => {
                    tracing::debug!(registry = %self.code, error = chain(&error), "still unwell")
                }
                Err(_) => {
                    tracing::debug!(registry = %self.code, "still unwell: the health check takes too long")
                }
            }
        }
    }
}
