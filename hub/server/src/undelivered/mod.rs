//! Undelivered demands (未送达): recorded, told to the court, held, and decided by an operator.
//!
//! What the broker could not deliver goes twice: into the dead-letter queue of the tier, where it is *held*, and into the hub's
//! queue of that tier, from which it is *recorded* here. An operator replays it (a new attempt of the same request)
//! or closes it. [`record`] records, [`decide`] works jobs off, [`release`] takes decided messages out of the
//! dead-letter queues.

pub mod decide;
pub mod record;
pub mod release;
pub mod routes;

use std::{collections::BTreeSet, time::Duration};

use futures::future::try_join_all;
use tokio_util::sync::CancellationToken;
use xiezhi_schemas::address::{ProvinceCode, Tier};

use crate::{
    health::Part,
    store::{SecretUrl, Store, StoreError, decode},
    upward::Error,
};

/// How often a province that joined is looked for.
const PERIOD: Duration = Duration::from_secs(10);

/// Records the undelivered of every tier until cancelled; follows the directory when a province joins or leaves.
///
/// # Errors
/// When broker or database break off.
pub async fn record_all(
    broker: &SecretUrl,
    store: &Store,
    part: &Part,
    token: CancellationToken,
) -> Result<(), Error> {
    loop {
        let tiers = tiers(store).await?;
        let round = token.child_token();
        let consumers = try_join_all(tiers.iter().map(|tier| record::open(broker, tier))).await?;
        part.up();
        let pairs = consumers.into_iter().zip(&tiers);
        let recorders =
            try_join_all(pairs.map(|(consumer, tier)| record::run(consumer, store, tier, round.clone())));
        tokio::pin!(recorders);
        loop {
            tokio::select! {
                done = &mut recorders => {
                    done?;
                    break;
                }
                () = tokio::time::sleep(PERIOD) => {
                    if self::tiers(store).await? != tiers {
                        round.cancel();
                    }
                }
            }
        }
        if token.is_cancelled() {
            return Ok(());
        }
    }
}

/// Court, ministry and every province there ever was: what was sent while a region took part may die after it left.
async fn tiers(store: &Store) -> Result<BTreeSet<Tier>, StoreError> {
    let rows = store.client().await?.query("SELECT code FROM province", &[]).await?;
    let mut tiers = BTreeSet::from([Tier::Court, Tier::Ministry]);
    for row in rows {
        let code: String = row.try_get(0)?;
        let code: ProvinceCode = code.parse().map_err(|e| decode("province.code", e))?;
        tiers.insert(Tier::Province(code));
    }
    Ok(tiers)
}
