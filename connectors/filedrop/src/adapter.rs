//! The wiring: write, wait, read, classify. Every step on the disk runs beside the runtime and has a time limit, because a
//! file server that hangs never answers at all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use connector_sdk::{
    Adapter, AdapterError, ConfigError, DeliveryOrder, LocalOutcome, LocalReceiptOffer, Outcome, Preview,
    WithdrawalOrder,
};
use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;
use xiezhi_schemas::{
    address::RegistryCode,
    message::{LocalReceiptVerdict, MappingVersion, WithdrawalTaking},
};

use crate::{
    classify,
    config::Config,
    desk::{Desk, Found, Handed},
    encode::Codec,
    folder::{Folder, FolderError, Place},
    mapping_file,
    names::{Incoming, Number, is_offer_id},
    read::{self, Answer, Question},
    steady::Watch,
};

/// Exchanges files as `README.md` says, with the registries of one configuration.
#[derive(Debug)]
pub struct FileDrop {
    config: Config,
    /// Replaced as a whole when the mapping file is read again.
    codec: RwLock<Arc<Codec>>,
    watches: Mutex<HashMap<RegistryCode, Arc<Watch>>>,
    #[cfg(test)]
    pub(crate) life: Option<Arc<std::sync::atomic::AtomicUsize>>,
}

/// Why a step on the disk was not done, or may not have been.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("the exchange folder did not answer within `io_timeout_ms`; is its file server well?")]
    Hangs,
    #[error("no exchange folder is configured for this registry: set `root`, or `root` in its own table")]
    NotConfigured,
    #[error("the work on the exchange folder was ended")]
    Ended,
}

impl From<Trouble> for AdapterError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NotConfigured => Self::permanent(trouble.to_string()),
            other => Self::transient(other.to_string()),
        }
    }
}

