//! The private servers start, answer, and come back with their data after a kill: everything else in the test
//! runs rests on that.
#![allow(
    clippy::disallowed_methods,
    reason = "the fences are for the programs; this tests what they stand on"
)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use harness::{PostgresOptions, Rabbit, Stack, StackOptions, TestEnv, wait};
use lapin::options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use tokio_postgres::{Client, NoTls};

async fn sql(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(async move { connection.await.ok() });
    client
}

async fn amqp(url: &str) -> lapin::Result<(Connection, lapin::Channel)> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    Ok((connection, channel))
}

async fn declare(channel: &lapin::Channel, queue: &str) {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.into(), options, arguments).await.unwrap();
}

async fn publish(channel: &lapin::Channel, queue: &str, body: &[u8]) {
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let durable = BasicProperties::default().with_delivery_mode(2);
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let confirm = channel.basic_publish("".into(), queue.into(), options, body, durable).await.unwrap();
    assert!(confirm.await.unwrap().is_ack());
}

async fn get(url: &str, queue: &str) -> Vec<u8> {
    let look = async || {
        let (_connection, channel) = amqp(url).await?;
        let got = channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await?;
        Ok::<_, lapin::Error>(got.map(|message| message.delivery.data))
    };
    // A get that reaches a quorum queue before its leader is elected may never be answered: ask again.
    let took = wait::until("the message", Duration::from_secs(30), async || {
        match tokio::time::timeout(Duration::from_secs(2), look()).await {
            Ok(Ok(Some(body))) => wait::Step::Done(body),
            other => wait::Step::Again(format!("{other:?}")),
        }
    });
    took.await.unwrap()
}

#[tokio::test]
async fn data_survives_kill_and_restart_of_both_servers() {
    let stack = Stack::private("survive").await.unwrap();
    println!("both servers ready after {:?}", stack.started_in());
    let (pg, mq) = (&stack.postgres, &stack.rabbit);

    let db = pg.create_database("kept").await.unwrap();
    let client = sql(&db).await;
    client.batch_execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)").await.unwrap();
    let vhost = mq.create_vhost("kept").await.unwrap();
    let (_connection, channel) = amqp(&vhost).await.unwrap();
    declare(&channel, "kept").await;
    publish(&channel, "kept", b"seven").await;
    mq.settle().await.unwrap();

    let (pg_pid, mq_pid) = (pg.pid().unwrap(), mq.pid().unwrap());
    pg.kill9();
    mq.kill9();
    assert!(!pg.is_running() && !mq.is_running());
    assert!(client.simple_query("SELECT 1").await.is_err(), "the session must have died with the server");
    assert!(amqp(&vhost).await.is_err(), "nobody may answer for a dead broker");
    let begin = std::time::Instant::now();
    pg.restart().await.unwrap();
    println!("PostgreSQL back after {:?}", begin.elapsed());
    let begin = std::time::Instant::now();
    mq.restart().await.unwrap();
    println!("RabbitMQ back after {:?}", begin.elapsed());
    assert_ne!((pg.pid().unwrap(), mq.pid().unwrap()), (pg_pid, mq_pid));

    let row = sql(&db).await.query_one("SELECT n FROM kept", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 7);
    assert_eq!(get(&vhost, "kept").await, b"seven");

    // An orderly restart keeps everything as well, and a deleted place is gone.
    pg.restart().await.unwrap();
    sql(&db).await.query_one("SELECT n FROM kept", &[]).await.unwrap();
    pg.drop_database("kept").await.unwrap();
    assert!(tokio_postgres::connect(&db, NoTls).await.is_err());
    mq.delete_vhost("kept").await.unwrap();
    assert!(amqp(&vhost).await.is_err());

    let dir = stack.dir().to_owned();
    stack.stop().await.unwrap();
    assert!(!dir.exists(), "a stopped stack leaves no directory");
}

