//! Reading bodies within limits of size and time.

use std::{future::Future, time::Duration};

use axum::body::{Body, Bytes};
use futures::StreamExt;

use super::{codes, problem::Problem};

/// Reads a body whole.
///
/// # Errors
/// 413 beyond `most` bytes, 408 when it takes longer than `time` or breaks off.
pub(crate) async fn whole(body: Body, most: usize, time: Duration) -> Result<Bytes, Problem> {
    in_time(time, async {
        let mut read = Vec::new();
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| broken())?;
            if read.len() + piece.len() > most {
                let detail = format!("a body here has at most {most} bytes; documents are uploaded apart");
                return Err(Problem::new(codes::BODY_TOO_LARGE, detail));
            }
            read.extend_from_slice(&piece);
        }
        Ok(read.into())
    })
    .await?
}

/// Bounds the time a sender may take, so that slow senders hold no memory for ever.
///
/// # Errors
/// 408 when `time` is over.
pub(crate) async fn in_time<T>(time: Duration, work: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(time, work).await.map_err(|_| broken())
}

fn broken() -> Problem {
    Problem::new(codes::TOO_SLOW, "the body did not arrive whole in time; send it again")
}
