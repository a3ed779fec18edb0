//! One world under test: submissions that are written down and repeated until accepted, questions to the ledger, and the
//! judgement at the end.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use harness::invariants::{
    self, Attempt, ClientLog, Entry, Evidence, JournalLine, Outcome, Queue, Settled, Watcher, connect,
    read_journal,
};
use harness::wait::{self, Step};
use harness::world::{Builder, Papers, World, demand, request_ids};
use serde_json::{Value, json};
use uuid::Uuid;
use xiezhi_schemas::message::Kind;

/// The province of most tests.
pub const PROVINCE: &str = "32";
/// Its first registry.
pub const REGISTRY: &str = "320102";
/// Time for a program to be ready again, and for the road to come to rest.
pub const SOON: Duration = Duration::from_secs(60);

/// A world, what was submitted to it and what was seen of it.
pub struct Run {
    // First, as its end copies what goes with the world.
    logs: KeepLogs,
    pub world: World,
    log: ClientLog,
    papers: Papers,
    watcher: Option<Watcher>,
    begun: Instant,
}

impl Run {
    /// Brings the world up and begins to watch it.
    pub async fn start(builder: Builder) -> Self {
        let begun = Instant::now();
        let world = Box::pin(builder.start()).await.unwrap();
        let papers = Papers::of_case("Faults", 1);
        world.court("court-a").upload_all(&papers).await.unwrap();
        let watcher = Watcher::start(&world.ground().database_url(), Duration::from_secs(1));
        println!("the world is up after {:.1} s", begun.elapsed().as_secs_f64());
        let logs = KeepLogs(world.dir().to_owned());
        Self { logs, world, log: ClientLog::default(), papers, watcher: Some(watcher), begun }
    }

    /// Says how far the test is.
    pub fn tell(&self, what: &str) {
        println!("{:6.1} s  {what}", self.begun.elapsed().as_secs_f64());
    }

    /// A demand for one new unit of a registry.
    pub fn demand(&self, registry: &str) -> Value {
        demand(Kind::Seizure, registry).papers(&self.papers).build().value()
    }

