//! The broker: whether the hub may log in, and whether the topology is as declared.

use super::{Check, Status};
use crate::{
    bus,
    code::chain,
    config::{BrokerSettings, DeliverySettings, Loaded},
    directory,
    store::{Settings, Store, feedback_queues},
    topology::{Topology, TopologyError, access, plan},
};

pub(super) async fn checks(settings: &Loaded) -> Vec<Check> {
    let broker: BrokerSettings = match settings.section("broker") {
        Ok(broker) => broker,
        Err(_) => return vec![Check::skipped("broker", "its settings are not sound")],
    };
    let login = match bus::probe(&broker.url).await {
        Ok(()) => Check::ok("broker", format!("logged in at {}", broker.url.public())),
        Err(error) => Check::bad(
            "broker",
            Status::Fail,
            chain(&error),
            "check that it runs, and user, password and virtual host of broker.url",
        ),
    };
    vec![login, topology(settings, &broker).await]
}

async fn topology(settings: &Loaded, broker: &BrokerSettings) -> Check {
    const NAME: &str = "topology";
    if broker.management_url.expose().is_empty() {
        return Check::skipped(NAME, "broker.management_url is not set, so the broker cannot be compared");
    }
    match differences(settings, broker).await {
        Ok((summary, true)) => Check::ok(NAME, summary),
        Ok((summary, false)) => {
            Check::bad(NAME, Status::Fail, summary, "read `hub topology plan`, then `hub topology apply`")
        }
        Err(why) => Check::bad(
            NAME,
            Status::Fail,
            why,
            "check broker.management_url and the database; `hub topology plan` says more",
        ),
    }
}

async fn differences(settings: &Loaded, broker: &BrokerSettings) -> Result<(String, bool), String> {
    let text = |error: &(dyn std::error::Error + 'static)| chain(error);
    let database: Settings = settings.section("database").map_err(|e| text(&e))?;
    let delivery: DeliverySettings = settings.section("delivery").map_err(|e| text(&e))?;
    let store = Store::new(&database).map_err(|e| text(&e))?;
    let client = store.client().await.map_err(|e| text(&e))?;
    let today = directory::today();
    let tables = directory::load(&client).await.map_err(|e| text(&e))?.in_force(today);
    let queues = feedback_queues::courts(&client).await.map_err(|e| text(&e))?;
    let compared: Result<_, TopologyError> = async {
        let declared = Topology::declared(&tables.for_topology(queues)?, &delivery.topology())?;
        let running = access::connect(broker).await?.running().await?;
        Ok(plan(&declared, &running))
    }
    .await;
    let plan = compared.map_err(|e| text(&e))?;
    Ok((plan.summary(), plan.is_empty()))
}