#[tokio::test]
async fn the_clock_of_a_running_database_can_be_turned() {
    let home = std::sync::Arc::new(harness::home::Home::create("clock").unwrap());
    let options = PostgresOptions { faketime: true, fsync: false, ..PostgresOptions::default() };
    let pg = harness::Postgres::start(&home, options).await.unwrap();
    let client = sql(&pg.url("postgres")).await;
    let offset = async |client: &Client| {
        let row =
            client.query_one("SELECT extract(epoch FROM clock_timestamp())::float8", &[]).await.unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        row.get::<_, f64>(0) - now.as_secs_f64()
    };
    assert!(offset(&client).await.abs() < 2.0);
    for (set, want) in [("-300s", -300.0), ("+2h", 7200.0), ("+0", 0.0)] {
        pg.set_clock_offset(set).unwrap();
        let got = offset(&client).await;
        assert!((got - want).abs() < 2.0, "set {set}, found {got}");
        // A session that begins under the turned clock sees the same time.
        assert!((offset(&sql(&pg.url("postgres")).await).await - want).abs() < 2.0);
    }
    // Sleeping uses the monotonic clock and is not disturbed.
    pg.set_clock_offset("+1d").unwrap();
    let begin = std::time::Instant::now();
    client.batch_execute("SELECT pg_sleep(0.2)").await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_disk_alarm_stops_publishers_and_can_be_cleared() {
    let home = std::sync::Arc::new(harness::home::Home::create("alarm").unwrap());
    let mq = Rabbit::start(&home, harness::RabbitOptions::default()).await.unwrap();
    let url = mq.amqp_url("/");
    let (_connection, channel) = amqp(&url).await.unwrap();
    declare(&channel, "q").await;
    assert!(!mq.management().alarm().await.unwrap());
    mq.set_disk_alarm(true).await.unwrap();
    let blocked = tokio::time::timeout(Duration::from_secs(1), publish(&channel, "q", b"late"));
    assert!(blocked.await.is_err(), "a publish during the alarm must get no confirm");
    mq.set_disk_alarm(false).await.unwrap();
    assert_eq!(get(&url, "q").await, b"late");
    assert!(mq.ctl(&["list_queues", "name", "--silent"]).await.unwrap().contains('q'));
    assert!(mq.ctl(&["no_such_command"]).await.is_err());
}

#[tokio::test]
async fn a_frozen_server_answers_again_when_it_goes_on() {
    let options = StackOptions {
        postgres: PostgresOptions { fsync: false, ..PostgresOptions::default() },
        ..StackOptions::default()
    };
    let stack = Stack::start("frozen", options).await.unwrap();
    let client = sql(&stack.postgres.url("postgres")).await;
    stack.postgres.sigstop();
    stack.rabbit.sigstop();
    let brief = Duration::from_millis(500);
    assert!(tokio::time::timeout(brief, client.simple_query("SELECT 1")).await.is_err());
    assert!(tokio::time::timeout(brief, amqp(&stack.rabbit.amqp_url("/"))).await.is_err());
    stack.postgres.sigcont();
    stack.rabbit.sigcont();
    client.simple_query("SELECT 1").await.unwrap();
    amqp(&stack.rabbit.amqp_url("/")).await.unwrap();
    assert!(stack.rabbit.usage().unwrap().resident > 50 << 20);
    assert!(stack.postgres.usage().unwrap().cpu > Duration::ZERO);
}

#[tokio::test]
async fn each_test_has_its_own_database_and_vhost() {
    let (one, two) = (TestEnv::new("own places").await.unwrap(), TestEnv::new("own places").await.unwrap());
    sql(one.database_url()).await.batch_execute("CREATE TABLE only_one ()").await.unwrap();
    let none = sql(two.database_url()).await.query_one("SELECT to_regclass('only_one')::text", &[]).await;
    assert_eq!(none.unwrap().get::<_, Option<String>>(0), None);
    let (_connection, channel) = amqp(one.broker_url()).await.unwrap();
    declare(&channel, "only_one").await;
    assert_eq!(two.management().get(&["queues", two.name()]).await.unwrap(), serde_json::json!([]));
    assert!(one.broker_url_as("xz-hub", "p/w").unwrap().contains("xz-hub:p%2Fw@"));

    let gone = (one.database_url().to_owned(), one.broker_url().to_owned());
    one.finish().await.unwrap();
    assert!(tokio_postgres::connect(&gone.0, NoTls).await.is_err());
    assert!(amqp(&gone.1).await.is_err());
    // Dropping without `finish` clears up too.
    let gone = two.database_url().to_owned();
    drop(two);
    assert!(tokio_postgres::connect(&gone, NoTls).await.is_err());
}
