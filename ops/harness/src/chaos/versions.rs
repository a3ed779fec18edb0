//! What a run was made with.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::invariants::connect;
use crate::world::World;

pub(super) async fn of(world: &World) -> Result<BTreeMap<String, String>> {
    let database = connect(&world.ground().database_url()).await?;
    let overview = world.ground().management()?.get(&["overview"]).await?;
    let text = |key: &str| overview[key].as_str().unwrap_or("?").to_owned();
    Ok(BTreeMap::from([
        ("hub".to_owned(), world.hub_cli(&["--version"]).await?.trim().to_owned()),
        ("postgresql".to_owned(), database.query_one("SHOW server_version", &[]).await?.get(0)),
        ("rabbitmq".to_owned(), text("rabbitmq_version")),
        ("erlang".to_owned(), text("erlang_version")),
    ]))
}
