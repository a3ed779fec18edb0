//! HTTPS: certificate and key from files, read anew when they change, and optionally a certificate asked of every client.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::{code::chain, config::HttpSettings, keys};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("[HUB-1043] the TLS file {} cannot be used: {why}", path.display())]
pub struct TlsError {
    path: PathBuf,
    why: String,
}

impl TlsError {
    fn new(path: &Path, why: impl ToString) -> Self {
        Self { path: path.to_owned(), why: why.to_string() }
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        "HUB-1043"
    }
}

/// The files as the settings name them.
#[derive(Debug, Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

/// What new connections are greeted with.
#[derive(Debug)]
pub struct Tls {
    files: Files,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    /// Of all files together, to notice a change.
    digest: [u8; 32],
}

impl Tls {
    /// Reads the files; `None` when the settings name none and the API speaks plain HTTP.
    ///
    /// # Errors
    /// When a file cannot be read, others may read the key, or they do not fit together.
    pub fn load(settings: &HttpSettings) -> Result<Option<Self>, TlsError> {
        let named = |path: &Path| (!path.as_os_str().is_empty()).then(|| path.to_owned());
        let Some(certificate) = named(&settings.tls_certificate_file) else { return Ok(None) };
        let (key, client_ca) = (settings.tls_key_file.clone(), named(&settings.tls_client_ca_file));
        let files = Files { certificate, key, client_ca };
        let current = Mutex::new(files.read()?);
        Ok(Some(Self { files, current }))
    }

    /// What the next connection is greeted with.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).config.clone()
    }

    /// Reads the files again; true when they changed. Connections that are open keep what they have.
    ///
    /// # Errors
    /// As [`Tls::load`]; what was in force stays in force.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let read = self.files.read()?;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = current.digest != read.digest;
        if changed {
            *current = read;
        }
        Ok(changed)
    }
}

impl Files {
    fn read(&self) -> Result<Current, TlsError> {
        let bytes = |path: &Path| fs::read(path).map_err(|error| TlsError::new(path, error));
        let certificate = bytes(&self.certificate)?;
        let key = keys::read_private(&self.key).map_err(|error| TlsError::new(&self.key, chain(&error)))?;
        let mut digest = Sha256::new_with_prefix(&certificate).chain_update(&key);
        let builder = ServerConfig::builder();
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let ca = bytes(path)?;
                digest.update(&ca);
                let mut roots = RootCertStore::empty();
                for root in certificates(path, &ca)? {
                    roots.add(root).map_err(|error| TlsError::new(path, error))?;
                }
                let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| TlsError::new(path, error))?)
            }
        };
        // The parser may quote what it read, so its words stay out of the message.
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|_| TlsError::new(&self.key, "it holds no private key (PEM)"))?;
        let chain = certificates(&self.certificate, &certificate)?;
        let mut config =
            builder.with_single_cert(chain, key).map_err(|error| TlsError::new(&self.certificate, error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Current { config: Arc::new(config), digest: digest.finalize().into() })
    }
}

fn certificates(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(TlsError::new(path, "it holds no certificate (PEM)")),
    }
}

/// Looks at the files from time to time until `stop` is cancelled. A change that cannot be used is logged, once, and what was
/// in force stays: a renewal that goes wrong must not close the door.
pub async fn watch(tls: Arc<Tls>, stop: CancellationToken) {
    let mut told = String::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        match tls.reload() {
            Ok(true) => tracing::info!("new TLS files are in force for new connections"),
            Ok(false) => told.clear(),
            Err(error) => {
                let text = error.to_string();
                if text != told {
                    tracing::error!(code = error.code(), "{text}; the former certificate stays in force");
                    told = text;
                }
            }
        }
    }
}
