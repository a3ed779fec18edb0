//! The only place that names the broker's client library. A connection, its channels and its consumers live and die
//! together here: the library's own recovery stays off, because it lets an acknowledgement wait until the broker is back.

mod asker;
mod error;
mod link;
mod parcel;
mod probe;
mod url;

pub use self::error::chain;
pub(crate) use self::{
    asker::{AskError, Asker},
    error::BusError,
    link::{Link, Subscription},
    parcel::Parcel,
    probe::{probe_queue, probe_up_exchange},
    url::BrokerUrl,
};
