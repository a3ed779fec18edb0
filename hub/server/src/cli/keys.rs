//! `hub keys`, `hub province` and `hub webhook`: secrets, and what is derived from them for others; a province's links stand in
//! [`super::links`].

use std::path::PathBuf;

use clap::Subcommand;
use xiezhi_schemas::address::ProvinceCode;

use super::{
    Failure,
    links::{self, LinkCommand},
    output,
};
use crate::{
    config::{LedgerSettings, Loaded, SecretSettings},
    keys::{self, HubSecret},
};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make the hub's secret and the ledger's signing key where the settings name them. What exists is kept.
    Init,
}

pub(super) fn keys(settings: &Loaded, command: &KeysCommand) -> Result<(), Failure> {
    let KeysCommand::Init = command;
    let secret = settings.section::<SecretSettings>("secret")?.hub_secret_file;
    let signing = settings.section::<LedgerSettings>("ledger")?.signing_key_file;
    let mut made = 0;
    type Maker = fn(&std::path::Path) -> Result<(), keys::KeyError>;
    let files: [(&PathBuf, Maker); 2] =
        [(&secret, keys::make_hub_secret), (&signing, keys::make_signing_key)];
    for (path, make) in files {
        match make(path) {
            Ok(()) => {
                made += 1;
                eprintln!("made {}", path.display());
            }
            Err(keys::KeyError::Exists { path }) => eprintln!("kept {}: it exists", path.display()),
            Err(error) => return Err(error.into()),
        }
    }
    if made > 0 {
        eprintln!("back them up: without the secret every province needs a new key");
    }
    Ok(())
}

fn secret(settings: &Loaded) -> Result<HubSecret, Failure> {
    let path = settings.section::<SecretSettings>("secret")?.hub_secret_file;
    Ok(HubSecret::load(&path)?)
}

#[derive(Debug, Subcommand)]
pub(super) enum ProvinceCommand {
    /// Print the key with which demands for this province are signed; its connectors need it.
    Key {
        /// Two digits.
        province: ProvinceCode,
    },
    /// Print the password of this province's broker account.
    BrokerPassword {
        /// Two digits.
        province: ProvinceCode,
    },
    /// Until when its registries' own links (点对点) are received.
    #[command(subcommand)]
    Link(LinkCommand),
}

pub(super) async fn province(settings: &Loaded, command: ProvinceCommand) -> Result<(), Failure> {
    match command {
        ProvinceCommand::Key { province } => {
            output::line(&secret(settings)?.province_key(&province).expose())?;
        }
        ProvinceCommand::BrokerPassword { province } => {
            output::line(&secret(settings)?.broker_password(&province))?;
        }
        ProvinceCommand::Link(command) => links::run(settings, command).await?,
    }
    Ok(())
}

#[derive(Debug, Subcommand)]
pub(super) enum WebhookCommand {
    /// Print the key with which posts to this court are signed.
    Secret {
        /// The court's principal.
        sender: String,
    },
}

pub(super) fn webhook(settings: &Loaded, command: &WebhookCommand) -> Result<(), Failure> {
    let WebhookCommand::Secret { sender } = command;
    Ok(output::line(&secret(settings)?.webhook_secret(sender))?)
}
