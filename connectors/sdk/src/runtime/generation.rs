//! One connection and everything that hangs on it: they begin together and end together, so that nothing of an old
//! connection can reach a new one.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Shared, hands::Hands};
use crate::{
    bus::{BusError, Link},
    local_receipts, outcomes, receipts, withdrawals,
};

/// Named tasks of which each ends with a reason. They are aborted when the crew is dropped.
struct Crew(JoinSet<(&'static str, Result<(), BusError>)>);

impl Crew {
    fn hire(
        &mut self,
        name: &'static str,
        work: impl Future<Output = Result<(), BusError>> + Send + 'static,
    ) {
        self.0.spawn(async move { (name, work.await) });
    }

    /// The next that ends; a panic counts as a failure.
    async fn next(&mut self) -> Option<(&'static str, Result<(), BusError>)> {
        match self.0.join_next().await? {
            Ok(ended) => Some(ended),
            Err(error) => Some((
                "task",
                Err(BusError::Lost { doing: format!("a task broke off: {error}"), source: None }),
            )),
        }
    }
}

/// Works on one connection. `Ok` when all registries ended because of `stop`; otherwise why it must be given up.
pub(super) async fn run(
    shared: &Arc<Shared>,
    link: Arc<Link>,
    stop: &CancellationToken,
) -> Result<(), BusError> {
    let end = work(shared, &link, stop).await;
    link.close().await;
    end
}

async fn work(shared: &Arc<Shared>, link: &Arc<Link>, stop: &CancellationToken) -> Result<(), BusError> {
    let config = &shared.config;
    let exchange = config.province.up_exchange();
    let (receipt_asker, receipt_answers) = link.asker(&exchange).await?;
    let (asker, answers) = link.asker(&exchange).await?;
    let (desk, clerk) = receipts::open(config.name.clone(), config.receipts.clone(), receipt_asker);
    // The back office must outlive the front: work in hand needs its answers. None of it may end by itself.
    let mut back = Crew(JoinSet::new());
    back.hire("receipt answers", async { Err(receipt_answers.run().await) });
    back.hire("outcome answers", async { Err(answers.run().await) });
    back.hire("receipts", async {
        clerk.run().await;
        Ok(())
    });
    let mut front = Crew(JoinSet::new());
    for registry in &shared.registries {
        let hands = Arc::new(Hands {
            registry: registry.code().clone(),
            adapter: Arc::clone(&shared.adapter),
            documents: Arc::clone(&shared.documents),
            desk: desk.clone(),
            asker: asker.clone(),
            pace: config.pace.clone(),
            answer_timeout: config.receipts.answer_timeout,
            status: Arc::clone(&shared.status),
        });
        let collector = outcomes::Collector {
            registry: registry.code().clone(),
            adapter: Arc::clone(&shared.adapter),
            asker: asker.clone(),
            pace: config.outcomes.clone(),
            answer_timeout: config.receipts.answer_timeout,
            status: Arc::clone(&shared.status),
            place: outcomes::Place::default(),
        };
        let token = stop.clone();
        front.hire("outcomes", async move {
            collector.run(&token).await;
            Ok(())
        });
        let messenger = local_receipts::Messenger {
            connector: config.name.clone(),
            registry: registry.code().clone(),
            adapter: Arc::clone(&shared.adapter),
            asker: asker.clone(),
            pace: config.outcomes.clone(),
            answer_timeout: config.receipts.answer_timeout,
            status: Arc::clone(&shared.status),
        };
        let token = stop.clone();
        front.hire("local receipts", async move {
            messenger.run(&token).await;
            Ok(())
        });
        let (registry, shared, link, token) =
            (Arc::clone(registry), Arc::clone(shared), Arc::clone(link), stop.clone());
        front.hire("registry", async move { registry.run(&shared, &link, hands, &token).await });
    }
    let carrier = withdrawals::Carrier {
        province_key: config.province_key.clone(),
        registries: config.registries.clone(),
        hub: shared.hub.clone(),
        documents: Arc::clone(&shared.documents),
        adapter: Arc::clone(&shared.adapter),
        period: config.outcomes.period,
        told: std::collections::HashSet::new(),
    };
    let token = stop.clone();
    front.hire("withdrawals", async move {
        carrier.run(&token).await;
        Ok(())
    });
    drop(desk);
    loop {
        tokio::select! {
            Some((name, end)) = back.next() => {
                return Err(end.err().unwrap_or_else(|| BusError::Lost { doing: format!("{name} ended"), source: None }));
            }
            ended = front.next() => match ended {
                None => return Ok(()),
                Some((_, Ok(()))) => {}
                Some((_, Err(error))) => return Err(error),
            }
        }
    }
}
