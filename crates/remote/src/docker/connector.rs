//! Where the Docker client's connections come from.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{BoxStream, Cmd, Host, RemoteError, limits};

/// How long one connection may take to be made.
const CONNECT: Duration = Duration::from_secs(30);

/// The way to Docker's API on a host.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) host: Arc<dyn Host>,
    pub(super) way: Way,
}

/// How one connection is made.
#[derive(Clone)]
pub(super) enum Way {
    /// To this socket.
    Socket(String),
    /// Through `docker system dial-stdio`, where sockets can't be forwarded or Docker needs sudo. These are the words
    /// before `system`, and how many there may be at once: each is a session of sshd's.
    Stdio(Vec<String>, Arc<Semaphore>),
}

impl tower_service::Service<hyper::Uri> for Connector {
    type Response = DockerStream;
    type Error = RemoteError;
    type Future = BoxFuture<'static, Result<DockerStream, RemoteError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RemoteError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: hyper::Uri) -> Self::Future {
        let Self { host, way } = self.clone();
        Box::pin(async move {
            let what = format!("connecting to Docker on {}", host.describe());
            let connect = async {
                match way {
                    Way::Socket(socket) => {
                        Ok(DockerStream { io: TokioIo::new(host.dial(&socket).await?), _place: None })
                    }
                    Way::Stdio(words, places) => {
                        let place = places.acquire_owned().await.ok();
                        let mut words = words.into_iter();
                        let cmd = Cmd::new(words.next().unwrap_or_default()).args(words);
                        let process = host.spawn_io(cmd.args(["system", "dial-stdio"])).await?;
                        Ok(DockerStream { io: TokioIo::new(process.into_stream()), _place: place })
                    }
                }
            };
            limits::within(CONNECT, &what, connect).await
        })
    }
}

/// One connection to Docker.
pub(super) struct DockerStream {
    io: TokioIo<BoxStream>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection for DockerStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for DockerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl hyper::rt::Write for DockerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
