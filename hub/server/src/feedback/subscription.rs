//! Which courts have a feedback queue on the broker: an operator's decision, audited.

use crate::{
    audit,
    principals::PrincipalError,
    store::{Transaction, feedback_queues},
};

/// Gives `court` a queue, or sets the one it has to another place: the next event published is the one after `after`. Without
/// `after` a new queue begins with the first event and an existing one goes on where it is.
///
/// # Errors
/// When there is no such court, or `after` lies beyond its stream, which would leave a gap.
pub async fn add(
    tx: &Transaction<'_>,
    actor: &str,
    court: &str,
    after: Option<i64>,
) -> Result<(), PrincipalError> {
    if let Some(after) = after {
        let sql = include_str!("../store/queries/feedback_head/last.sql");
        let last = tx.query_opt(sql, &[&court]).await?.map_or(0, |row| row.get::<_, i64>(0));
        if !(0..=last).contains(&after) {
            let why = format!("the stream of {court} ends at {last}; --after takes 0 to {last}");
            return Err(PrincipalError::Unfit(why));
        }
    }
    if !feedback_queues::set(tx, court, after).await? {
        return Err(PrincipalError::Unfit(format!("{court} is no court, or is disabled")));
    }
    let place = after.map_or_else(String::new, |after| format!(" after {after}"));
    audit::record(tx, actor, "host", "feedback_queue.on", &format!("{court}{place}")).await?;
    Ok(())
}

/// Takes the court's queue away; false when it has none. The stream stays, and the API has it.
///
/// # Errors
/// When a statement fails.
pub async fn remove(tx: &Transaction<'_>, actor: &str, court: &str) -> Result<bool, PrincipalError> {
    let had = feedback_queues::delete(tx, court).await?;
    if had {
        audit::record(tx, actor, "host", "feedback_queue.off", court).await?;
    }
    Ok(had)
}
