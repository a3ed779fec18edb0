//! The W3C trace context (`traceparent`) of spans: it travels in HTTP and AMQP headers and waits in the outbox, so that one
//! trace shows the whole road of a demand.

use std::collections::HashMap;

use opentelemetry::{
    Context,
    propagation::TextMapPropagator,
    trace::{SpanContext, TraceContextExt},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Name of the header, in HTTP and AMQP alike.
pub const HEADER: &str = "traceparent";

/// The current span as `traceparent`; `None` when there is no trace to continue.
pub fn traceparent() -> Option<String> {
    of_context(&Span::current().context())
}

fn of_context(context: &Context) -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(context, &mut carrier);
    carrier.remove(HEADER)
}

/// Makes `span` a child of the span that `traceparent` names. Call before the span is entered. Anything that is no valid
/// `traceparent` is ignored: it comes from outside and is worth no error.
pub fn set_parent(span: &Span, traceparent: &str) {
    let context = context(traceparent);
    if context.span().span_context().is_valid() && span.set_parent(context).is_err() {
        tracing::debug!("a span has no place for its parent");
    }
}

/// Lets `span` point to the span that `traceparent` names without being its child: for batches, which have many causes.
pub fn link(span: &Span, traceparent: &str) {
    let cause: SpanContext = context(traceparent).span().span_context().clone();
    if cause.is_valid() {
        span.add_link(cause);
    }
}

fn context(traceparent: &str) -> Context {
    let carrier = HashMap::from([(HEADER.to_owned(), traceparent.to_owned())]);
    TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_goes_on_where_it_came_from() {
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let subscriber =
            tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer));
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("publish");
            set_parent(&span, GIVEN);
            let next = span.in_scope(traceparent).unwrap();
            assert!(next.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && next != GIVEN, "{next}");

            let other = tracing::info_span!("batch");
            link(&other, GIVEN);
            set_parent(&other, "00-nonsense-01");
            let own = other.in_scope(traceparent).unwrap();
            assert!(!own.contains("0af7651916cd43dd8448eb211c80319c"));
        });
    }
}
