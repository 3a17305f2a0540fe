//! A scripted host for tests of what stands on this crate.
//!
//! ```
//! # use slipway_remote::{Cmd, Host, fake::FakeHost};
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let host = FakeHost::new();
//! host.on(["docker", "inspect"]).out("running\n");
//! host.on(["docker", "rm"]).fail(1, "no such container\n");
//! assert_eq!(host.run(Cmd::new("docker").arg("inspect").arg("web")).await.unwrap().stdout, "running\n");
//! assert_eq!(host.calls()[0].words, ["docker", "inspect", "web"]);
//! # }
//! ```

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use futures::FutureExt;
use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    BoxStream, Cmd, Endpoint, Forward, Host, OnLine, Output, Process, RemoteError, Stdin,
    guard::{Call, Guarded, Unset},
    pump::{self, Running},
};

/// A host that does nothing and answers as it was told. Clones are the same host.
#[derive(Clone, Default)]
pub struct FakeHost {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    expectations: Vec<Expectation>,
    sockets: HashMap<String, Arc<dyn Fn(DuplexStream) + Send + Sync>>,
    calls: Vec<FakeCall>,
}

struct Expectation {
    prefix: Vec<String>,
    answer: Answer,
    /// How often it may still be used.
    left: usize,
}

#[derive(Clone)]
enum Answer {
    Ends(Output),
    Fails(RemoteError),
    Hangs,
}

/// A command that was run on the fake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeCall {
    /// Its argv, with `env NAME=value …` in front when it had variables. A script is `sh -c … sh`, then its arguments.
    pub words: Vec<String>,
    /// All it was given to read, secrets included.
    pub stdin: Vec<u8>,
}

impl FakeHost {
    /// A host that knows no command: each is answered with an error.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells what to do for commands that begin with these words (variables are not counted). Of several that fit, the
    /// one told last answers; one told for a limited number of times steps back when it is used up.
    pub fn on<I, S>(&self, prefix: I) -> On<'_>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        On { host: self, prefix: prefix.into_iter().map(Into::into).collect(), times: usize::MAX }
    }

    /// Tells what to do for a [`Cmd::script`] with this body.
    pub fn on_script(&self, body: &str) -> On<'_> {
        self.on(["sh", "-c", body])
    }

    /// Serves a socket: `serve` gets the other end of every connection dialled to it.
    pub fn serve(&self, socket: impl Into<String>, serve: impl Fn(DuplexStream) + Send + Sync + 'static) {
        self.state().sockets.insert(socket.into(), Arc::new(serve));
    }

    /// The commands run so far, in order.
    pub fn calls(&self) -> Vec<FakeCall> {
        self.state().calls.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a call and finds its answer.
    async fn answer(&self, cmd: Cmd) -> Result<(Answer, Call), RemoteError> {
        let mut words = cmd.words()?;
        let program = cmd.program().to_owned();
        let (_, mut call) = Guarded::new(cmd, Unset::Null)?;
        let stdin = match std::mem::replace(&mut call.stdin, Stdin::Null) {
            Stdin::Null => vec![],
            Stdin::Bytes(bytes) => bytes.to_vec(),
            Stdin::Secret(secret) => secret.expose_secret().as_bytes().to_vec(),
            Stdin::Stream(mut stream) => {
                let mut all = vec![];
                stream
                    .read_to_end(&mut all)
                    .await
                    .map_err(|e| RemoteError::io("Reading what is to be sent", &e))?;
                all
            }
        };
        let mut state = self.state();
        state.calls.push(FakeCall { words: words.clone(), stdin });
        let variables = words.iter().position(|word| *word == program).unwrap_or(0);
        words.drain(..variables);
        let fits = |e: &&mut Expectation| e.left > 0 && words.starts_with(&e.prefix);
        let Some(expectation) = state.expectations.iter_mut().rev().find(fits) else {
            return Err(RemoteError::bad_input(
                format!("The fake host was not told what to do for `{}`.", call.shown),
                "Tell it with `on`.",
            ));
        };
        expectation.left -= 1;
        Ok((expectation.answer.clone(), call))
    }
}

/// What to do for certain commands.
#[must_use = "say what to answer"]
pub struct On<'a> {
    host: &'a FakeHost,
    prefix: Vec<String>,
    times: usize,
}

impl On<'_> {
    /// Only for the next `n` times.
    pub fn times(self, n: usize) -> Self {
        Self { times: n, ..self }
    }

    /// The command ends well with this output.
    pub fn out(self, stdout: impl Into<String>) {
        self.output(Output { stdout: stdout.into(), ..Output::default() });
    }

    /// The command ends with this status and these words on standard error.
    pub fn fail(self, code: i32, stderr: impl Into<String>) {
        self.output(Output { code, stderr: stderr.into(), ..Output::default() });
    }

    /// The command ends like this.
    pub fn output(self, output: Output) {
        self.set(Answer::Ends(output));
    }

    /// The call itself fails.
    pub fn error(self, error: RemoteError) {
        self.set(Answer::Fails(error));
    }

    /// The command never ends by itself.
    pub fn hang(self) {
        self.set(Answer::Hangs);
    }

    fn set(self, answer: Answer) {
        let Self { host, prefix, times } = self;
        host.state().expectations.push(Expectation { prefix, answer, left: times });
    }
}

