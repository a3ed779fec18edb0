//! What a clerk reports about papers of its window or of its registry's local link: registered (登簿) or returned (退回).
//! The same record as a connector's; a demand of the network is reported by the connector, and by nobody else.

use xiezhi_schemas::{
    address::RegistryCode,
    message::{OutcomeAnswer, OutcomeMessage},
};

use super::Desk;
use crate::{
    audit,
    http::{codes, problem::Problem},
    outcomes,
    store::{Store, StoreError, received},
};

/// Records one outcome.
///
/// # Errors
/// When the request is not the registry's or came by the network, or the database fails.
pub(super) async fn record(
    store: &Store,
    desk: &Desk,
    clerk: &str,
    registry: &RegistryCode,
    message: OutcomeMessage,
) -> Result<OutcomeAnswer, Problem> {
    let request_id = message.request_id();
    let mut client = store.client().await?;
    let channel =
        received::channel_of(&client, request_id, registry).await?.ok_or_else(Problem::not_found)?;
    if channel == "net" || message.registry() != registry {
        let detail =
            "this demand came by the network: the registry's system reports it through its connector";
        return Err(Problem::new(codes::WINDOW_OUTCOME, detail));
    }
    let messages = std::slice::from_ref(&message);
    let answers = outcomes::record(store, &desk.waiting, &desk.timers, messages).await?;
    let answer = answers.into_iter().next().expect("one message has one answer");
    let verdict = serde_json::to_value(&answer.verdict).expect("a verdict holds texts only");
    let is = verdict.get("is").and_then(|is| is.as_str()).unwrap_or_default().to_owned();
    let tx = client.transaction().await.map_err(StoreError::from)?;
    audit::record(&tx, clerk, "clerk", "window.outcome", &format!("request {request_id}: {is}")).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    Ok(answer)
}
