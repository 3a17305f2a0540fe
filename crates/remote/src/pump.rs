//! Moves bytes between us and a started command: the same for every host.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use futures::future::{BoxFuture, OptionFuture};
use secrecy::ExposeSecret;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    time,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    BoxRead, BoxWrite, Line, OnLine, Output, Process, RemoteError, Stdin, guard::Call, host::ENDING, limits,
};

/// How much of an output is kept: its end.
const KEPT: usize = 8 * 1024 * 1024;

/// A line longer than this is handed over in parts.
const LONGEST_LINE: usize = 64 * 1024;

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// A command that has been started on some host.
pub(crate) struct Running {
    pub(crate) stdin: BoxWrite,
    pub(crate) stdout: BoxRead,
    pub(crate) stderr: BoxRead,
    /// Its exit status, or that the connection was lost. To be asked for when both outputs have ended. Dropping it lets
    /// the command go.
    pub(crate) exit: BoxFuture<'static, Result<i32, RemoteError>>,
}

/// Starts a command and follows it to its end, its limit or its cancellation.
pub(crate) async fn run(
    call: Call,
    start: impl Future<Output = Result<Running, RemoteError>> + Send,
    on_line: Option<OnLine<'_>>,
    cancel: &CancellationToken,
) -> Result<Output, RemoteError> {
    let Call { stdin, limit, shown, .. } = call;
    let whole = async {
        let running = tokio::select! {
            running = start => running?,
            () = cancel.cancelled() => return Err(RemoteError::cancelled(&shown)),
        };
        follow(running, stdin, &shown, on_line, cancel).await
    };
    limits::within(limit, &shown, whole).await
}

/// Starts a command and hands its pipes to the caller.
pub(crate) async fn spawn(
    call: Call,
    start: impl Future<Output = Result<Running, RemoteError>> + Send,
) -> Result<Process, RemoteError> {
    let Call { stdin, limit, piped, shown } = call;
    let deadline = time::Instant::now() + limit;
    let running = limits::within(limit, &shown, start).await?;
    let mut stderr = running.stderr;
    let stderr = tokio::spawn(async move {
        let mut tail = Tail::default();
        let mut chunk = vec![0; CHUNK];
        while let Ok(n @ 1..) = stderr.read(&mut chunk).await {
            tail.push(&chunk[..n]);
        }
        tail
    });
    let (stdin, feed) = if piped {
        (Some(running.stdin), None)
    } else {
        (None, Some(AbortOnDropHandle::new(tokio::spawn(feed(running.stdin, stdin)))))
    };
    Ok(Process {
        stdin,
        stdout: running.stdout,
        stderr: AbortOnDropHandle::new(stderr),
        exit: running.exit,
        feed,
        deadline,
        shown,
    })
}

async fn follow(
    running: Running,
    stdin: Stdin,
    shown: &str,
    mut on_line: Option<OnLine<'_>>,
    cancel: &CancellationToken,
) -> Result<Output, RemoteError> {
    let Running { stdin: pipe, mut stdout, mut stderr, mut exit } = running;
    let (mut out, mut err) = (Half::new(), Half::new());
    let mut feeding = Some(Box::pin(feed(pipe, stdin)));
    // The open end of the command's input: the guard's life line.
    let mut life_line = None;
    let mut code = None;
    let mut ending: Option<Pin<Box<time::Sleep>>> = None;
    while code.is_none() {
        tokio::select! {
            fed = OptionFuture::from(feeding.as_mut()), if feeding.is_some() => {
                feeding = None;
                life_line = fed.transpose()?.flatten();
            }
            n = stdout.read(&mut out.chunk), if !out.ended => {
                out.take(n, shown, &mut |line| if let Some(f) = &mut on_line { f(Line::Out(line)) })?;
            }
            n = stderr.read(&mut err.chunk), if !err.ended => {
                err.take(n, shown, &mut |line| if let Some(f) = &mut on_line { f(Line::Err(line)) })?;
            }
            // Only now: once OpenSSH has handed over the status, it drops what output is still on its way.
            status = &mut exit, if out.ended && err.ended => code = Some(status),
            () = cancel.cancelled(), if ending.is_none() => {
                feeding = None;
                life_line = None;
                on_line = None;
                ending = Some(Box::pin(time::sleep(ENDING)));
            }
            _ = OptionFuture::from(ending.as_mut()), if ending.is_some() => break,
        }
    }
    drop(life_line);
    if ending.is_some() {
        return Err(RemoteError::cancelled(shown));
    }
    let code = code.unwrap_or(Ok(-1))?;
    Ok(Output { code, stdout: out.tail.into_text(), stderr: err.tail.into_text() })
}

