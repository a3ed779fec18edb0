//! Logs, traces and counters.
//!
//! One event is one line of JSON on standard error. Traces and counters leave over OTLP (HTTP, protobuf) when a collector is
//! configured; without one nothing is sent and spans cost next to nothing.

pub mod trace;

use std::{io, time::Duration};

use opentelemetry::{KeyValue, global, trace::TracerProvider};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use tracing::{Level, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::Targets,
    fmt::MakeWriter,
    layer::SubscriberExt,
    registry::LookupSpan,
    util::{SubscriberInitExt, TryInitError},
};

use crate::config::{LogFormat, TelemetrySettings};
pub use trace::{link, set_parent, traceparent};

/// What is logged. The AMQP client logs a returned message whole, body and all, so that part of it is off whatever the
/// settings say: a demand names persons.
fn log_filter(wanted: &str) -> Result<EnvFilter, TelemetryError> {
    let filter: EnvFilter = wanted.parse().map_err(TelemetryError::Filter)?;
    Ok(filter.add_directive("lapin::returned_messages=off".parse().expect("the directive is well-formed")))
}

/// Name under which the hub reports.
const SERVICE: &str = "xiezhi-hub";
/// How often counters are sent.
const METRIC_PERIOD: Duration = Duration::from_secs(15);
/// How long one export may take before its batch is dropped; the hub never waits for its collector.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The collector's address cannot be used.
    #[error("[HUB-1016] the exporter for {endpoint} cannot be made; check telemetry.otlp_endpoint")]
    Exporter {
        /// The address, without path.
        endpoint: String,
        /// Why.
        #[source]
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// There is a subscriber already.
    #[error("[HUB-1017] logging was set up twice in one process")]
    Twice(#[source] TryInitError),
    /// The filter is none.
    #[error("[HUB-1013] telemetry.log_filter: expected a filter such as info or hub=debug,info")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
}

/// Keeps the exporters; [`Guard::shutdown`] sends what they still hold.
#[derive(Debug, Default)]
#[must_use = "dropping it loses the last spans"]
pub struct Guard {
    tracer: Option<SdkTracerProvider>,
    meter: Option<SdkMeterProvider>,
}

impl Guard {
    /// Whether anything leaves the process.
    pub fn exports(&self) -> bool {
        self.tracer.is_some()
    }

    /// Sends what is left, off the runtime because the exporters block. Failing to is logged and no more.
    pub async fn shutdown(self) {
        let ended = tokio::task::spawn_blocking(move || {
            let tracer = self.tracer.map(|tracer| tracer.shutdown());
            let meter = self.meter.map(|meter| meter.shutdown());
            for problem in [tracer, meter].into_iter().flatten().filter_map(Result::err) {
                tracing::warn!(error = %problem, "the last telemetry could not be sent");
            }
        });
        if let Err(error) = ended.await {
            tracing::warn!(%error, "telemetry did not shut down");
        }
    }
}

/// Sets up logs for the process and, with a collector, traces and counters. Call once, inside the runtime.
///
/// # Errors
/// See [`TelemetryError`].
pub fn init(settings: &TelemetrySettings) -> Result<Guard, TelemetryError> {
    let guard = exporters(settings)?;
    global::set_text_map_propagator(TraceContextPropagator::new());
    let traces = guard.tracer.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(SERVICE))
            // Only our own spans: those of the HTTP client that exports them would export themselves for ever.
            .with_filter(
                Targets::new()
                    .with_target("hub", Level::INFO)
                    .with_target("xiezhi_domain", Level::INFO)
                    .with_target("xiezhi_schemas", Level::INFO),
            )
    });
    let filter = log_filter(&settings.log_filter)?;
    tracing_subscriber::registry()
        .with(lines(settings.log_format, io::stderr).with_filter(filter))
        .with(traces)
        .try_init()
        .map_err(TelemetryError::Twice)?;
    Ok(guard)
}

