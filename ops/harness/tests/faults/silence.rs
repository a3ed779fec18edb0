//! Lines that say nothing any more and do not break: packets vanish, or a server hangs with its sockets open.

use std::time::{Duration, Instant};

use futures::future::join_all;
use harness::loops::{are_full, lasting};
use harness::proxy::{Deed, Frame, Rule, Way};
use harness::wait::{self, Step};
use harness::world::{Caller, Part, World};
use reqwest::Method;

use crate::run::{PROVINCE, REGISTRY, Run, SOON};

/// Two heartbeats of ten seconds, and what a test machine needs on top.
const FOUND: Duration = Duration::from_secs(25);
/// T_refuse is five seconds; the rest is what a test machine needs on top, far from the half minute that a request may take.
const REFUSED: Duration = Duration::from_secs(8);
/// Longest time from the end of the silence until everything works again.
const BACK: Duration = Duration::from_secs(30);

/// Waits until a program says that it cannot work; how long that took.
async fn found(part: &Part, within: Duration) -> Duration {
    let begun = Instant::now();
    let what = format!("{} to find out", part.name());
    let noticed = wait::until(&what, within, async || match part.ready(Duration::from_millis(500)).await {
        Ok(()) => Step::Again("it says that it is ready".to_owned()),
        Err(_) => Step::Done(()),
    });
    noticed.await.unwrap();
    begun.elapsed()
}

/// Both lines to the broker go silent, both ways and each way alone. Hub and connector find out within two heartbeats and say
/// so; intake goes on; everything is delivered once when the lines are back.
#[tokio::test(flavor = "multi_thread")]
async fn a38_a_silent_broker_is_found_within_two_heartbeats() {
    let builder = World::builder("silent").provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]);
    let run = Run::start(builder.through_proxies()).await;
    let (hub, connector, links) = (&run.world.hub, run.world.connector(PROVINCE), run.world.links());
    let both = [Way::Up, Way::Down];
    let mut cases: Vec<&[Way]> = vec![&both];
    if are_full() {
        cases.extend([&both[..1], &both[1..]]);
    }
    let mut ids = run.submit_many(REGISTRY, 10, Duration::ZERO).await;
    for ways in cases {
        let load = run.submit_many(REGISTRY, 60, Duration::from_millis(500));
        let faults = async {
            links.broker.silence(ways);
            links.provinces.silence(ways);
            let (of_hub, of_connector) = tokio::join!(found(hub, FOUND), found(connector, FOUND));
            run.tell(&format!(
                "{ways:?}: the hub found out after {of_hub:.1?}, the connector after {of_connector:.1?}"
            ));
            // Silence goes on for as long as the matrix asks.
            tokio::time::sleep(lasting(3, 95)).await;
            links.clear();
            let back = Instant::now();
            hub.ready(BACK).await.unwrap();
            connector.ready(BACK.saturating_sub(back.elapsed())).await.unwrap();
            run.tell(&format!("working again {:.1?} after the silence", back.elapsed()));
        };
        let (accepted, ()) = tokio::join!(load, faults);
        ids.extend(accepted);
        run.replay_undelivered().await;
        run.all_registered_and_taken_once(&ids).await;
    }
    assert!(run.answers().iter().all(|(status, _)| *status < 300), "refused: {:?}", run.answers());
    assert_eq!(run.receipts().await.len(), ids.len());
    run.judge().await;
}

/// The line to the database goes silent. Courts get their refusal within five seconds, the hub says that it cannot work, and
/// goes on when the line is back.
#[tokio::test(flavor = "multi_thread")]
async fn a38_a_silent_database_is_refused_for_and_found() {
    let builder = World::builder("mute").provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]);
    // A statement may take two seconds here, so that silence shows after eight.
    let builder = builder.hub_env("XIEZHI_DATABASE__STATEMENT_TIMEOUT_MS", "2000");
    let run = Run::start(builder.through_proxies()).await;
    let (hub, links) = (&run.world.hub, run.world.links());
    let load = run.submit_many(REGISTRY, 40, Duration::from_millis(500));
    let faults = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        // Known at the gate, so that they wait for the work and not for the gate alone.
        run.world.operator().get("/v1/undelivered").await.unwrap();
        links.database.silence(&[Way::Up, Way::Down]);
        let (after, ()) = tokio::join!(found(hub, FOUND), everything_is_answered(&run));
        run.tell(&format!("the hub found out after {after:.1?}"));
        let refused = wait::until("a refusal", SOON, async || {
            run.answers().iter().any(|(status, code)| *status == 503 && code.starts_with("HUB-"))
        });
        refused.await.unwrap();
        // And with nobody known at the gate any more.
        everything_is_answered(&run).await;
        tokio::time::sleep(lasting(3, 100)).await;
        links.clear();
        let back = Instant::now();
        hub.ready(Duration::from_secs(10)).await.unwrap();
        run.tell(&format!("ready {:.1?} after the silence", back.elapsed()));
    };
    let (ids, ()) = tokio::join!(load, faults);
    let refusals: Vec<_> = run.answers().into_iter().filter(|(status, _)| *status >= 300).collect();
    assert!(refusals.iter().all(|(status, code)| *status == 503 && code.starts_with("HUB-")), "{refusals:?}");
    run.replay_undelivered().await;
    run.all_registered_and_taken_once(&ids).await;
    run.judge().await;
}