#[async_trait]
impl Host for FakeHost {
    async fn run(&self, cmd: Cmd) -> Result<Output, RemoteError> {
        self.stream(cmd, &mut |_| {}, &CancellationToken::new()).await
    }

    async fn stream(
        &self,
        cmd: Cmd,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<Output, RemoteError> {
        let (answer, call) = self.answer(cmd).await?;
        pump::run(call, start(answer), Some(on_line), cancel).await
    }

    async fn dial(&self, socket: &str) -> Result<BoxStream, RemoteError> {
        let serve = self.state().sockets.get(socket).cloned();
        let Some(serve) = serve else {
            return Err(RemoteError::bad_input(
                format!("The fake host has no socket {socket}."),
                "Add it with `serve`.",
            ));
        };
        let (near, far) = tokio::io::duplex(64 * 1024);
        serve(far);
        Ok(Box::new(near))
    }

    async fn spawn_io(&self, cmd: Cmd) -> Result<Process, RemoteError> {
        let (answer, call) = self.answer(cmd).await?;
        pump::spawn(call, start(answer)).await
    }

    async fn forward_remote(&self, _listen: &Endpoint, _connect: &Endpoint) -> Result<Forward, RemoteError> {
        Ok(Forward::new(|| std::future::ready(true).boxed(), ()))
    }

    async fn close(&self) {}

    fn describe(&self) -> String {
        "fake".to_owned()
    }

    fn is_local(&self) -> bool {
        false
    }
}

impl fmt::Debug for FakeHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeHost")
    }
}

async fn start(answer: Answer) -> Result<Running, RemoteError> {
    let output = match answer {
        Answer::Fails(error) => return Err(error),
        Answer::Ends(output) => Some(output),
        Answer::Hangs => None,
    };
    let code = output.as_ref().map(|output| output.code);
    let (stdout, mut out) = tokio::io::duplex(64 * 1024);
    let (stderr, mut err) = tokio::io::duplex(64 * 1024);
    let writer = tokio::spawn(async move {
        match output {
            // Whoever stopped reading does not want the rest.
            Some(output) => drop(tokio::join!(
                async { (out.write_all(output.stdout.as_bytes()).await, drop(out)).0 },
                async { (err.write_all(output.stderr.as_bytes()).await, drop(err)).0 },
            )),
            None => std::future::pending().await,
        }
    });
    let writer = AbortOnDropHandle::new(writer);
    let exit = async move {
        match code {
            Some(code) => {
                let _ = writer.await;
                Ok(code)
            }
            None => std::future::pending().await,
        }
    };
    Ok(Running {
        stdin: Box::new(tokio::io::sink()),
        stdout: Box::new(stdout),
        stderr: Box::new(stderr),
        exit: exit.boxed(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Line, RemoteErrorKind};

    #[tokio::test]
    async fn answers_by_prefix_the_last_told_first_and_records() {
        let host = FakeHost::new();
        host.on(["docker"]).fail(1, "no\n");
        host.on(["docker", "ps"]).out("a\nb\n");
        host.on(["docker", "ps"]).times(1).out("once\n");
        let ps = || Cmd::new("docker").env("A", "b").arg("ps");
        assert_eq!(host.run(ps().stdin("x")).await.unwrap().stdout, "once\n");
        let mut lines = vec![];
        let mut on_line = |line: Line<'_>| {
            if let Line::Out(line) = line {
                lines.push(line.to_owned())
            }
        };
        host.stream(ps(), &mut on_line, &CancellationToken::new()).await.unwrap();
        assert_eq!(lines, ["a", "b"]);
        assert_eq!(host.run(Cmd::new("docker").arg("rm")).await.unwrap().code, 1);
        assert!(host.run(Cmd::new("ls")).await.is_err());
        let calls = host.calls();
        assert_eq!(
            calls[0],
            FakeCall {
                words: ["env", "A=b", "docker", "ps"].map(str::to_owned).to_vec(),
                stdin: b"x".to_vec()
            }
        );
        assert_eq!(calls.len(), 4);
    }

    #[tokio::test]
    async fn a_hanging_command_can_be_cancelled() {
        let host = FakeHost::new();
        host.on(["sleep"]).hang();
        let cancel = CancellationToken::new();
        cancel.cancel();
        let error = host.stream(Cmd::new("sleep"), &mut |_| {}, &cancel).await.unwrap_err();
        assert_eq!(error.kind, RemoteErrorKind::Cancelled);
    }
}
