//! The county's own book: one JSON line per event, forced to disk before anything is answered on the strength of it.
//!
//! Lines that arrive while the disk is busy are written and forced together, so that a load test measures the hub and not the
//! simulator's disk. The tests compare this book with the ledger.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::filing::Filing;

/// One line of the book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Number of the line, from 1.
    pub seq: u64,
    /// When it was written, county's clock.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A demand was taken.
    Taken {
        /// Number under which the county keeps it.
        reference: String,
        /// The demand.
        #[serde(flatten)]
        filing: Filing,
    },
    /// A demand that is held came again.
    Duplicate {
        /// The registry.
        registry: String,
        /// The request.
        request_id: Uuid,
        /// Digest of what came now.
        body_sha256: String,
    },
    /// A demand was returned at the door.
    Turned {
        /// The registry.
        registry: String,
        /// The request.
        request_id: Uuid,
    },
    /// What was taken is void.
    Voided {
        /// The registry.
        registry: String,
        /// The request.
        request_id: Uuid,
        /// Why, as the connector says.
        reason: String,
    },
    /// A demand was decided.
    Decided {
        /// The registry.
        registry: String,
        /// The request.
        request_id: Uuid,
        /// Id under which the outcome is offered.
        outcome_id: String,
        /// Whether it repeats or contradicts an earlier outcome of the request.
        echo: bool,
        /// `{"result": …}` or `{"return": …}` as offered.
        outcome: Value,
    },
    /// A waiting seizure became formal, and its demand wants it told.
    Converted {
        /// The registry.
        registry: String,
        /// The request whose seizure it is.
        request_id: Uuid,
        /// Id under which it is offered.
        outcome_id: String,
        /// `{"conversion": …}` as offered.
        outcome: Value,
    },
    /// A wish for withdrawal came and was answered at once.
    Wished {
        /// The registry.
        registry: String,
        /// The request.
        request_id: Uuid,
        /// The wish.
        withdrawal_id: Uuid,
        /// Digest of the letter as it came.
        letter_sha256: String,
        /// Whether the county agreed.
        agreed: bool,
        /// Id under which the answer is offered.
        outcome_id: String,
        /// `{"return": …}` or `{"declined": …}` as offered.
        outcome: Value,
    },
    /// A demand came over the county's own link (点对点).
    Linked {
        /// The registry.
        registry: String,
        /// Id under which the receipt is offered.
        receipt_id: String,
        /// The local system's record: number, instant, system.
        local: Value,
        /// The demand as it came; the county is where it is kept.
        demand: Value,
        /// One for each unit, under ids that only the county knows.
        filings: Vec<Filing>,
    },
    /// The hub has spoken about a receipt of the link.
    LinkSettled {
        /// The registry.
        registry: String,
        /// Id of the receipt.
        receipt_id: String,
        /// What it said.
        verdict: Value,
    },
    /// The hub has the outcome.
    Settled {
        /// The registry.
        registry: String,
        /// Id of the outcome.
        outcome_id: String,
    },
}

impl Event {
    /// The registry it belongs to.
    pub fn registry(&self) -> &str {
        match self {
            Self::Taken { filing, .. } => &filing.registry,
            Self::Duplicate { registry, .. }
            | Self::Turned { registry, .. }
            | Self::Voided { registry, .. }
            | Self::Decided { registry, .. }
            | Self::Converted { registry, .. }
            | Self::Wished { registry, .. }
            | Self::Linked { registry, .. }
            | Self::LinkSettled { registry, .. }
            | Self::Settled { registry, .. } => registry,
        }
    }
}

/// The book was not written; the county must not answer as if it were.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot be written; the simulator answers 503 until it is started again")]
pub struct JournalClosed;

/// Resolves when a line and all lines before it are on disk.
#[derive(Debug)]
#[must_use = "nothing may be answered before the line is on disk"]
pub struct Durable(Option<oneshot::Receiver<()>>);

impl Durable {
    /// Waits for the disk.
    ///
    /// # Errors
    /// When the line was not written.
    pub async fn wait(self) -> Result<(), JournalClosed> {
        self.0.ok_or(JournalClosed)?.await.map_err(|_| JournalClosed)
    }
}

struct Line {
    bytes: Vec<u8>,
    done: oneshot::Sender<()>,
}

struct Writer {
    seq: u64,
    lines: Option<mpsc::Sender<Line>>,
    thread: Option<JoinHandle<()>>,
}

/// The open book.
pub struct Journal {
    path: PathBuf,
    writer: Mutex<Writer>,
    syncs: std::sync::Arc<AtomicU64>,
}