/// Whatever is asked of the API while the database is silent: readings, changes that may be repeated, and changes that may not,
/// all at once. Each is answered in time, with a code, and only the last kind leaves open whether it was done.
async fn everything_is_answered(run: &Run) {
    let order = br#"{"action": "replay", "select": {"filter": {}}, "dry_run": false, "pace_per_second": 10,
                     "reason": "asked while the database is silent"}"#;
    let hook = br#"{"url": "https://127.0.0.1:9/feedback"}"#;
    let (court, operator): (&Caller, &Caller) = (&run.world.court("court-a"), &run.world.operator());
    let asked = [
        (court, Method::GET, "/v1/demands", None),
        (court, Method::GET, "/v1/feedback?after=0&wait_secs=30", None),
        (court, Method::PUT, "/v1/webhook", Some(hook.to_vec())),
        (operator, Method::GET, "/v1/undelivered", None),
        (operator, Method::POST, "/v1/undelivered/jobs", Some(order.to_vec())),
    ];
    let answered = asked.map(async |(caller, method, path, body)| {
        let begun = Instant::now();
        let answer = caller.request(method.clone(), path, body.map(|body| ("application/json", body))).await;
        let (answer, took) = (answer.unwrap(), begun.elapsed());
        run.tell(&format!("{method} {path}: {} {} after {took:.1?}", answer.status, answer.code()));
        assert!(took < REFUSED, "{method} {path} took {took:.1?}");
        assert_eq!(answer.status.as_u16(), 503, "{method} {path}: {}", answer.body);
        // An order that may have been carried out must not be called safe to repeat.
        let codes = if method == Method::POST { ["HUB-1406", "HUB-5001"] } else { ["HUB-1009", "HUB-5001"] };
        assert!(codes.contains(&answer.code()), "{method} {path}: {}", answer.body);
    });
    join_all(answered).await;
}

/// The database's end of both connections that accept is gone, and the hub's end hears nothing, as behind a broken balancer.
/// Courts are refused in time, and acceptance goes on by itself on new connections.
#[tokio::test(flavor = "multi_thread")]
async fn a38_connections_that_accept_are_given_up_when_they_stay_silent() {
    let builder = World::builder("writers").provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]);
    // A dozen statements of half a second: what says nothing for six is given up.
    let builder = builder.hub_env("XIEZHI_DATABASE__STATEMENT_TIMEOUT_MS", "500");
    let run = Run::start(builder.through_proxies()).await;
    let rule = Rule::new(Frame::Commit, Deed::HalfClose).within("INSERT INTO demand").times(2);
    let gone = run.world.links().database.arm(rule);
    let begun = Instant::now();
    let id = run.submit(&run.demand(REGISTRY)).await;
    run.tell(&format!("accepted after {:.1?}", begun.elapsed()));
    assert_eq!(gone.strikes().len(), 2, "not both of them were struck");
    assert!(run.answers().iter().any(|(status, _)| *status == 503), "nobody was refused");
    run.all_registered_and_taken_once(&[id]).await;
    run.judge().await;
}

/// Each look at the database takes two seconds longer, and five hundred courts ask at once. Everybody is answered within five
/// seconds, by acceptance or by a refusal that harms nothing, and all is accepted once when the database is quick again.
#[tokio::test(flavor = "multi_thread")]
async fn a45_a_slow_database_makes_nobody_wait_for_long() {
    let builder = World::builder("slow").provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]);
    let run = Run::start(builder.through_proxies()).await;
    let database = &run.world.links().database;
    let bodies: Vec<_> = (0..500).map(|_| run.demand(REGISTRY)).collect();
    database.delay(Duration::from_secs(1));
    let begun = Instant::now();
    // Within a second, so that all wait at once and none waits for this test's own processor.
    let attempts = bodies.iter().zip(0..).map(async |(body, place)| {
        tokio::time::sleep(Duration::from_millis(2) * place).await;
        run.attempt(body).await
    });
    join_all(attempts).await;
    let all_within = begun.elapsed();
    database.clear();
    let answers = run.answers();
    let refused = answers.iter().filter(|(status, _)| *status == 503).count();
    run.tell(&format!("{} answers within {all_within:.1?}, {refused} of them refusals", answers.len()));
    assert_eq!(answers.len(), 500, "somebody got no answer");
    assert!(answers.iter().all(|(status, _)| matches!(status, 200..=299 | 503)), "{answers:?}");
    assert!(refused > 0, "the database was not slow");
    let mut ids = Vec::new();
    for body in &bodies {
        ids.push(run.submit(body).await);
    }
    run.all_registered_and_taken_once(&ids).await;
    run.judge().await;
}

/// Each look at the database takes half a second longer: the clock can still be read within its bound, and what a registry took
/// is stamped while the slowness lasts.
#[tokio::test(flavor = "multi_thread")]
async fn a45_the_ledger_goes_on_by_a_slow_database() {
    let builder =
        World::builder("slow_ledger").provinces(&[PROVINCE]).registries_each(1).courts(&["court-a"]);
    let run = Run::start(builder.through_proxies()).await;
    let database = &run.world.links().database;
    run.world.fault(REGISTRY, "stall").await.unwrap();
    let ids = run.submit_many(REGISTRY, 6, Duration::ZERO).await;
    wait::until("the registry to hold them", SOON, async || {
        run.world.county(PROVINCE).held().await.unwrap() == 6
    })
    .await
    .unwrap();
    database.delay(Duration::from_millis(250));
    run.world.fault(REGISTRY, "none").await.unwrap();
    let stamped = "SELECT count(*) FROM inv_receipt";
    run.wait_for_count("all to be stamped while the database is slow", stamped, 6, SOON).await;
    database.clear();
    run.all_registered_and_taken_once(&ids).await;
    run.judge().await;
}