    /// One attempt, written down; what came back.
    pub async fn attempt(&self, body: &Value) -> Outcome {
        let court = self.world.court("court-a");
        let begin = Instant::now();
        let answer = tokio::time::timeout(Duration::from_secs(15), court.try_submit(body)).await;
        let outcome = match answer {
            Ok(Ok(answer)) => Outcome::Answered { status: answer.status.as_u16(), body: answer.body },
            Ok(Err(error)) => Outcome::NoAnswer { why: format!("{error:#}") },
            Err(_) => Outcome::NoAnswer { why: "waited in vain".to_owned() },
        };
        self.log.add(Attempt {
            sender: court.name().to_owned(),
            key: body["demand_id"].as_str().unwrap().to_owned(),
            meaning: Attempt::meaning_of(body),
            latency: begin.elapsed(),
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Submits as a court does: under the same key until it is accepted.
    pub async fn submit(&self, body: &Value) -> Uuid {
        let accepted =
            wait::until("a demand to be accepted", SOON, async || match self.attempt(body).await {
                Outcome::Answered { status: 200..=299, body } => Step::Done(request_ids(&body).unwrap()[0]),
                Outcome::Answered { status: 400..=499, body } => {
                    Step::Abort(anyhow::anyhow!("refused: {body}"))
                }
                other => Step::Again(format!("{other:?}")),
            });
        accepted.await.unwrap()
    }

    /// Submits `count` demands for different units of a registry, four at a time, each `pause` after the one before.
    pub async fn submit_many(&self, registry: &str, count: usize, pause: Duration) -> Vec<Uuid> {
        let (next, begin) = (AtomicUsize::new(0), Instant::now());
        let work = async || {
            let mut ids = Vec::new();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                if place >= count {
                    return anyhow::Ok(ids);
                }
                let due = pause * u32::try_from(place)?;
                tokio::time::sleep(due.saturating_sub(begin.elapsed())).await;
                ids.push(self.submit(&self.demand(registry)).await);
            }
        };
        try_join_all((0..4).map(|_| work())).await.unwrap().concat()
    }

    /// What was answered so far, as (status, code).
    pub fn answers(&self) -> Vec<(u16, String)> {
        let attempts = self.log.attempts();
        let answer = |attempt: &Attempt| match &attempt.outcome {
            Outcome::Answered { status, body } => {
                Some((*status, body["code"].as_str().unwrap_or_default().to_owned()))
            }
            Outcome::NoAnswer { .. } => None,
        };
        attempts.iter().filter_map(answer).collect()
    }

    /// One number that a statement gives.
    pub async fn count(&self, sql: &str) -> i64 {
        let client = connect(&self.world.ground().database_url()).await.unwrap();
        client.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// Waits until a statement gives this number.
    pub async fn wait_for_count(&self, what: &str, sql: &str, number: i64, within: Duration) {
        let url = self.world.ground().database_url();
        let reached = wait::until(what, within, async || {
            let found: i64 = match connect(&url).await {
                Ok(client) => match client.query_one(sql, &[]).await {
                    Ok(row) => row.get(0),
                    Err(error) => return Step::Again(error.to_string()),
                },
                Err(error) => return Step::Again(error.to_string()),
            };
            if found == number { Step::Done(()) } else { Step::Again(format!("it is {found}")) }
        });
        reached.await.unwrap();
    }

    /// All receipts, each as the whole row: registry, number, times, hashes.
    pub async fn receipts(&self) -> Vec<Value> {
        let client = connect(&self.world.ground().database_url()).await.unwrap();
        let sql = "SELECT row_to_json(c)::text FROM inv_receipt c ORDER BY registry, no";
        let rows = client.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(row.get(0)).unwrap()).collect()
    }

    /// The receipts of one request; there may be one at the most, but that is for the test to say.
    pub async fn receipts_of(&self, request: Uuid) -> Vec<Value> {
        let id = request.to_string();
        self.receipts().await.into_iter().filter(|receipt| receipt["request_id"] == id.as_str()).collect()
    }

    /// Heads of the ledger by registry.
    pub async fn heads(&self) -> Vec<Value> {
        let client = connect(&self.world.ground().database_url()).await.unwrap();
        let sql = "SELECT json_build_object('registry', registry, 'size', size, 'hash', hash)::text \
                   FROM inv_head ORDER BY registry";
        let rows = client.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(row.get(0)).unwrap()).collect()
    }

    pub async fn wait_for_state(&self, request: Uuid, state: &str, within: Duration) {
        self.world.court("court-a").wait_for_state(request, state, within).await.unwrap();
    }

    pub async fn state(&self, request: Uuid) -> String {
        self.world.court("court-a").state(request).await.unwrap()
    }

    /// What the registry's own book says of a request: how often it was taken, and how often it came again.
    pub async fn book(&self, request: Uuid) -> (usize, usize) {
        let id = request.to_string();
        let lines = read_journal(&self.world.journal(PROVINCE).await.unwrap()).unwrap();
        let of = |meant: fn(&Entry) -> bool| {
            lines.iter().filter(|line| line.request_id == id && meant(&line.entry)).count()
        };
        (
            of(|entry| matches!(entry, Entry::Taken { .. })),
            of(|entry| matches!(entry, Entry::Duplicate { .. })),
        )
    }

    /// Waits until all of these are registered, and looks into the registry's book: each was taken once.
    pub async fn all_registered_and_taken_once(&self, requests: &[Uuid]) {
        let unfinished = "SELECT count(*) FROM inv_request WHERE state <> 'registered'";
        self.wait_for_count("everything to be registered", unfinished, 0, SOON).await;
        let lines = read_journal(&self.world.journal(PROVINCE).await.unwrap()).unwrap();
        let mut taken: Vec<&str> = lines
            .iter()
            .filter(|line| matches!(line.entry, Entry::Taken { .. }))
            .map(|line| line.request_id.as_str())
            .collect();
        let all = taken.len();
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), all, "something was filed twice");
        assert!(requests.iter().all(|id| taken.binary_search(&id.to_string().as_str()).is_ok()), "not filed");
    }

    /// Messages of a queue that wait and that are in somebody's hands, as soon as the broker has counted them.
    pub async fn depth(&self, queue: &str) -> Option<(u64, u64)> {
        let management = self.world.ground().management().unwrap();
        let found = management.get(&["queues", &self.world.ground().vhost(), queue]).await.unwrap();
        found["messages_ready"].as_u64().zip(found["messages_unacknowledged"].as_u64())
    }

    pub async fn wait_for_depth(&self, queue: &str, depth: (u64, u64)) {
        let what = format!("{queue} to hold {depth:?}");
        let reached = wait::until(&what, SOON, async || {
            let found = self.depth(queue).await;
            if found == Some(depth) { Step::Done(()) } else { Step::Again(format!("it holds {found:?}")) }
        });
        reached.await.unwrap();
    }

    /// Sends again what is undelivered, until nothing is or five rounds were in vain. Gives the number.
    pub async fn replay_undelivered(&self) -> i64 {
        let mut replayed = 0;
        for _ in 0..5 {
            self.rest(SOON).await.unwrap();
            let open = self.count("SELECT count(*) FROM inv_request WHERE state = 'undelivered'").await;
            if open == 0 {
                break;
            }
            replayed += open;
            self.world.operator().replay(&json!({"filter": {}}), "the fault is repaired").await.unwrap();
        }
        replayed
    }

    /// Waits until nothing is in flight and nothing unconfirmed.
    async fn rest(&self, within: Duration) -> anyhow::Result<()> {
        const LEFT: &str = "SELECT (SELECT count(*) FROM inv_request WHERE state = 'in_flight') \
                            + (SELECT count(*) FROM inv_outbox WHERE confirmed_at IS NULL)";
        let url = self.world.ground().database_url();
        wait::until("rest", within, async || {
            let look =
                async { anyhow::Ok(connect(&url).await?.query_one(LEFT, &[]).await?.get::<_, i64>(0)) };
            match look.await {
                Ok(0) => Step::Done(()),
                Ok(left) => Step::Again(format!("{left} requests and outbox rows are under way")),
                Err(error) => Step::Again(format!("{error:#}")),
            }
        })
        .await
    }

    /// Waits for rest and for all results, then checks every invariant for which there is evidence, and ends the world.
    pub async fn judge(mut self) {
        let since = Instant::now();
        let settled = match self.rest(Duration::from_secs(75)).await {
            Ok(()) => Settled::After(since.elapsed()),
            Err(error) => Settled::Not { waited: since.elapsed(), left: format!("{:#}", error.root_cause()) },
        };
        let undecided = "SELECT count(*) FROM inv_request WHERE state = 'delivered'";
        self.wait_for_count("all results", undecided, 0, SOON).await;
        let watched = self.watcher.take().unwrap().stop().await;
        assert!(watched.violations.is_empty(), "while it ran: {:?}", watched.violations);
        let url = self.world.ground().database_url();
        let mut copies = watched.copies;
        copies.take(&connect(&url).await.unwrap()).await.unwrap();
        let ground = self.world.ground();
        let counts = Duration::from_secs(20);
        let (management, vhost) = (ground.management().unwrap(), ground.vhost());
        let broker = invariants::look(&management, &vhost, &ground.broker_url(), counts).await.unwrap();
        let evidence = Evidence {
            database_url: url,
            clients: Some(self.log.attempts()),
            journals: Some(self.journals().await),
            broker: Some(broker),
            copies: Some(copies),
            settled: Some(settled),
            shown: None,
            queues: Some(self.queues().await),
        };
        let report = invariants::check(&evidence).await.unwrap();
        assert!(report.violated().is_empty(), "\n{report}");
        self.tell("judged");
        let unseen: Vec<_> = report.not_checked().map(|finding| finding.id).collect();
        assert_eq!(unseen, ["V19"], "only the lists of demands are another test's matter");
        drop(self.logs);
        Box::pin(self.world.finish()).await.unwrap();
    }

    /// The queues of some units, those that most demands want first.
    async fn queues(&self) -> Vec<Queue> {
        let client = connect(&self.world.ground().database_url()).await.unwrap();
        let units = "SELECT unit_key FROM inv_request GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 20";
        let mut queues = Vec::new();
        for row in client.query(units, &[]).await.unwrap() {
            let unit: String = row.get(0);
            queues.push(Queue::read(&unit, &self.world.operator().queue(&unit).await.unwrap()).unwrap());
        }
        queues
    }

    async fn journals(&self) -> Vec<JournalLine> {
        let mut lines = Vec::new();
        for county in self.world.counties().values() {
            lines.extend(read_journal(&county.journal().await.unwrap()).unwrap());
        }
        lines
    }
}

/// The directory with the logs.
struct KeepLogs(PathBuf);

impl Drop for KeepLogs {
    /// Copies the logs of a failed test out of the directory that goes with the world.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let name = std::thread::current().name().unwrap_or("faults").replace("::", "-");
        let target: PathBuf = std::env::temp_dir().join(format!("xiezhi-{name}-{}", std::process::id()));
        let logs = std::fs::read_dir(&self.0).into_iter().flatten().flatten().map(|entry| entry.path());
        drop(std::fs::create_dir_all(&target));
        for log in logs.filter(|path| path.extension().is_some_and(|extension| extension == "log")) {
            drop(std::fs::copy(&log, target.join(log.file_name().unwrap_or_default())));
        }
        eprintln!("logs of the failed test are in {}", target.display());
    }
}
