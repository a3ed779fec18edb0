//! Cursors of lists that are ordered by an instant and an id.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use jiff::Timestamp;
use uuid::Uuid;

use super::{codes, problem::Problem};

/// Opaque on purpose: callers must not build positions of their own.
pub(crate) fn cursor(at: Timestamp, id: Uuid) -> String {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&at.as_microsecond().to_be_bytes());
    bytes[8..].copy_from_slice(id.as_bytes());
    BASE64.encode(bytes)
}

/// The place that a cursor names.
///
/// # Errors
/// 400 when this hub did not make it.
pub(crate) fn read_cursor(text: &str) -> Result<(Timestamp, Uuid), Problem> {
    let read = || {
        let bytes: [u8; 24] = BASE64.decode(text).ok()?.try_into().ok()?;
        let (at, id) = bytes.split_at(8);
        let at = Timestamp::from_microsecond(i64::from_be_bytes(at.try_into().ok()?)).ok()?;
        Some((at, Uuid::from_slice(id).ok()?))
    };
    read().ok_or_else(|| Problem::new(codes::QUERY, "the cursor is not one that this hub gave"))
}

/// Cuts a list that was read with one more than asked for; true when there is a next page.
pub(crate) fn cut<T>(found: &mut Vec<T>, limit: i64) -> bool {
    let more = i64::try_from(found.len()).is_ok_and(|count| count > limit);
    if more {
        found.pop();
    }
    more
}

/// The page size of a query.
///
/// # Errors
/// 400 beyond 1 to 500.
pub(crate) fn page_size(asked: Option<i64>) -> Result<i64, Problem> {
    let limit = asked.unwrap_or(50);
    if (1..=500).contains(&limit) { Ok(limit) } else { Err(Problem::new(codes::QUERY, "limit is 1 to 500")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let at: Timestamp = "2026-03-01T01:02:03.456789Z".parse().unwrap();
        let id = Uuid::from_u128(7);
        assert_eq!(read_cursor(&cursor(at, id)).unwrap(), (at, id));
        for text in ["", "x", "AAAA", "////////////////////////////////"] {
            assert!(read_cursor(text).is_err(), "{text}");
        }
    }
}
