//! Handing wishes to connectors: offered until the registry's system took them, signed as demands are.

use uuid::Uuid;
use xiezhi_domain::withdrawal::WithdrawalState;
use xiezhi_schemas::{
    address::ProvinceCode,
    message::{FeedbackBody, OfferedWithdrawal, WithdrawalTaking},
    signature::{Covered, sign},
};

use crate::{
    http::problem::Problem,
    keys::HubSecret,
    store::{
        Store, StoreError,
        requests::{self, Changes},
        withdrawals as table,
    },
};

/// The oldest wishes that connectors of `province` have not handed over.
///
/// # Errors
/// When the database fails.
pub(super) async fn offered(
    store: &Store,
    secret: &HubSecret,
    province: &ProvinceCode,
    registries: Option<&[String]>,
    limit: i64,
) -> Result<Vec<OfferedWithdrawal>, Problem> {
    let found = table::offered(&*store.client().await?, province, registries, limit).await?;
    let key = secret.province_key(province);
    let sign = |wish: table::Offered| {
        let covered = Covered {
            sender: &wish.sender,
            registry: &wish.registry,
            request_id: wish.request_id,
            message_id: wish.withdrawal_id,
        };
        let signature = sign(&key, &covered, &wish.message);
        let body = String::from_utf8(wish.message).expect("the hub wrote it as JSON");
        OfferedWithdrawal { body, signature }
    };
    Ok(found.into_iter().map(sign).collect())
}

/// Notes what the registry's system did with a wish, once, and tells the court.
///
/// # Errors
/// When the province has no such wish, or the database fails; saying it again does no harm.
pub(super) async fn taken(
    store: &Store,
    province: &ProvinceCode,
    withdrawal_id: Uuid,
    taking: WithdrawalTaking,
) -> Result<(), Problem> {
    let mut client = store.client().await?;
    let request_id =
        table::request_of(&client, withdrawal_id, province).await?.ok_or_else(Problem::not_found)?;
    let tx = client.transaction().await.map_err(StoreError::from)?;
    requests::lock(&tx, &[request_id]).await?;
    let now = requests::clock(&tx).await?;
    let Some(state) = table::take(&tx, withdrawal_id, taking, now).await? else { return Ok(()) };
    let mut changes = Changes::default();
    // The registry may have answered before its connector said that it has the wish; then there is no news in it.
    if state == WithdrawalState::Open {
        let news = match taking {
            WithdrawalTaking::Held => FeedbackBody::WithdrawalHandedOver { withdrawal_id },
            WithdrawalTaking::Unsupported => {
                let advice = "the registry's system takes no requests for withdrawal; send it the sealed letter by \
                              another way, GET /v1/contacts names whom to call";
                FeedbackBody::WithdrawalNotTaken { withdrawal_id, advice: advice.to_owned() }
            }
        };
        changes.tell(request_id, news);
    }
    changes.write(&tx).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    tracing::info!(%request_id, %withdrawal_id, taking = taking.as_str(), "a withdrawal reached the registry");
    Ok(())
}
