//! Bytes on their way from a connection to a thread that blocks, a few chunks at most.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Chunks that may be on their way.
const IN_FLIGHT: usize = 16;

/// A pipe. Its reader tells an end from a break: unless [`Feeder::end`] was called, what was read isn't whole.
pub(super) fn feed() -> (Feeder, Feed) {
    let (to, from) = channel(IN_FLIGHT);
    (Feeder { to }, Feed { from, chunk: Bytes::new(), ended: false })
}

/// Where the bytes go in.
pub(super) struct Feeder {
    to: Sender<Option<Bytes>>,
}

/// Where they are read.
pub(super) struct Feed {
    from: Receiver<Option<Bytes>>,
    chunk: Bytes,
    ended: bool,
}

impl Feeder {
    /// Sends bytes; fails when nobody reads any more.
    pub(super) async fn send(&self, chunk: Bytes) -> Result<(), ()> {
        self.to.send(Some(chunk)).await.map_err(drop)
    }

    /// All was sent.
    pub(super) async fn end(self) {
        // A reader that is gone has its own error.
        let _ = self.to.send(None).await;
    }
}

impl Feed {
    /// Reads to the end, so that it is known whether all came.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink()).map(drop)
    }
}

impl Read for Feed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() && !self.ended {
            match self.from.blocking_recv() {
                Some(Some(chunk)) => self.chunk = chunk,
                Some(None) => self.ended = true,
                None => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            }
        }
        let n = self.chunk.len().min(into.len());
        self.chunk.copy_to_slice(&mut into[..n]);
        Ok(n)
    }
}

/// One that has all of this in it; without its end if it was cut.
#[cfg(test)]
pub(super) fn filled(bytes: Vec<u8>, cut: bool) -> Feed {
    let (to, from) = feed();
    to.to.try_send(Some(bytes.into())).unwrap();
    if !cut {
        to.to.try_send(None).unwrap();
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_end_is_told_from_a_break() {
        for whole in [true, false] {
            let (to, mut from) = feed();
            let read = tokio::task::spawn_blocking(move || {
                let mut text = String::new();
                from.read_to_string(&mut text).map(|_| text)
            });
            to.send("a".into()).await.unwrap();
            to.send("".into()).await.unwrap();
            to.send("bc".into()).await.unwrap();
            if whole {
                to.end().await;
                assert_eq!(read.await.unwrap().unwrap(), "abc");
            } else {
                drop(to);
                assert_eq!(read.await.unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
            }
        }
    }
}
