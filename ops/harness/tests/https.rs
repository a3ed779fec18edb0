//! The whole road over HTTPS with the running programs: hub, connector and command line trust an authority made here and no
//! other, and the hub's certificate is renewed while courts submit.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and runs programs by itself"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use harness::wait::{self, Step};
use harness::world::{Https, Papers, Programs, World, demand, request_ids};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;
use tokio::process::Command;
use uuid::Uuid;
use xiezhi_schemas::message::Kind;

const PROVINCE: &str = "32";
const REGISTRY: &str = "320102";
const SOON: Duration = Duration::from_secs(60);

/// An authority that signs certificates for this machine's loopback.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Certificate and key.
    fn sign(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

fn put(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// A world whose hub shows a certificate of the first of these authorities; everybody trusts all of them.
async fn start(name: &str, authorities: &[&Authority]) -> (World, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = authorities[0].sign();
    let roots: String = authorities.iter().map(|authority| authority.0.pem()).collect();
    let files = Https {
        certificate: put(folder.path(), "cert.pem", &certificate),
        key: put(folder.path(), "key.pem", &key),
        roots: put(folder.path(), "roots.pem", &roots),
    };
    let builder = World::builder(name).provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]);
    (Box::pin(builder.https(files).start()).await.unwrap(), folder)
}

/// Runs a program to its end with the world's variables, but trusting these authorities only.
async fn run_trusting(world: &World, program: &Path, args: &[&str], roots: &Path) -> Output {
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(world.hub_env().iter().map(|(key, value)| (key, value)));
    command.env(Https::ROOTS, roots).current_dir(world.dir()).stdin(Stdio::null()).kill_on_drop(true);
    tokio::time::timeout(SOON, command.output()).await.expect("it ends within a minute").unwrap()
}

/// Everything a program said.
fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn submit(world: &World, papers: &Papers) -> Uuid {
    let body = demand(Kind::Seizure, REGISTRY).papers(papers).build().value();
    let answer = world.court("court-a").try_submit(&body).await.expect("a request failed");
    assert!(answer.status.is_success(), "{} {}", answer.status, answer.body);
    request_ids(&answer.body).unwrap()[0]
}

/// One demand with its documents travels there and back; the command line reads it. Who does not trust the authority is told so
/// by command line and connector, and nobody falls back to plain HTTP.
#[tokio::test(flavor = "multi_thread")]
async fn the_road_works_over_https_and_for_nobody_who_trusts_another_authority() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let (world, folder) = start("https", &[&ours]).await;
    let papers = Papers::of_case("Https", 1);
    let court = world.court("court-a");
    court.upload_all(&papers).await.unwrap();
    let id = submit(&world, &papers).await;
    court.wait_for_state(id, "registered", SOON).await.unwrap();
    let shown = world.hub_cli_as("operator-1", &["show", &id.to_string()]).await.unwrap();
    assert!(shown.contains("registered"), "{shown}");

    let programs = Programs::beside_me().unwrap();
    let foreign = put(folder.path(), "foreign.pem", &theirs.0.pem());
    let ran = run_trusting(&world, &programs.hub, &["show", &id.to_string()], &foreign).await;
    let text = said(&ran);
    assert!(!ran.status.success() && text.contains("HUB-1042") && text.contains("certificate"), "{text}");
    let config = world.dir().join(format!("connector-{PROVINCE}.toml")).display().to_string();
    let check = ["check", "--config", config.as_str()];
    let ran = run_trusting(&world, &programs.connector, &check, &foreign).await;
    let text = said(&ran);
    assert!(!ran.status.success() && text.contains("CON-2005") && text.contains("certificate"), "{text}");
    let roots = folder.path().join("roots.pem");
    let ran = run_trusting(&world, &programs.connector, &check, &roots).await;
    assert!(!said(&ran).contains("CON-2005"), "{}", said(&ran));
    let plain = world.hub_base().replacen("https", "http", 1);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(client.get(format!("{plain}/healthz")).send().await.is_err(), "plain HTTP got an answer");
    world.finish().await.unwrap();
}

/// While courts submit, each on connections of its own, the certificate is replaced by one of another authority, certificate and
/// key one after the other. No request fails, and soon the new one alone is shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_under_load_without_a_failed_request() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let (world, folder) = start("renewed", &[&old, &new]).await;
    let papers = Papers::of_case("Renewed", 1);
    world.court("court-a").upload_all(&papers).await.unwrap();
    let renewed = AtomicBool::new(false);
    let courts = join_all((0..4).map(async |_| {
        let mut ids = Vec::new();
        while !renewed.load(Ordering::Relaxed) {
            ids.push(submit(&world, &papers).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // And each of them once more with the new one in force.
        ids.push(submit(&world, &papers).await);
        ids
    }));
    let renewal = async {
        let sees = async |authority: &Authority| {
            let root = reqwest::Certificate::from_pem(authority.0.pem().as_bytes()).unwrap();
            let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().unwrap();
            client.get(format!("{}/healthz", world.hub_base())).send().await.is_ok()
        };
        assert!(sees(&old).await && !sees(&new).await);
        let (certificate, key) = new.sign();
        put(folder.path(), "cert.pem", &certificate);
        // Longer than the hub's look at the files: certificate and key that do not fit are noticed, and never shown.
        let noticed = wait::until("files that do not fit to be noticed", SOON, async || {
            world.hub.log().contains("HUB-1043")
        });
        noticed.await.unwrap();
        assert!(sees(&old).await, "the former certificate stays in force");
        put(folder.path(), "key.pem", &key);
        let shown = wait::until("the new certificate", SOON, async || {
            if sees(&new).await { Step::Done(()) } else { Step::Again("the old one is shown".to_owned()) }
        });
        shown.await.unwrap();
        assert!(!sees(&old).await, "the old one is still shown");
        renewed.store(true, Ordering::Relaxed);
    };
    let (ids, ()) = tokio::join!(courts, renewal);
    let ids = ids.concat();
    assert!(ids.len() >= 8, "only {} demands were submitted meanwhile", ids.len());
    for id in &ids {
        world.court("court-a").wait_for_state(*id, "registered", SOON).await.unwrap();
    }
    world.finish().await.unwrap();
}
