//! A running hub with a collector: its counters and its traces arrive there, in the collector's own format.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::{Router, body::Bytes, extract::State, routing::post};
use harness::wait::{self, Step};
use harness::world::{World, demand};
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::any_value::Value,
    metrics::v1::{metric::Data, number_data_point},
    resource::v1::Resource,
    trace::v1::Span,
};
use prost::Message as _;
use tokio::net::TcpListener;
use xiezhi_schemas::message::Kind;

/// The numbers are sent every quarter of a minute.
const SOON: Duration = Duration::from_secs(60);

/// What arrived so far.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Arrived>>);

#[derive(Default)]
struct Arrived {
    /// Newest value by name and labels.
    counters: BTreeMap<String, i64>,
    spans: Vec<Span>,
}

fn assert_ours(resource: Option<Resource>) {
    let attributes = resource.unwrap().attributes;
    let name = attributes.iter().find(|attribute| attribute.key == "service.name").unwrap();
    assert_eq!(text(name.value.clone().unwrap().value), "xiezhi-hub");
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::StringValue(text)) => text,
        other => panic!("no text: {other:?}"),
    }
}

async fn metrics(State(collector): State<Collector>, body: Bytes) {
    for resource in ExportMetricsServiceRequest::decode(body).unwrap().resource_metrics {
        assert_ours(resource.resource);
        for metric in resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
            let Some(Data::Sum(sum)) = metric.data else { continue };
            for point in sum.data_points {
                let labels: Vec<_> = point
                    .attributes
                    .into_iter()
                    .map(|a| format!("{}={}", a.key, text(a.value.unwrap().value)))
                    .collect();
                let Some(number_data_point::Value::AsInt(value)) = point.value else { continue };
                let key = format!("{}{{{}}}", metric.name, labels.join(","));
                collector.0.lock().unwrap().counters.insert(key, value);
            }
        }
    }
}

async fn traces(State(collector): State<Collector>, body: Bytes) {
    for resource in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
        assert_ours(resource.resource);
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        collector.0.lock().unwrap().spans.extend(spans);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_and_traces_of_a_running_hub_arrive_at_a_collector() {
    let collector = Collector::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/v1/metrics", post(metrics))
        .route("/v1/traces", post(traces))
        .with_state(collector.clone());
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(axum::serve(listener, router).into_future());

    let world = World::builder("telemetry")
        .provinces(&["32"])
        .registries_each(1)
        .hub_env("XIEZHI_TELEMETRY__OTLP_ENDPOINT", &endpoint)
        .hub_env("XIEZHI_TELEMETRY__SAMPLE_RATIO", "1.0")
        .start()
        .await
        .unwrap();
    let court = world.court("court-a");
    let request = court.send(&demand(Kind::Seizure, "320102").build()).await.unwrap()[0];
    court.wait_for_state(request, "registered", SOON).await.unwrap();

    // One trace from the court's submission to the hub's publish.
    let id = request.to_string();
    wait::until("the trace of the demand", SOON, async || {
        let arrived = collector.0.lock().unwrap();
        let attribute = |span: &Span, key: &str| {
            span.attributes.iter().find(|a| a.key == key).map(|a| text(a.value.clone().unwrap().value))
        };
        let published = arrived.spans.iter().find(|span| {
            span.name == "court publish" && attribute(span, "request_id").as_deref() == Some(&id)
        });
        let Some(published) = published else { return Step::Again(format!("{} spans", arrived.spans.len())) };
        let submitted = arrived.spans.iter().find(|span| {
            span.trace_id == published.trace_id
                && attribute(span, "http.route").as_deref() == Some("/v1/demands")
        });
        submitted.map_or(Step::Again("no submission in that trace".to_owned()), |_| Step::Done(()))
    })
    .await
    .unwrap();

    wait::until("the counters", SOON, async || {
        let arrived = collector.0.lock().unwrap();
        let value = |key: &str| arrived.counters.get(key).copied().unwrap_or_default();
        let (stored, created) =
            (value("xiezhi_documents_stored_total{}"), value("xiezhi_http_requests_total{status=201}"));
        match stored >= 1 && created >= 2 {
            true => Step::Done(()),
            false => Step::Again(format!("{:?}", arrived.counters)),
        }
    })
    .await
    .unwrap();
    world.finish().await.unwrap();
}
