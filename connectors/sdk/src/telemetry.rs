//! Logs as one JSON line per event, and traces that go on from the hub through the connector and back. Nothing here may hold
//! personal data: spans and events carry ids, counts and times.

use std::time::Duration;

use opentelemetry::{
    global,
    propagation::{Extractor, Injector},
    trace::TracerProvider as _,
};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    config::{Config, Telemetry},
    config_error::ConfigError,
};

/// Keeps traces flowing; call [`Guard::finish`] before the process ends.
#[must_use = "traces end with it"]
pub struct Guard(Option<SdkTracerProvider>);

impl Guard {
    /// Sends what is left. Blocks for up to five seconds, so it must not run on a thread of the runtime.
    pub fn finish(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown_with_timeout(Duration::from_secs(5))
        {
            tracing::warn!(%error, "the last traces may be lost");
        }
    }
}

/// Starts logs (standard error) and, when an endpoint is set, traces. Call it once, before anything else logs.
///
/// # Errors
/// When filter or endpoint cannot be used.
pub fn start(config: &Config) -> Result<Guard, ConfigError> {
    let Telemetry { log, otlp_endpoint } = &config.telemetry;
    let filter =
        EnvFilter::try_new(log).map_err(|error| ConfigError::new("telemetry.log", error.to_string()))?;
    let provider = match otlp_endpoint.as_str() {
        "" => None,
        endpoint => Some(exporter(endpoint, &config.name)?),
    };
    // The exporter's own connections must not be traced: each export would cause another.
    let traces = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer().with_tracer(provider.tracer("connector")).with_filter(EnvFilter::new(
            "info,hyper=off,hyper_util=off,h2=off,reqwest=off,tonic=off,opentelemetry=off",
        ))
    });
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(std::io::stderr)
        .with_filter(filter);
    global::set_text_map_propagator(TraceContextPropagator::new());
    tracing_subscriber::registry()
        .with(traces)
        .with(lines)
        .try_init()
        .map_err(|error| ConfigError::new("telemetry", error.to_string()))?;
    Ok(Guard(provider))
}

fn exporter(endpoint: &str, name: &str) -> Result<SdkTracerProvider, ConfigError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()
        .map_err(|error| ConfigError::new("telemetry.otlp_endpoint", error.to_string()))?;
    let resource = Resource::builder()
        .with_service_name("xiezhi-connector")
        .with_attribute(opentelemetry::KeyValue::new("service.instance.id", name.to_owned()))
        .build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Makes `span` a child of the span that the carrier tells of.
pub(crate) fn continue_from(span: &Span, carrier: &dyn Extractor) {
    let parent = global::get_text_map_propagator(|propagator| propagator.extract(carrier));
    if span.set_parent(parent).is_err() {
        tracing::trace!("traces are off");
    }
}

/// Writes the current span into a message.
pub(crate) fn inject(carrier: &mut dyn Injector) {
    let context = Span::current().context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, carrier));
}

/// Notes on the current span that it also serves `other`.
pub(crate) fn link(current: &Span, other: &Span) {
    use opentelemetry::trace::TraceContextExt;
    current.add_link(other.context().span().span_context().clone());
}
