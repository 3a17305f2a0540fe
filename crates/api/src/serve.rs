//! Listening, for as long as it is wanted.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::serve::Listener;
use slipway_engine::engine::Engine;
use slipway_engine::error::EngineError;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::api::Allowed;
use crate::routes;

/// How long closing the port may take; nothing but a busy computer delays it.
const CLOSING: Duration = Duration::from_secs(5);

/// A listening interface. Dropped, it takes no connection any more and ends those that wait; requests that are being
/// answered are answered.
pub(crate) struct Serving {
    port: u16,
    stop: DropGuard,
    closed: oneshot::Receiver<()>,
}

impl Serving {
    /// Listens on a port of 127.0.0.1.
    pub(crate) async fn begin(engine: Engine, token: Allowed, port: u16) -> Result<Self, EngineError> {
        if port == 0 {
            return Err(EngineError::bad_input("0 is no port.").hint("Choose one from 1024 to 65535."));
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|e| not_had(port, &e))?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let (told, closed) = oneshot::channel();
        let served = axum::serve(Door { listener, _closed: told }, routes::all(engine, token))
            .with_graceful_shutdown(stopped);
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::error!(%error, "the API ended");
            }
        });
        Ok(Self { port, stop: stop.drop_guard(), closed })
    }

    /// Ends it, and waits until its port can be had again.
    pub(crate) async fn end(self) {
        drop(self.stop);
        // An error is the news: the other end is gone with the listener.
        let _ = timeout(CLOSING, self.closed).await;
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

/// A listener that tells when it is closed.
struct Door {
    listener: TcpListener,
    /// Goes after the listener: fields are dropped in their order.
    _closed: oneshot::Sender<()>,
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        // The framework's, which waits when there are no more descriptors.
        Listener::accept(&mut self.listener).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

fn not_had(port: u16, error: &io::Error) -> EngineError {
    let said = match error.kind() {
        io::ErrorKind::AddrInUse => format!("Another program listens on port {port} already."),
        io::ErrorKind::PermissionDenied => format!("This user may not listen on port {port}."),
        _ => format!("Listening on port {port} is not possible."),
    };
    EngineError::bad_input(said).hint("Choose another port, from 1024 to 65535.").detail(error)
}
