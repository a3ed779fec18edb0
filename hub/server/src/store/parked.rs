//! Table `parked_message`: messages that nothing understood, kept whole for a person.

use deadpool_postgres::Client;

use super::StoreError;
use crate::bus::Incoming;

/// Keeps `message` and why it was not understood. The same bytes are kept once.
///
/// # Errors
/// When the statement fails; then the message must stay with the broker.
pub async fn keep(
    client: &Client,
    queue: &str,
    message: &Incoming,
    code: &str,
    reason: &str,
) -> Result<(), StoreError> {
    // PostgreSQL text holds no NUL; whatever a stranger put into a header must not keep the message from being kept.
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    client
        .execute(
            include_str!("queries/parked_message/insert.sql"),
            &[
                &queue,
                &code,
                &clean(reason),
                &message.message_id().map(clean),
                &message.user_id().map(clean),
                &clean(message.routing_key()),
                &message.body(),
            ],
        )
        .await?;
    Ok(())
}