/// Writes a command's input. Returns the pipe when it has to stay open as life line.
async fn feed(mut pipe: BoxWrite, stdin: Stdin) -> Result<Option<BoxWrite>, RemoteError> {
    let written = match stdin {
        Stdin::Null => Ok(()),
        Stdin::Bytes(bytes) => pipe.write_all(&bytes).await,
        Stdin::Secret(secret) => pipe.write_all(secret.expose_secret().as_bytes()).await,
        Stdin::Stream(mut stream) => {
            let mut chunk = vec![0; 4 * CHUNK];
            loop {
                let n = stream
                    .read(&mut chunk)
                    .await
                    .map_err(|e| RemoteError::io("Reading what is to be sent", &e))?;
                if n == 0 {
                    return Ok(None);
                }
                if pipe.write_all(&chunk[..n]).await.is_err() {
                    return Ok(None);
                }
            }
        }
    };
    // A command need not read its input to the end; if it is gone, its status says so.
    match written {
        Ok(()) => Ok(Some(pipe)),
        Err(_) => Ok(None),
    }
}

/// One of a command's two outputs.
struct Half {
    chunk: Vec<u8>,
    tail: Tail,
    lines: Lines,
    ended: bool,
}

impl Half {
    fn new() -> Self {
        Self { chunk: vec![0; CHUNK], tail: Tail::default(), lines: Lines::default(), ended: false }
    }

    fn take(
        &mut self,
        n: io::Result<usize>,
        shown: &str,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<(), RemoteError> {
        let n = n.map_err(|e| RemoteError::io(&format!("Reading the output of `{shown}`"), &e))?;
        if n == 0 {
            self.ended = true;
            self.lines.end(on_line);
        } else {
            self.tail.push(&self.chunk[..n]);
            self.lines.push(&self.chunk[..n], on_line);
        }
        Ok(())
    }
}

/// The end of an output.
#[derive(Default)]
pub(crate) struct Tail(VecDeque<u8>);

impl Tail {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
        if self.0.len() > KEPT {
            self.0.drain(..self.0.len() - KEPT);
        }
    }

    pub(crate) fn into_text(self) -> String {
        let bytes = Vec::from(self.0);
        String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
    }
}

/// Cuts an output into lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn push(&mut self, mut bytes: &[u8], on_line: &mut dyn FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            self.0.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            self.hand_over(on_line);
        }
        self.0.extend_from_slice(bytes);
        if self.0.len() >= LONGEST_LINE {
            self.hand_over(on_line);
        }
    }

    fn end(&mut self, on_line: &mut dyn FnMut(&str)) {
        if !self.0.is_empty() {
            self.hand_over(on_line);
        }
    }

    fn hand_over(&mut self, on_line: &mut dyn FnMut(&str)) {
        let line = self.0.strip_suffix(b"\r").unwrap_or(&self.0);
        on_line(&String::from_utf8_lossy(line));
        self.0.clear();
    }
}

/// A process's output and input as one stream.
pub(crate) struct Stdio(Process);

impl Stdio {
    pub(crate) fn new(process: Process) -> Self {
        Self(process)
    }
}

impl AsyncRead for Stdio {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.stdout).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stdio {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.0.stdin {
            Some(stdin) => Pin::new(stdin).poll_write(cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0.stdin {
            Some(stdin) => Pin::new(stdin).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.stdin = None;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(parts: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut got) = (Lines::default(), vec![]);
        for part in parts {
            lines.push(part, &mut |line| got.push(line.to_owned()));
        }
        lines.end(&mut |line| got.push(line.to_owned()));
        got
    }

    #[test]
    fn lines_are_cut_wherever_the_chunks_end() {
        assert_eq!(cut(&[b"a\nb", b"c\r\n", b"\nlast"]), ["a", "bc", "", "last"]);
        assert_eq!(cut(&[b"a\n"]), ["a"]);
        assert_eq!(cut(&["ü".as_bytes()[..1].as_ref(), &"ü\n".as_bytes()[1..]]), ["ü"]);
        assert_eq!(cut(&[b"\xff\n"]), ["\u{fffd}"]);
    }

    #[test]
    fn an_endless_line_does_not_grow_for_ever() {
        let parts = vec![&[b'x'; 1000][..]; 200];
        let got = cut(&parts);
        assert!(got.iter().all(|line| line.len() < LONGEST_LINE + 1000));
        assert_eq!(got.concat().len(), 200_000);
    }

    #[test]
    fn the_end_of_a_long_output_is_kept() {
        let mut tail = Tail::default();
        for i in 0..KEPT / 1000 + 50 {
            tail.push(format!("{i:>1000}").as_bytes());
        }
        let text = tail.into_text();
        assert_eq!(text.len(), KEPT);
        assert!(text.ends_with(&(KEPT / 1000 + 49).to_string()));
    }
}
