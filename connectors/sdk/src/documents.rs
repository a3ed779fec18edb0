//! Documents by claim check: fetched with the connector's own credential, compared with the digest in the signed demand, and
//! kept for a while, because all units of one demand name the same ones.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Semaphore;
use uuid::Uuid;
use xiezhi_schemas::message::{Attachment, Demand, Digest};

use crate::{
    adapter::FetchedDocument,
    config,
    hub::{HubClient, HubError},
};

/// Fetches and checks documents.
pub(crate) struct Documents {
    hub: HubClient,
    max_bytes: u64,
    slots: Semaphore,
    cache: Mutex<Cache>,
}

impl Documents {
    pub(crate) fn new(hub: HubClient, config: &config::Documents) -> Self {
        Self {
            hub,
            max_bytes: config.max_bytes,
            slots: Semaphore::new(config.parallel),
            cache: Mutex::new(Cache::new(config.cache_bytes)),
        }
    }

    /// All documents of one demand, in the order of its attachments.
    pub(crate) async fn fetch(&self, demand: &Demand) -> Result<Vec<FetchedDocument>, HubError> {
        let mut documents = Vec::with_capacity(demand.attachments.len());
        for claim in &demand.attachments {
            let bytes = self.one(demand.request_id, claim).await?;
            documents.push(FetchedDocument { claim: claim.clone(), bytes });
        }
        Ok(documents)
    }

    /// One document of a request: of its demand, or the letter of a withdrawal.
    pub(crate) async fn one(&self, request_id: Uuid, claim: &Attachment) -> Result<Bytes, HubError> {
        if let Some(bytes) = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&claim.sha256)
            && bytes.len() as u64 == claim.size
        {
            return Ok(bytes);
        }
        let wrong = |what: String| HubError::Document { sha256: claim.sha256.to_string(), request_id, what };
        if claim.size > self.max_bytes {
            return Err(wrong(format!(
                "has {} bytes, more than documents.max_bytes = {}",
                claim.size, self.max_bytes
            )));
        }
        let _slot = self.slots.acquire().await.expect("the semaphore is never closed");
        let bytes = self.hub.document(request_id, claim).await?;
        if bytes.len() as u64 != claim.size {
            return Err(wrong(format!("has {} bytes instead of {}", bytes.len(), claim.size)));
        }
        if Digest::of(&bytes) != claim.sha256 {
            return Err(wrong("has another digest than the demand names".into()));
        }
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(claim.sha256.clone(), bytes.clone());
        Ok(bytes)
    }
}

/// The documents used last, up to a number of bytes.
struct Cache {
    most: u64,
    held: u64,
    clock: u64,
    entries: HashMap<Digest, (Bytes, u64)>,
}

impl Cache {
    fn new(most: u64) -> Self {
        Self { most, held: 0, clock: 0, entries: HashMap::new() }
    }

    fn get(&mut self, digest: &Digest) -> Option<Bytes> {
        self.clock += 1;
        let (bytes, used) = self.entries.get_mut(digest)?;
        *used = self.clock;
        Some(bytes.clone())
    }

    fn put(&mut self, digest: Digest, bytes: Bytes) {
        let size = bytes.len() as u64;
        if size > self.most || self.entries.contains_key(&digest) {
            return;
        }
        while self.held + size > self.most {
            let oldest =
                self.entries.iter().min_by_key(|(_, (_, used))| *used).map(|(digest, _)| digest.clone());
            let Some((gone, _)) = oldest.and_then(|digest| self.entries.remove(&digest)) else { break };
            self.held -= gone.len() as u64;
        }
        self.clock += 1;
        self.held += size;
        self.entries.insert(digest, (bytes, self.clock));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_drops_what_was_used_longest_ago() {
        let texts: [&'static [u8]; 4] = [b"aaaa", b"bbbb", b"cccc", b"too large for it"];
        let digests = texts.map(Digest::of);
        let mut cache = Cache::new(8);
        cache.put(digests[0].clone(), Bytes::from_static(texts[0]));
        cache.put(digests[1].clone(), Bytes::from_static(texts[1]));
        assert!(cache.get(&digests[0]).is_some());
        cache.put(digests[2].clone(), Bytes::from_static(texts[2]));
        cache.put(digests[3].clone(), Bytes::from_static(texts[3]));
        assert!(cache.get(&digests[0]).is_some());
        assert!(cache.get(&digests[1]).is_none());
        assert!(cache.get(&digests[2]).is_some());
        assert!(cache.get(&digests[3]).is_none());
        assert_eq!(cache.held, 8);
    }
}