fn exporters(settings: &TelemetrySettings) -> Result<Guard, TelemetryError> {
    let endpoint = settings.otlp_endpoint.trim_end_matches('/');
    if endpoint.is_empty() {
        return Ok(Guard::default());
    }
    let failed = |source| TelemetryError::Exporter { endpoint: endpoint.to_owned(), source };
    let resource = Resource::builder()
        .with_service_name(SERVICE)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let spans = SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{endpoint}/v1/traces"))
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(failed)?;
    let numbers = MetricExporter::builder()
        .with_http()
        .with_endpoint(format!("{endpoint}/v1/metrics"))
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(failed)?;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample_ratio)));
    let tracer = SdkTracerProvider::builder()
        .with_batch_exporter(spans)
        .with_sampler(sampler)
        .with_resource(resource.clone())
        .build();
    let reader = PeriodicReader::builder(numbers).with_interval(METRIC_PERIOD).build();
    let meter = SdkMeterProvider::builder().with_reader(reader).with_resource(resource).build();
    global::set_tracer_provider(tracer.clone());
    global::set_meter_provider(meter.clone());
    Ok(Guard { tracer: Some(tracer), meter: Some(meter) })
}

/// The hub's instruments: counters made from it go nowhere when there is no collector.
pub fn meter() -> opentelemetry::metrics::Meter {
    global::meter(SERVICE)
}

/// One event a line. JSON escapes control characters, so that no value can fake a second line.
fn lines<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    match format {
        LogFormat::Json => {
            layer.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
        }
        LogFormat::Text => layer.compact().boxed(),
    }
}

#[cfg(test)]
mod tests {

    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn settings(otlp_endpoint: &str) -> TelemetrySettings {
        TelemetrySettings {
            log_format: LogFormat::Json,
            log_filter: "info".to_owned(),
            otlp_endpoint: otlp_endpoint.to_owned(),
            sample_ratio: 1.0,
        }
    }

    fn logged(format: LogFormat, log: impl FnOnce()) -> String {
        let memory = Memory::default();
        let sink = memory.clone();
        let subscriber = tracing_subscriber::registry().with(lines(format, move || sink.clone()));
        tracing::subscriber::with_default(subscriber, log);
        let bytes = memory.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn one_event_is_one_line_of_json_whatever_it_holds() {
        let log = logged(LogFormat::Json, || {
            let span = tracing::info_span!("stamp", registry = "320102");
            let _entered = span.enter();
            tracing::warn!(
                request_id = "r-1",
                detail = "a\nb\u{1b}[31m\r\u{0}\u{2028}",
                "late\n{{\"level\":\"FAKE\"}}"
            );
        });
        assert_eq!(log.matches('\n').count(), 1, "{log:?}");
        assert!(!log.trim_end().chars().any(char::is_control), "{log:?}");
        let line: serde_json::Value = serde_json::from_str(&log).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["request_id"], "r-1");
        assert_eq!(line["span"]["registry"], "320102");
        assert_eq!(line["message"], "late\n{\"level\":\"FAKE\"}");
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn text_lines_escape_control_characters_too() {
        let log = logged(LogFormat::Text, || tracing::info!(detail = "a\u{1b}[31mb", "ready"));
        assert!(log.contains("ready") && !log.contains('\u{1b}'), "{log:?}");
    }

    /// Takes one request and answers it; what came first on the line is returned.
    fn collector(listener: std::net::TcpListener) -> std::thread::JoinHandle<String> {
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 4096];
            let length = io::Read::read(&mut stream, &mut head).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            io::Write::write_all(&mut stream, answer).unwrap();
            String::from_utf8_lossy(&head[..length]).lines().next().unwrap_or_default().to_owned()
        })
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_last_spans_leave_before_the_end() {
        // Another test of this process may have installed it before.
        rustls::crypto::ring::default_provider().install_default().ok();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        let seen = collector(listener);
        let mut guard = exporters(&settings(&endpoint)).unwrap();
        assert!(guard.exports());
        // The counters would send to the same place; here only the spans are of interest.
        guard.meter = None;
        opentelemetry::trace::Tracer::start(&guard.tracer.as_ref().unwrap().tracer("test"), "stamp");
        guard.shutdown().await;
        let line = tokio::task::spawn_blocking(|| seen.join().unwrap()).await.unwrap();
        assert_eq!(line, "POST /v1/traces HTTP/1.1");
    }

    #[test]
    fn without_a_collector_there_is_no_exporter() {
        assert!(!exporters(&settings("")).unwrap().exports());
        assert_eq!(traceparent(), None);
    }

    #[test]
    fn returned_messages_reach_no_log() {
        for wanted in ["info", "trace", "lapin=trace,info"] {
            let filter = log_filter(wanted).unwrap();
            assert!(filter.to_string().contains("lapin::returned_messages=off"), "{filter}");
        }
    }
}