impl FileDrop {
    /// An adapter that has not touched any folder yet.
    ///
    /// # Errors
    /// When the mapping file cannot be read or used.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let codec = codec(&config).map_err(|reason| ConfigError::new("mapping.file", reason))?;
        Ok(Self {
            config,
            codec: RwLock::new(codec),
            watches: Mutex::default(),
            #[cfg(test)]
            life: None,
        })
    }

    fn codec(&self) -> Arc<Codec> {
        Arc::clone(&self.codec.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn desk(&self, registry: &RegistryCode) -> Option<Desk> {
        #[cfg_attr(not(test), expect(unused_mut, reason = "tests end its life early"))]
        let mut folder = Folder::new(self.config.folder(registry)?);
        #[cfg(test)]
        folder.life.clone_from(&self.life);
        let mut watches = self.watches.lock().expect("no holder of this lock panics");
        let watch =
            watches.entry(registry.clone()).or_insert_with(|| Arc::new(Watch::new(self.config.steady)));
        Some(Desk {
            folder,
            registry: registry.clone(),
            codec: self.codec(),
            watch: Arc::clone(watch),
            max_bytes: self.config.max_bytes,
            min_free_bytes: self.config.min_free_bytes,
        })
    }

    /// Works on the folder of a registry, once all of its parts are there.
    async fn on<T: Send + 'static>(
        &self,
        registry: &RegistryCode,
        work: impl FnOnce(&Desk) -> Result<T, FolderError> + Send + 'static,
    ) -> Result<T, Trouble> {
        let desk = self.desk(registry).ok_or(Trouble::NotConfigured)?;
        let work = tokio::task::spawn_blocking(move || {
            desk.folder.present()?;
            work(&desk)
        });
        match timeout(self.config.io_timeout, work).await {
            Err(_) => Err(Trouble::Hangs),
            Ok(Err(_)) => Err(Trouble::Ended),
            Ok(Ok(done)) => Ok(done?),
        }
    }

    /// Looks for an answer until it is there; none when the time is over. What cannot be read is put aside, and the wait goes on.
    async fn answer(
        &self,
        registry: &RegistryCode,
        (incoming, question, request_id): (Incoming, Question, Uuid),
        give_up: Instant,
    ) -> Result<Option<(Found, Answer)>, Trouble> {
        loop {
            let incoming = incoming.clone();
            let look = move |desk: &Desk| {
                let Some(found) = desk.find(&incoming)? else { return Ok(None) };
                let number = match &incoming {
                    Incoming::Answer(number) | Incoming::VoidAnswer(number) => number.to_string(),
                    Incoming::WishAnswer(id) => id.simple().to_string(),
                    Incoming::Outcome(id) | Incoming::LocalReceipt(id) => id.clone(),
                };
                match read::answer(&desk.codec, (&found.bytes, found.ending), question, (&number, request_id))
                {
                    Ok(answer) => Ok(Some((found, answer))),
                    Err(wrong) => {
                        desk.put_aside(found.place, found.name.as_ref(), &wrong)?;
                        Ok(None)
                    }
                }
            };
            if let Some(found) = self.on(registry, look).await? {
                return Ok(Some(found));
            }
            let left = give_up.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            sleep(self.config.poll.min(left)).await;
        }
    }

    fn give_up(&self) -> Instant {
        Instant::now() + self.config.answer_within
    }

    async fn try_deliver(&self, order: &DeliveryOrder<'_>) -> Result<Outcome, Trouble> {
        let (demand, give_up) = (order.demand, self.give_up());
        let (registry, request_id) = (&demand.registry, demand.request_id);
        let numbered = move |desk: &Desk| {
            let number = desk.number(request_id)?;
            Ok((number, desk.is_voiding(number)?))
        };
        let (mut number, voiding) = self.on(registry, numbered).await?;
        if voiding {
            // A void that was begun comes first: what is handed over now must not be taken for what it voids.
            if !self.finish_void(registry, number, give_up).await? {
                return Ok(classify::unwell(unanswered("ResVoid", self.config.answer_within)));
            }
            number = number.next();
        }
        let parcel = match self.codec().demand(order, number) {
            Ok(parcel) => parcel,
            Err(refused) => return Ok(classify::refused(refused.code().as_str(), refused.to_string())),
        };
        for note in &parcel.notes {
            tracing::warn!(%request_id, note, "the mapping cut a field, as its rule says");
        }
        let (stem, incoming) = (parcel.stem.clone(), Incoming::Answer(number));
        let awaited = incoming.clone();
        let handed = self.on(registry, move |desk| desk.hand_over(&parcel, &awaited)).await?;
        let Handed::Over(mapping) = handed else {
            let reason = "another message was handed over under this request id, and a request never changes";
            return Ok(classify::refused("other_body", reason));
        };
        let asked = (incoming, Question::Demand, request_id);
        let Some((found, answer)) = self.answer(registry, asked, give_up).await? else {
            return Ok(classify::unwell(unanswered("Res", self.config.answer_within)));
        };
        let outcome = classify::delivery(answer, mapping, demand, Timestamp::now());
        let filed = classify::ends_the_round(&outcome).then(|| format!("Ref{number}"));
        self.on(registry, move |desk| desk.close(&stem, &found, filed.as_deref())).await?;
        Ok(outcome)
    }

    /// Waits until a void is heard, and ends it; false when nobody heard it in time.
    async fn finish_void(
        &self,
        registry: &RegistryCode,
        number: Number,
        give_up: Instant,
    ) -> Result<bool, Trouble> {
        let asked = (Incoming::VoidAnswer(number), Question::Void, number.request_id);
        let Some((found, _heard)) = self.answer(registry, asked, give_up).await? else { return Ok(false) };
        self.on(registry, move |desk| desk.close_void(number, &found)).await?;
        Ok(true)
    }

    async fn outcomes(
        &self,
        registry: &RegistryCode,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LocalOutcome>, AdapterError> {
        let after = after.map(str::to_owned);
        let work = move |desk: &Desk| {
            if after.is_none() {
                desk.tidy()?;
            }
            let id = |incoming: &Incoming| match incoming {
                Incoming::Outcome(id) => Some(id.clone()),
                _ => None,
            };
            let page = (after.as_deref(), limit);
            desk.offers(page, id, |file, id| read::outcome(&desk.codec, file, id, &desk.registry))
        };
        Ok(self.on(registry, work).await?)
    }
}

/// How the configuration says that messages are written and read; reads the mapping file.
fn codec(config: &Config) -> Result<Arc<Codec>, String> {
    let own = config.mapping_file.as_deref().map(mapping_file::load).transpose()?;
    Ok(Arc::new(Codec::new(config.format, config.charset, own)))
}

fn unanswered(stem: &str, within: Duration) -> String {
    format!("no {stem} file came within {} ms; what was written stays in `out`", within.as_millis())
}

#[async_trait]
impl Adapter for FileDrop {
    fn name(&self) -> &'static str {
        "filedrop"
    }

    async fn deliver(&self, order: &DeliveryOrder<'_>) -> Outcome {
        self.try_deliver(order).await.unwrap_or_else(|trouble| classify::unwell(trouble.to_string()))
    }

    fn preview(&self, order: &DeliveryOrder<'_>) -> Result<Preview, AdapterError> {
        let codec = self.codec();
        let parcel = codec
            .demand(order, Number::first(order.demand.request_id))
            .map_err(|refused| AdapterError::permanent(refused.to_string()))?;
        let others: Vec<_> =
            parcel.documents.iter().chain([&parcel.manifest]).map(|file| file.name.as_str()).collect();
        let media_type = codec
            .outbound()
            .and_then(connector_mapping::Mapping::media_type)
            .unwrap_or("application/json".into());
        Ok(Preview {
            call: format!("out/{}, after {}", parcel.message.name, others.join(", ")),
            media_type,
            body: parcel.message.bytes,
            mapping: parcel.mapping,
            notes: parcel.notes,
        })
    }

    fn mapping(&self) -> Option<MappingVersion> {
        self.codec().outbound().map(|mapping| mapping.id().clone())
    }

    fn reload(&self) -> Result<(), AdapterError> {
        let fresh = codec(&self.config).map_err(AdapterError::permanent)?;
        *self.codec.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    async fn void(
        &self,
        registry: &RegistryCode,
        request_id: Uuid,
        reason: &str,
    ) -> Result<(), AdapterError> {
        let (give_up, reason) = (self.give_up(), reason.to_owned());
        let begun = self.on(registry, move |desk| desk.begin_void(request_id, &reason)).await?;
        let Some(number) = begun.map_err(|refused| AdapterError::permanent(refused.to_string()))? else {
            return Ok(());
        };
        if self.finish_void(registry, number, give_up).await? {
            Ok(())
        } else {
            Err(AdapterError::transient(unanswered("ResVoid", self.config.answer_within)))
        }
    }

    async fn withdrawal_request(
        &self,
        order: &WithdrawalOrder<'_>,
    ) -> Result<WithdrawalTaking, AdapterError> {
        if !self.config.withdrawals {
            return Ok(WithdrawalTaking::Unsupported);
        }
        let wish = order.withdrawal;
        let (registry, ids) = (&wish.registry, (wish.withdrawal_id, wish.request_id));
        let parcel = self
            .codec()
            .wish(order.body, ids, registry, order.letter)
            .map_err(|refused| AdapterError::permanent(refused.to_string()))?;
        let (stem, incoming, give_up) = (parcel.stem.clone(), Incoming::WishAnswer(ids.0), self.give_up());
        let awaited = incoming.clone();
        if self.on(registry, move |desk| desk.hand_over(&parcel, &awaited)).await? == Handed::OtherBody {
            return Err(AdapterError::permanent("another wish was handed over under this withdrawal id"));
        }
        let asked = (incoming, Question::Wish, ids.1);
        let Some((found, answer)) = self.answer(registry, asked, give_up).await? else {
            return Err(AdapterError::transient(unanswered("ResWdr", self.config.answer_within)));
        };
        self.on(registry, move |desk| desk.close(&stem, &found, None)).await?;
        match answer {
            Answer::Yes { .. } => Ok(WithdrawalTaking::Held),
            Answer::No { .. } | Answer::Returned { .. } => Ok(WithdrawalTaking::Unsupported),
        }
    }

    async fn fetch_outcomes(
        &self,
        registry: &RegistryCode,
        limit: usize,
    ) -> Result<Vec<LocalOutcome>, AdapterError> {
        self.outcomes(registry, None, limit).await
    }

    async fn fetch_outcomes_after(
        &self,
        registry: &RegistryCode,
        after: &str,
        limit: usize,
    ) -> Result<Vec<LocalOutcome>, AdapterError> {
        self.outcomes(registry, Some(after), limit).await
    }

    async fn settle(&self, registry: &RegistryCode, outcome_id: &str) -> Result<(), AdapterError> {
        if !is_offer_id(outcome_id) {
            return Err(AdapterError::permanent("the outcome id cannot be one of this protocol"));
        }
        let offer = Incoming::Outcome(outcome_id.to_owned());
        Ok(self.on(registry, move |desk| desk.settle(&offer)).await?)
    }

    async fn fetch_local_receipts(
        &self,
        registry: &RegistryCode,
        limit: usize,
    ) -> Result<Vec<LocalReceiptOffer>, AdapterError> {
        let work = move |desk: &Desk| {
            let id = |incoming: &Incoming| match incoming {
                Incoming::LocalReceipt(id) => Some(id.clone()),
                _ => None,
            };
            desk.offers((None, limit), id, |file, id| {
                read::local_receipt(&desk.codec, file, id, &desk.registry)
            })
        };
        Ok(self.on(registry, work).await?)
    }

    async fn settle_local_receipt(
        &self,
        registry: &RegistryCode,
        receipt_id: &str,
        verdict: &LocalReceiptVerdict,
    ) -> Result<(), AdapterError> {
        if !is_offer_id(receipt_id) {
            return Err(AdapterError::permanent("the receipt's id cannot be one of this protocol"));
        }
        let said = serde_json::json!({ "verdict": verdict });
        let bytes = self
            .codec()
            .order_file(receipt_id, &said)
            .map_err(|refused| AdapterError::permanent(refused.to_string()))?;
        let name = format!("Ack{receipt_id}.{}", self.codec().ending().as_str());
        let offer = Incoming::LocalReceipt(receipt_id.to_owned());
        let work = move |desk: &Desk| {
            // The word first: a crash between writes the same word again.
            desk.folder.write(Place::Out, &name, &bytes)?;
            desk.settle(&offer)
        };
        Ok(self.on(registry, work).await?)
    }

    async fn health(&self, registry: &RegistryCode) -> Result<(), AdapterError> {
        Ok(self.on(registry, |desk| desk.folder.check(desk.min_free_bytes)).await?)
    }
}