impl Journal {
    /// Opens or begins the book in `dir` and reads what it holds. A last line that was written by half is cut off: its
    /// answer was never given.
    ///
    /// # Errors
    /// When another process has it open, the disk refuses, or a line other than the last cannot be read.
    pub fn open(dir: &Path) -> anyhow::Result<(Self, Vec<Record>)> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let path = dir.join("county.jsonl");
        let show = path.display();
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot open {show}"))?;
        file.try_lock().with_context(|| format!("{show} is in use by another process"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).with_context(|| format!("cannot read {show}"))?;
        let (records, good) = parse(&bytes).with_context(|| format!("{show} is damaged"))?;
        if good < bytes.len() {
            tracing::warn!(lost_bytes = bytes.len() - good, "cut off a half-written last line");
            file.set_len(u64::try_from(good)?)?;
        }
        file.seek(SeekFrom::End(0))?;
        file.sync_all()?;
        File::open(dir)?.sync_all()?;

        let (lines, inbox) = mpsc::channel();
        let syncs = std::sync::Arc::new(AtomicU64::new(0));
        let count = std::sync::Arc::clone(&syncs);
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || {
            if let Err(error) = write_all(file, &inbox, &count) {
                tracing::error!(%error, "the journal cannot be written");
            }
        })?;
        let seq = records.last().map_or(0, |record: &Record| record.seq);
        let writer = Mutex::new(Writer { seq, lines: Some(lines), thread: Some(thread) });
        Ok((Self { path, writer, syncs }, records))
    }

    /// Adds one line after all earlier ones; the caller waits for the disk before it answers.
    pub fn append(&self, at: Timestamp, event: Event) -> Durable {
        let mut writer = self.writer.lock().expect("no holder of this lock panics");
        writer.seq += 1;
        let record = Record { seq: writer.seq, at, event };
        let mut bytes = serde_json::to_vec(&record).expect("a record has string keys only");
        bytes.push(b'\n');
        let (done, wait) = oneshot::channel();
        let sent = writer.lines.as_ref().is_some_and(|lines| lines.send(Line { bytes, done }).is_ok());
        Durable(sent.then_some(wait))
    }

    /// How often the disk was forced, and how many lines the book has.
    pub fn numbers(&self) -> (u64, u64) {
        let seq = self.writer.lock().expect("no holder of this lock panics").seq;
        (self.syncs.load(Ordering::Relaxed), seq)
    }

    /// What the disk holds now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self) -> anyhow::Result<Vec<Record>> {
        Ok(parse(&std::fs::read(&self.path)?)?.0)
    }

    /// Writes what is queued and lets go of the file; later lines are refused.
    pub fn close(&self) {
        let thread = {
            let mut writer = self.writer.lock().expect("no holder of this lock panics");
            writer.lines = None;
            writer.thread.take()
        };
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the journal's thread panicked");
        }
    }
}

/// Good records and the length of the part that holds them.
fn parse(bytes: &[u8]) -> anyhow::Result<(Vec<Record>, usize)> {
    let mut records = Vec::new();
    let mut good = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let last = good + line.len() == bytes.len();
        match serde_json::from_slice(line) {
            Ok(record) if line.ends_with(b"\n") => records.push(record),
            Ok(_) => break,
            Err(_) if last => break,
            Err(error) => anyhow::bail!("line {} cannot be read: {error}", records.len() + 1),
        }
        good += line.len();
    }
    Ok((records, good))
}

/// Writes batches until all senders are gone; an error ends it and with it every waiting answer.
fn write_all(mut file: File, inbox: &mpsc::Receiver<Line>, syncs: &AtomicU64) -> io::Result<()> {
    while let Ok(first) = inbox.recv() {
        let mut bytes = first.bytes;
        let mut waiting = vec![first.done];
        while let Ok(line) = inbox.try_recv() {
            bytes.extend_from_slice(&line.bytes);
            waiting.push(line.done);
        }
        file.write_all(&bytes)?;
        file.sync_data()?;
        syncs.fetch_add(1, Ordering::Relaxed);
        for done in waiting {
            // Whoever asked may have gone; the line stands all the same.
            done.send(()).ok();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn turned(n: u128) -> Event {
        Event::Turned { registry: "320102".into(), request_id: Uuid::from_u128(n) }
    }

    #[tokio::test]
    async fn a_half_written_last_line_is_cut_and_the_rest_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, old) = Journal::open(dir.path()).unwrap();
        assert!(old.is_empty());
        for n in 1..=3 {
            journal.append(Timestamp::UNIX_EPOCH, turned(n)).wait().await.unwrap();
        }
        journal.close();
        assert!(journal.append(Timestamp::UNIX_EPOCH, turned(4)).wait().await.is_err());
        let path = dir.path().join("county.jsonl");
        let whole = std::fs::read(&path).unwrap();
        let second = whole.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(1).unwrap().0 + 1;
        for length in second..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let (journal, old) = Journal::open(dir.path()).unwrap();
            assert_eq!(old.len(), 2, "cut at {length}");
            journal.append(Timestamp::UNIX_EPOCH, turned(9)).wait().await.unwrap();
            journal.close();
            assert_eq!(journal.read().unwrap().last().unwrap().seq, 3);
        }
        let mut damaged = whole;
        damaged[3] = b'#';
        std::fs::write(&path, damaged).unwrap();
        assert!(Journal::open(dir.path()).is_err(), "damage in the middle is not cut away");
    }

    #[tokio::test]
    async fn one_process_at_a_time_and_lines_share_a_sync() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(dir.path()).unwrap();
        assert!(Journal::open(dir.path()).is_err());
        let waits: Vec<_> = (0..500).map(|n| journal.append(Timestamp::UNIX_EPOCH, turned(n))).collect();
        for wait in waits {
            wait.wait().await.unwrap();
        }
        let (syncs, lines) = journal.numbers();
        assert_eq!(lines, 500);
        assert!(syncs < 500, "{syncs} syncs for 500 lines");
        assert_eq!(journal.read().unwrap().len(), 500);
    }
}
