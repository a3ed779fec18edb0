//! The mapping file in force. It is read at the start and on demand; a file that is broken, fails its own tests or cannot be read
//! is refused as a whole, and the mapping before stays.

use std::{
    fs,
    path::{Component, Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use connector_mapping::{Document, MAX_FILE, Mapping, Refused};
use connector_sdk::DeliveryOrder;
use xiezhi_schemas::message::MappingVersion;

/// A mapping file and what was read from it.
#[derive(Debug)]
pub(crate) struct MappingFile {
    path: PathBuf,
    current: RwLock<Arc<Mapping>>,
}

/// A local message, ready to be sent.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) body: Vec<u8>,
    pub(crate) media_type: String,
    pub(crate) mapping: MappingVersion,
    pub(crate) notes: Vec<String>,
}

impl MappingFile {
    /// Reads and checks the file.
    pub(crate) fn open(path: PathBuf) -> Result<Self, String> {
        let current = RwLock::new(Arc::new(load(&path)?));
        Ok(Self { path, current })
    }

    /// Reads it again; on an error nothing changes.
    pub(crate) fn reload(&self) -> Result<(), String> {
        let fresh = Arc::new(load(&self.path)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    fn current(&self) -> Arc<Mapping> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn version(&self) -> MappingVersion {
        self.current().id().clone()
    }

    /// The local message of a demand with its documents, by one mapping from begin to end.
    pub(crate) fn message(&self, order: &DeliveryOrder<'_>) -> Result<Message, Refused> {
        let mapping = self.current();
        let documents: Vec<Document<'_>> = order
            .documents
            .iter()
            .map(|document| Document { claim: &document.claim, bytes: &document.bytes })
            .collect();
        let made = mapping.outbound(order.demand, &documents)?;
        let body = mapping.encode(&made.tree)?;
        let media_type = mapping.media_type().unwrap_or_default();
        Ok(Message { body, media_type, mapping: made.mapping, notes: made.notes })
    }
}

fn load(path: &Path) -> Result<Mapping, String> {
    let shown = path.display();
    let unread = |error: std::io::Error| format!("{shown} cannot be read: {error}");
    if fs::metadata(path).map_err(unread)?.len() > MAX_FILE as u64 {
        return Err(format!("{shown} is longer than {MAX_FILE} bytes and no mapping file"));
    }
    let text = fs::read_to_string(path).map_err(unread)?;
    let mapping = Mapping::load(&text).map_err(|broken| format!("{shown}: {broken}"))?;
    if !mapping.has_outbound() {
        return Err(format!("{shown} has no [outbound]; the adapter needs rules from a demand to a message"));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let outcomes = mapping.run_tests(&|name| beside(folder, name));
    let failed: Vec<String> =
        outcomes.iter().filter(|outcome| !outcome.passed).map(|outcome| outcome.name.clone()).collect();
    if !failed.is_empty() {
        return Err(format!(
            "[{}] {shown} fails its own tests: {}; look at them with `connector mapping test`",
            connector_mapping::Code::TestFailed,
            failed.join(", ")
        ));
    }
    Ok(mapping)
}

/// A file that a test names; it lies beside the mapping file.
fn beside(folder: &Path, name: &str) -> Result<String, String> {
    let plain =
        !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    match plain {
        true => fs::read_to_string(folder.join(name)).map_err(|error| error.to_string()),
        false => Err("a test names files beside the mapping file only".into()),
    }
}
