//! `hub principal queue`: courts that find their feedback in a queue on the broker.

use clap::Subcommand;
use xiezhi_schemas::address::CourtName;

use super::{Failure, args::actor, output};
use crate::{
    config::{Loaded, SecretSettings},
    feedback::subscription,
    keys::HubSecret,
    store::{Settings, Store, StoreError, feedback_queues},
};

#[derive(Debug, Subcommand)]
pub(super) enum QueueCommand {
    /// Give a court a queue (court.feedback.NAME), or set the one it has to another place.
    On {
        /// The court's principal.
        name: String,
        /// Publish what comes after this event; a new queue begins with the first, an existing one goes on.
        #[arg(long, value_name = "SEQ")]
        after: Option<i64>,
    },
    /// Publish no more. The stream stays, the API has it.
    Off {
        /// The court's principal.
        name: String,
    },
    /// List the queues and how far they are.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the password of the court's broker account (xz-court-NAME).
    Password {
        /// The court's principal.
        name: CourtName,
    },
}

pub(super) async fn run(settings: &Loaded, command: QueueCommand) -> Result<(), Failure> {
    if let QueueCommand::Password { name } = &command {
        let path = settings.section::<SecretSettings>("secret")?.hub_secret_file;
        return Ok(output::line(&HubSecret::load(&path)?.court_broker_password(name))?);
    }
    let store = Store::new(&settings.section::<Settings>("database")?)?;
    let mut client = store.client().await?;
    match command {
        QueueCommand::On { name, after } => {
            let tx = client.transaction().await.map_err(StoreError::from)?;
            subscription::add(&tx, &actor(), &name, after).await?;
            tx.commit().await.map_err(StoreError::of_commit)?;
            eprintln!("{name} has a feedback queue; next: `hub topology apply`");
        }
        QueueCommand::Off { name } => {
            let tx = client.transaction().await.map_err(StoreError::from)?;
            let had = subscription::remove(&tx, &actor(), &name).await?;
            tx.commit().await.map_err(StoreError::of_commit)?;
            if !had {
                return Err(Failure::No(format!("{name} has no feedback queue")));
            }
            eprintln!("nothing more is published to {name}; next: `hub topology apply`");
        }
        QueueCommand::List { json } => list(&client, json).await?,
        QueueCommand::Password { .. } => {}
    }
    Ok(())
}

async fn list(client: &tokio_postgres::Client, json: bool) -> Result<(), Failure> {
    let all = feedback_queues::list(client).await?;
    if json {
        return Ok(output::json(&all)?);
    }
    let dash = || "-".to_owned();
    let rows: Vec<_> = all
        .into_iter()
        .map(|q| {
            let at = q.published_at.map_or_else(dash, |at| at.to_string());
            let (published, last) = (q.published_seq.to_string(), q.last_seq.to_string());
            vec![q.court, published, last, at, q.last_error.unwrap_or_else(dash)]
        })
        .collect();
    Ok(output::table(&["COURT", "PUBLISHED", "LAST", "AT", "ERROR"], &rows)?)
}
