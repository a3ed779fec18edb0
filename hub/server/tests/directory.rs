//! Directory, principals and audit against a real database. Servers come from the environment or are started once.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{fs, path::PathBuf};

use harness::TestEnv;
use hub::{
    audit,
    directory::{self, DirectoryError},
    principals::{self, PrincipalError},
    store::{self, SecretUrl, Settings, Store},
};

async fn prepared(name: &str) -> (TestEnv, Store) {
    harness::install_crypto();
    let env = TestEnv::new(name).await.unwrap();
    let settings = Settings {
        url: SecretUrl::new(env.database_url()),
        pool_size: 4,
        wait_timeout_ms: 10_000,
        statement_timeout_ms: 10_000,
    };
    store::migrate(&settings, |_| ()).await.unwrap();
    let store = Store::new(&settings).unwrap();
    (env, store)
}

fn file(env: &TestEnv, name: &str, text: &str) -> PathBuf {
    let path = env.dir().join(name);
    fs::write(&path, text).unwrap();
    path
}

async fn count(store: &Store, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    store.client().await.unwrap().query_one(&sql, &[]).await.unwrap().get(0)
}

const PROVINCES: &str = "province,name,valid_from,valid_to\n32,江苏省,2024-11-01,\n33,浙江省,2024-11-01,\n";
const REGISTRIES: &str = "registry,name,valid_from,valid_to,divisions\n\
                          320102,南京市玄武,2024-11-01,,320102;320104\n\
                          330102,杭州市上城,2024-11-01,,330102\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_imported_whole_or_not_at_all() {
    let (env, store) = Box::pin(prepared("directory_import")).await;
    let provinces = file(&env, "provinces.csv", PROVINCES);
    let registries = file(&env, "registries.csv", REGISTRIES);

    // A registry before its province, a division in another province, one served twice: all named, nothing changed.
    let bad = file(
        &env,
        "bad.csv",
        "division,registry,valid_from,valid_to\n330104,320102,2024-11-01,\n320105,320105,2024-11-01,\n",
    );
    let refused = directory::import(&store, &[registries.clone(), bad], "test", false).await.unwrap_err();
    let DirectoryError::Refused(problems) = &refused else { panic!("{refused}") };
    for words in [
        "registries.csv line 2: province 32",
        "registries.csv line 3: province 33",
        "bad.csv line 2: division 330104 and registry 320102 lie in different provinces",
        "bad.csv line 3: registry 320105 is not in the directory",
    ] {
        assert!(problems.iter().any(|p| p.contains(words)), "{words}: {problems:#?}");
    }
    assert_eq!(count(&store, "province").await, 0);

    let files = [provinces.clone(), registries.clone()];
    let planned = directory::import(&store, &files, "test", true).await.unwrap();
    assert_eq!((planned.len(), count(&store, "registry").await), (7, 0));
    let done = directory::import(&store, &files, "test", false).await.unwrap();
    assert_eq!(done, planned);
    assert_eq!(count(&store, "directory_change").await, 7);
    assert_eq!(count(&store, "audit").await, 7);
    assert!(directory::import(&store, &files, "test", false).await.unwrap().is_empty());
    assert_eq!(count(&store, "directory_change").await, 7);

    // A division moves: refused until the old service is ended.
    let open = file(&env, "move.csv", "division,registry,valid_from,valid_to\n320104,320105,2026-01-01,\n");
    let new_registry =
        file(&env, "new.csv", "registry,name,valid_from,valid_to\n320105,南京市建邺,2026-01-01,\n");
    let refused =
        directory::import(&store, &[open.clone(), new_registry.clone()], "test", false).await.unwrap_err();
    assert!(refused.to_string().contains("would have two registries, 320105 and 320102"), "{refused}");
    assert_eq!(count(&store, "registry").await, 2);
    let ended = file(
        &env,
        "ended.csv",
        "division,registry,valid_from,valid_to\n320104,320102,2024-11-01,2025-12-31\n",
    );
    let changes = directory::import(&store, &[open, new_registry, ended], "test", false).await.unwrap();
    assert_eq!(changes.len(), 3);
    assert_eq!(changes.iter().filter(|c| c.before.is_some()).count(), 1);

    let tables = directory::load(&store.client().await.unwrap()).await.unwrap();
    for (day, registry) in
        [("2024-10-31", None), ("2025-12-31", Some("320102")), ("2026-01-01", Some("320105"))]
    {
        let held = tables.in_force(day.parse().unwrap());
        let serving = held.divisions.iter().find(|((division, _), _)| division == "320104");
        assert_eq!(serving.map(|(_, row)| row.registry.as_str()), registry, "{day}");
        held.for_topology(Default::default()).unwrap();
    }
    env.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn principals_and_tokens_come_and_go_with_an_audit() {
    let (env, store) = Box::pin(prepared("principals")).await;
    directory::import(&store, &[file(&env, "provinces.csv", PROVINCES)], "test", false).await.unwrap();
    let mut client = store.client().await.unwrap();
    let tx = client.transaction().await.unwrap();
    principals::add(&tx, "test", "court-a", "court", None, None).await.unwrap();
    principals::add(&tx, "test", "c-32", "connector", Some("32"), None).await.unwrap();
    for (name, role, province, registry) in [
        ("Court", "court", None, None),
        ("c-44", "connector", Some("44"), None),
        ("c", "connector", None, None),
        ("o", "operator", Some("32"), None),
        ("clerk", "clerk", None, None),
        ("clerk", "clerk", None, Some("999999")),
        ("clerk", "clerk", Some("32"), None),
        ("o", "operator", None, Some("320102")),
    ] {
        let refused = principals::add(&tx, "test", name, role, province, registry).await.unwrap_err();
        assert!(matches!(refused, PrincipalError::Unfit(_)), "{name}: {refused}");
    }
    let twice = principals::add(&tx, "test", "court-a", "court", None, None).await.unwrap_err();
    assert!(matches!(twice, PrincipalError::Exists(_)));
    let token = principals::issue(&tx, "test", "court-a", None).await.unwrap();
    let other = principals::issue(&tx, "test", "court-a", None).await.unwrap();
    assert!(token.starts_with("xz_") && token.len() == 67 && token != other);
    tx.commit().await.unwrap();

    let ids: Vec<_> = principals::credentials(&client, "court-a").await.unwrap();
    assert!(ids.len() == 2 && ids.iter().all(|c| c.revoked_at.is_none()));
    let tx = client.transaction().await.unwrap();
    assert_eq!(principals::revoke(&tx, "test", "court-a", &ids[0].id).await.unwrap(), 1);
    assert_eq!(principals::revoke(&tx, "test", "court-a", "").await.unwrap(), 1);
    principals::disable(&tx, "test", "court-a").await.unwrap();
    principals::disable(&tx, "test", "court-a").await.unwrap();
    let nobody = principals::disable(&tx, "test", "nobody").await.unwrap_err();
    assert!(matches!(nobody, PrincipalError::Unknown(_)));
    tx.commit().await.unwrap();
    let listed = principals::list(&client).await.unwrap();
    assert_eq!(listed.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["c-32", "court-a"]);
    assert!(listed[1].disabled_at.is_some() && listed[1].credentials == 0);

    // Two provinces, two principals, two tokens, two revocations, one disabling.
    let report = audit::verify(&mut client).await.unwrap();
    assert_eq!((report.entries, report.problems.as_slice()), (9, &[][..]));
    env.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_audit_shows_what_was_altered_or_cut_off() {
    let (env, store) = Box::pin(prepared("audit_chain")).await;
    let writers = (0..8).map(|writer| {
        let store = store.clone();
        async move {
            for deed in 0..5 {
                let mut client = store.client().await.unwrap();
                let tx = client.transaction().await.unwrap();
                audit::record(&tx, &format!("w{writer}"), "operator", "test", &deed.to_string())
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
            }
        }
    });
    futures::future::join_all(writers).await;
    let mut client = store.client().await.unwrap();
    assert_eq!(audit::verify(&mut client).await.unwrap().entries, 40);

    // What was rolled back leaves no gap.
    let tx = client.transaction().await.unwrap();
    audit::record(&tx, "x", "operator", "test", "rolled back").await.unwrap();
    tx.rollback().await.unwrap();
    assert!(audit::verify(&mut client).await.unwrap().problems.is_empty());
    // Under the hub's role nothing can be altered; its owner must take the guard away first.
    assert!(client.execute("UPDATE audit SET actor = 'x'", &[]).await.is_err());
    client.batch_execute("RESET ROLE; ALTER TABLE audit DISABLE TRIGGER USER").await.unwrap();

    client.execute("UPDATE audit SET object = 'other' WHERE n = 7", &[]).await.unwrap();
    let report = audit::verify(&mut client).await.unwrap();
    assert_eq!(report.problems, ["entry 7 is not what was written"]);
    client.execute("DELETE FROM audit WHERE n >= 39", &[]).await.unwrap();
    let report = audit::verify(&mut client).await.unwrap();
    assert!(
        report.problems.iter().any(|p| p == "the head says entry 40, the chain ends at 38"),
        "{report:?}"
    );
    drop(client);
    env.finish().await.unwrap();
}
