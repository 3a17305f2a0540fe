//! Time limits: everything that waits, waits here.

use std::{future::Future, time::Duration};

use tokio::time;

use crate::{RemoteError, RemoteErrorKind};

/// Waits for `work` for at most `limit`.
pub(crate) async fn within<T>(
    limit: Duration,
    what: &str,
    work: impl Future<Output = Result<T, RemoteError>>,
) -> Result<T, RemoteError> {
    match time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(RemoteError::new(
            RemoteErrorKind::TimedOut,
            format!("`{what}` did not end within {} s, and was ended.", limit.as_secs_f32()),
            "See whether the server is overloaded or the network slow, then try again.",
        )),
    }
}
