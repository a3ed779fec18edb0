//! Statements that every connection of the road plans when it is made, so that those that need nothing of each other go out
//! together and cost one round trip. What is sent together is worked off in the order in which it is sent; an unplanned
//! statement would be planned first and sent behind the others, and with it the locks that it takes.

/// Receipts and outcomes, in the order in which they are first used.
pub const ROAD: &[&str] = &[
    "SELECT clock_timestamp()",
    include_str!("queries/ledger_head/lock.sql"),
    include_str!("queries/ledger_head/advance.sql"),
    include_str!("queries/request/lock.sql"),
    include_str!("queries/receipt/find.sql"),
    include_str!("queries/outcome/of_requests.sql"),
    include_str!("queries/request/overtaken.sql"),
    include_str!("queries/receipt/insert.sql"),
    include_str!("queries/request/apply_states.sql"),
    include_str!("queries/event/insert.sql"),
    include_str!("queries/feedback/append.sql"),
    include_str!("queries/outcome/insert.sql"),
    include_str!("queries/outcome/dispose.sql"),
    include_str!("queries/request/of_register.sql"),
    include_str!("queries/unit_head/ensure.sql"),
    include_str!("queries/unit_head/lock.sql"),
    include_str!("queries/unit_event/reports.sql"),
    include_str!("queries/receipt/of_units.sql"),
    include_str!("queries/order_decision/of_units.sql"),
    include_str!("queries/unit_event/insert.sql"),
    include_str!("queries/unit_seizure/put.sql"),
    include_str!("queries/unit_head/advance.sql"),
];
