//! Raw broker: publish to the registries' queues directly, confirm, consume, acknowledge. Nothing else.

use std::time::Instant;

use anyhow::Result;
use futures::StreamExt as _;
use futures::stream::{FuturesUnordered, select_all};
use lapin::options::{BasicAckOptions, ConfirmSelectOptions};

use super::amqp;
use super::minimal::{BODY, VHOST, queue};
use crate::stack::Stack;

/// Confirms awaited at once.
const WINDOW: usize = 256;

/// Messages per second from the first publish to the last acknowledgement.
pub(super) async fn measure(stack: &Stack, registries: &[String], count: u64) -> Result<f64> {
    let url = stack.rabbit.amqp_url(VHOST);
    let (sending, taking) = (amqp::connect(&url).await?, amqp::connect(&url).await?);
    let (out, inn) = (sending.create_channel().await?, taking.create_channel().await?);
    out.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut consumers = Vec::new();
    for registry in registries {
        consumers.push(amqp::consume(&inn, &queue(registry), 16).await?);
    }
    let mut deliveries = select_all(consumers);
    let body = vec![b'x'; BODY];
    let begin = Instant::now();
    let publish = async {
        let mut open = FuturesUnordered::new();
        for n in 0..count {
            let registry = &registries[usize::try_from(n).unwrap_or(0) % registries.len()];
            open.push(
                amqp::publish(&out, "", &queue(registry), &body, amqp::persistent("raw"), false).await?,
            );
            while open.len() >= WINDOW
                && let Some(confirm) = open.next().await
            {
                confirm?;
            }
        }
        while let Some(confirm) = open.next().await {
            confirm?;
        }
        anyhow::Ok(())
    };
    let take = async {
        for _ in 0..count {
            let Some(delivery) = deliveries.next().await else {
                anyhow::bail!("the broker ended the consumers")
            };
            delivery?.acker.ack(BasicAckOptions::default()).await?;
        }
        Ok(())
    };
    tokio::try_join!(publish, take)?;
    let rate = count as f64 / begin.elapsed().as_secs_f64();
    sending.close(200, "done".into()).await?;
    taking.close(200, "done".into()).await?;
    Ok(rate)
}
