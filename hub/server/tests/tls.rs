//! HTTPS: certificates made here, real handshakes; renewal without a stop, and clients that must show a certificate.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and spawns without a supervisor"
)]

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use axum::{Router, routing::get};
use hub::{
    config::HttpSettings,
    http::{self, tls::Tls},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// An authority that signs certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key for `name`.
    fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

/// A server with its files.
struct Server {
    folder: TempDir,
    address: SocketAddr,
    tls: Arc<Tls>,
    _stop: DropGuard,
}

fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn settings(folder: &Path, client_ca: bool) -> HttpSettings {
    let file = |name: &str| folder.join(name).display().to_string();
    let text = format!(
        "listen = '127.0.0.1:0'\nallow_public_bind = false\nmax_body_bytes = 100000\nrate_per_second = 1000\n\
         rate_burst = 1000\nrequest_timeout_ms = 20000\nmax_unconfirmed = 1000\nmax_connections = 100\n\
         tls_certificate_file = '{}'\ntls_key_file = '{}'\ntls_client_ca_file = '{}'",
        file("cert.pem"),
        file("key.pem"),
        if client_ca { file("clients.pem") } else { String::new() },
    );
    toml::from_str(&text).unwrap()
}

impl Server {
    async fn start((certificate, key): (String, String), clients: Option<&Authority>) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "cert.pem", &certificate);
        put(folder.path(), "key.pem", &key);
        if let Some(authority) = clients {
            put(folder.path(), "clients.pem", &authority.pem());
        }
        let tls = Arc::new(Tls::load(&settings(folder.path(), clients.is_some())).unwrap().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().route("/healthz", get(async || "ok\n"));
        tokio::spawn(http::serve(listener, router, 100, Some(tls.clone()), stop.clone()));
        Self { folder, address, tls, _stop: stop.drop_guard() }
    }

    async fn ask(&self, client: &reqwest::Client) -> Result<String, reqwest::Error> {
        let url = format!("https://hub.example:{}/healthz", self.address.port());
        client.get(url).send().await?.text().await
    }

    /// A client that trusts `authority`, with a certificate of its own or without.
    fn client(&self, authority: &Authority, own: Option<(String, String)>) -> reqwest::Client {
        let root = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([root])
            .pool_max_idle_per_host(0)
            .resolve("hub.example", self.address);
        if let Some((certificate, key)) = own {
            let pem = format!("{certificate}{key}");
            builder = builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
        }
        builder.build().unwrap()
    }
}

#[tokio::test]
async fn it_speaks_https_and_nothing_else_whoever_dawdles() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let server = Server::start(ours.sign("hub.example"), None).await;
    // Connections that never say hello hold up nobody.
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    assert_eq!(server.ask(&server.client(&ours, None)).await.unwrap(), "ok\n");
    assert!(server.ask(&server.client(&theirs, None)).await.is_err(), "a foreign authority is not trusted");
    let plain = reqwest::get(format!("http://{}/healthz", server.address)).await;
    assert!(plain.is_err(), "plain HTTP got an answer");
}

#[tokio::test]
async fn a_new_certificate_is_in_force_without_a_stop_and_a_bad_one_never() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let server = Server::start(old.sign("hub.example"), None).await;
    let (of_old, of_new) = (server.client(&old, None), server.client(&new, None));
    assert!(server.ask(&of_old).await.is_ok() && server.ask(&of_new).await.is_err());
    assert!(!server.tls.reload().unwrap(), "nothing changed");

    // Certificate and key are replaced one after the other; in between they do not fit.
    let (certificate, key) = new.sign("hub.example");
    put(server.folder.path(), "cert.pem", &certificate);
    assert_eq!(server.tls.reload().unwrap_err().code(), "HUB-1043");
    assert!(server.ask(&of_old).await.is_ok(), "the former certificate stays in force");
    put(server.folder.path(), "key.pem", &key);
    assert!(server.tls.reload().unwrap());
    assert!(server.ask(&of_old).await.is_err() && server.ask(&of_new).await.is_ok());

    // Neither a torn file nor an open key gets in, and the message quotes nothing of the key.
    put(server.folder.path(), "key.pem", &key[..key.len() / 2]);
    let said = server.tls.reload().unwrap_err().to_string();
    assert!(!said.contains(key.lines().nth(1).unwrap()), "{said}");
    put(server.folder.path(), "key.pem", &key);
    fs::set_permissions(server.folder.path().join("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(server.tls.reload().unwrap_err().to_string().contains("HUB-1019"));
    assert!(server.ask(&of_new).await.is_ok());
}

#[tokio::test]
async fn a_client_without_a_certificate_of_the_right_authority_gets_no_answer() {
    let (ours, clients, others) =
        (Authority::new("ours"), Authority::new("clients"), Authority::new("others"));
    let server = Server::start(ours.sign("hub.example"), Some(&clients)).await;
    let ask = async |own| server.ask(&server.client(&ours, own)).await;
    assert_eq!(ask(Some(clients.sign("court-a.example"))).await.unwrap(), "ok\n");
    assert!(ask(None).await.is_err());
    assert!(ask(Some(others.sign("court-a.example"))).await.is_err());
}

#[tokio::test]
async fn without_files_there_is_no_tls_and_with_wrong_ones_no_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut none = settings(folder.path(), false);
    let missing = Tls::load(&none).unwrap_err();
    assert_eq!(missing.code(), "HUB-1043");
    none.tls_certificate_file = "".into();
    assert!(Tls::load(&none).unwrap().is_none());
}
