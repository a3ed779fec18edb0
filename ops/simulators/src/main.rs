//! The binary `county`: one simulated county registry system for any number of registries.

use std::{collections::BTreeSet, io::Write as _, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use simulators::county::{Config, Crash, FileDoor, FileForm, serve};
use tokio::signal::unix::{SignalKind, signal};

/// A simulated county registry system. Prints one line `{"listening":"<address>"}` on stdout once it is open.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on; port 0 lets the system choose.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Directory of the journal; what it holds is read at the start.
    #[arg(long)]
    journal: PathBuf,
    /// Bearer token that every call must carry.
    #[arg(long, env = "COUNTY_TOKEN", hide_env_values = true)]
    token: String,
    /// Registries to serve, separated by commas, or `*` for any.
    #[arg(long, default_value = "*", value_delimiter = ',')]
    registries: Vec<String>,
    /// How long a demand waits for its decision, in milliseconds.
    #[arg(long, default_value_t = 200)]
    decide_after_ms: u64,
    /// Chooses which deliveries a fault with a share strikes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Also exchange files with the connector `filedrop`: the folder above those of the registries.
    #[arg(long)]
    files: Option<PathBuf>,
    /// The form of the files that it writes.
    #[arg(long, value_enum, default_value_t = Form::Xml)]
    files_form: Form,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Json,
    Xml,
    XmlGb18030,
}

impl From<Form> for FileForm {
    fn from(form: Form) -> Self {
        match form {
            Form::Json => Self::Json,
            Form::Xml => Self::Xml,
            Form::XmlGb18030 => Self::XmlGb18030,
        }
    }
}

impl Arguments {
    fn config(self) -> anyhow::Result<Config> {
        let any = self.registries.iter().any(|registry| registry == "*");
        for registry in self.registries.iter().filter(|registry| *registry != "*") {
            let six_digits = registry.len() == 6 && registry.bytes().all(|byte| byte.is_ascii_digit());
            anyhow::ensure!(six_digits, "a registry has six digits, not {registry:?}");
        }
        anyhow::ensure!(!self.token.is_empty(), "the token is empty");
        Ok(Config {
            listen: self.listen,
            journal: self.journal,
            token: self.token,
            registries: (!any).then(|| self.registries.into_iter().collect::<BTreeSet<_>>()),
            decide_after: Duration::from_millis(self.decide_after_ms),
            seed: self.seed,
            crash: Crash::Abort,
        })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .init();
    let mut terminate = signal(SignalKind::terminate())?;
    let arguments = Arguments::parse();
    let form = arguments.files_form.into();
    let door = arguments.files.clone().map(|root| FileDoor { root, form });
    let mut county = serve(arguments.config()?).await?;
    if let Some(door) = door {
        county.exchange_files(door);
    }
    let line = serde_json::json!({"listening": county.address().to_string()});
    writeln!(std::io::stdout(), "{line}").context("cannot tell the address on stdout")?;
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    county.stop().await;
    Ok(())
}
