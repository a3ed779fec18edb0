//! Checks a ledger from its beginning: numbers, times, hashes, head, signature, witness.

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use xiezhi_schemas::address::RegistryCode;

use super::{
    chain::{self, Facts},
    heads::{HeadError, HeadSigner, witnessed},
};
use crate::store::{
    Store,
    ledger::{self, Line, PublishedHead},
};

/// Lines read at once.
const PAGE: i64 = 5_000;

/// What was found at one registry.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Registry.
    pub registry: RegistryCode,
    /// Lines read.
    pub receipts: i64,
    /// Hash of the last good line, hexadecimal.
    pub head: String,
    /// The first thing that is wrong; none when all is well.
    pub wrong: Option<String>,
}

/// Verifies one registry or all; calls `progress` with the lines read so far.
///
/// # Errors
/// When the ledger cannot be read; what is wrong *in* it is a finding.
pub async fn verify(
    store: &Store,
    only: Option<&RegistryCode>,
    signer: &HeadSigner,
    witness_file: Option<&Path>,
    mut progress: impl FnMut(i64),
) -> Result<Vec<Finding>, HeadError> {
    let witnesses = witnessed(witness_file)?;
    let client = store.client().await?;
    let mut findings = Vec::new();
    let mut read = 0;
    for head in ledger::heads(&client, only).await? {
        let mut walk = Walk::new(&head.registry);
        let witness = witnesses.get(&head.registry);
        let mut wrong = None;
        while wrong.is_none() {
            let lines = ledger::lines(&client, &head.registry, walk.size, PAGE).await?;
            if lines.is_empty() {
                break;
            }
            for line in &lines {
                wrong = walk.step(line).err();
                if wrong.is_some() {
                    break;
                }
                if let Some(w) = witness.filter(|w| w.size == walk.size && w.hash != hex::encode(walk.hash)) {
                    wrong =
                        Some(format!("line {} differs from the head witnessed at {}", w.size, w.signed_at));
                    break;
                }
                if let Some((size, hash, ..)) = &head.signed
                    && *size == walk.size
                    && *hash != walk.hash
                {
                    wrong = Some(format!("line {size} differs from the head that was signed"));
                    break;
                }
                read += 1;
            }
            progress(read);
        }
        if wrong.is_none() {
            wrong = check_head(&head, &walk, signer).err();
        }
        if wrong.is_none()
            && let Some(w) = witness.filter(|w| w.size > walk.size)
        {
            wrong =
                Some(format!("{} lines were witnessed at {}, {} are left", w.size, w.signed_at, walk.size));
        }
        findings.push(Finding {
            registry: head.registry.clone(),
            receipts: walk.size,
            head: hex::encode(walk.hash),
            wrong,
        });
    }
    Ok(findings)
}

fn check_head(head: &PublishedHead, walk: &Walk<'_>, signer: &HeadSigner) -> Result<(), String> {
    if head.size < walk.size {
        return Err(format!("{} lines stand behind the head of size {}", walk.size, head.size));
    }
    // Lines that were appended while the walk was under way are no finding: the head was read first.
    if head.size > walk.size {
        return Err(format!("the head says {} lines, {} are there", head.size, walk.size));
    }
    if head.hash != walk.hash {
        return Err(format!("the head's hash is not that of line {}", walk.size));
    }
    match &head.signed {
        Some((size, hash, at, signature))
            if !signer.verify(head.registry.as_str(), *size, hash, *at, signature) =>
        {
            Err(format!("the signature over {size} lines does not verify with this key"))
        }
        _ => Ok(()),
    }
}

struct Walk<'a> {
    registry: &'a RegistryCode,
    size: i64,
    hash: [u8; 32],
    last: Option<Timestamp>,
}

impl<'a> Walk<'a> {
    fn new(registry: &'a RegistryCode) -> Self {
        Self { registry, size: 0, hash: chain::genesis(registry.as_str()), last: None }
    }

    fn step(&mut self, line: &Line) -> Result<(), String> {
        let no = self.size + 1;
        if line.no != no {
            return Err(format!("line {no} is missing; the next one is {}", line.no));
        }
        if self.last.is_some_and(|last| line.recorded_at <= last) {
            return Err(format!("line {no} is not later than the one before"));
        }
        if line.prev_hash != self.hash {
            return Err(format!("line {no} does not follow from the one before"));
        }
        let facts = Facts {
            registry: self.registry.as_str(),
            no: line.no,
            request_id: line.request_id,
            message_id: line.message_id,
            body_sha256: &line.body_sha256,
            channel: &line.channel,
            delivered_at: line.delivered_at,
            recorded_at: line.recorded_at,
        };
        let hash = chain::link(&self.hash, &facts);
        if line.hash != hash {
            return Err(format!("line {no} was changed: its hash does not fit its contents"));
        }
        *self = Self { registry: self.registry, size: no, hash, last: Some(line.recorded_at) };
        Ok(())
    }
}
