use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use git2::{CertificateCheckStatus, ErrorClass, ErrorCode, RemoteCallbacks};
use tokio_util::sync::CancellationToken;

use super::credential::Attempts;
use super::fetch::{Fetch, Limits, Progress};
use super::{GitError, GitUrl};

/// What runs on the watched thread; its result is where the mirror has what was wanted.
pub(super) type Job = Box<dyn FnOnce(Shared) -> Result<String, GitError> + Send>;

/// Runs `job` on a thread of its own and gives up on it when it is silent for too long or cancelled. libgit2's own
/// timeouts can only be set by unsafe calls, and its connect can't be interrupted: such a thread ends when the system
/// gives up on the connection.
pub(super) fn watch(
    url: &GitUrl,
    limits: Limits,
    on_progress: &mut dyn FnMut(Progress),
    cancel: &CancellationToken,
    job: Job,
) -> Result<String, GitError> {
    let (shared, signs) = Shared::new();
    let stop = Arc::clone(&shared.stop);
    let (done, result) = channel();
    std::thread::Builder::new()
        .name("git".to_owned())
        .spawn(move || {
            // The receiver is gone when we've given up; then nobody needs the result.
            let _ = done.send(job(shared));
        })
        .map_err(GitError::io("thread"))?;
    let (mut last, mut limit) = (Instant::now(), limits.connect);
    loop {
        if cancel.is_cancelled() {
            stop.store(true, Ordering::Relaxed);
            return Err(GitError::Cancelled);
        }
        match signs.recv_timeout(Duration::from_millis(50)) {
            Ok(sign) => {
                (last, limit) = (Instant::now(), limits.silence);
                if let Some(progress) = sign {
                    on_progress(progress);
                }
            }
            Err(RecvTimeoutError::Timeout) if last.elapsed() > limit => {
                stop.store(true, Ordering::Relaxed);
                return Err(GitError::TimedOut { host: url.host().to_owned(), seconds: limit.as_secs() });
            }
            Err(RecvTimeoutError::Timeout) => {}
            // The job has dropped its end: it is done (or has panicked, and left no result).
            Err(RecvTimeoutError::Disconnected) => {
                return result.recv().unwrap_or_else(|_| {
                    Err(GitError::Git(git2::Error::from_str("the fetch ended without a result")))
                });
            }
        }
    }
}

/// What the callbacks of one fetch share with the one who watches it.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) stop: Arc<AtomicBool>,
    verdict: Arc<Mutex<Option<GitError>>>,
    tried: Arc<Mutex<Vec<String>>>,
    signs: Sender<Option<Progress>>,
}

impl Shared {
    fn new() -> (Self, Receiver<Option<Progress>>) {
        let (signs, receiver) = channel();
        (Self { stop: Arc::default(), verdict: Arc::default(), tried: Arc::default(), signs }, receiver)
    }

    pub(super) fn say(&self, progress: Progress) {
        // Nobody listens once the watcher has given up.
        let _ = self.signs.send(Some(progress));
    }

    pub(super) fn callbacks(&self, url: &GitUrl, request: &Fetch) -> RemoteCallbacks<'static> {
        let mut callbacks = RemoteCallbacks::new();
        let mut attempts = Attempts::new(&request.credential, url, std::env::home_dir());
        let shared = self.clone();
        callbacks.credentials(move |_, user, allowed| {
            let _ = shared.signs.send(None);
            attempts.next(user, allowed, &mut |way| {
                shared.tried.lock().unwrap_or_else(PoisonError::into_inner).push(way);
            })
        });
        let (shared, keys, port) = (self.clone(), request.host_keys.clone(), url.port());
        callbacks.certificate_check(move |certificate, host| {
            let _ = shared.signs.send(None);
            let Some(key) = certificate.as_hostkey() else {
                return Ok(CertificateCheckStatus::CertificatePassthrough);
            };
            let checked = match key.hostkey() {
                Some(key) => keys.check(host, port, key),
                None => Err(GitError::Git(git2::Error::from_str("the host shows no key"))),
            };
            checked.map(|()| CertificateCheckStatus::CertificateOk).map_err(|error| {
                let refused =
                    git2::Error::new(ErrorCode::Certificate, ErrorClass::Callback, error.to_string());
                *shared.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                refused
            })
        });
        let shared = self.clone();
        callbacks.sideband_progress(move |text| {
            let text = String::from_utf8_lossy(text);
            for line in text.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty()) {
                shared.say(Progress::Remote(line.to_owned()));
            }
            !shared.stop.load(Ordering::Relaxed)
        });
        let shared = self.clone();
        callbacks.transfer_progress(move |p| {
            let (received, total, bytes) = (p.received_objects(), p.total_objects(), p.received_bytes());
            shared.say(Progress::Objects { received, total, bytes });
            !shared.stop.load(Ordering::Relaxed)
        });
        callbacks
    }

    /// libgit2 has codes for logins and certificates only; for the rest its words are all there is. This is the one
    /// place that reads them (libgit2 1.9: transports/*.c, streams/socket.c).
    pub(super) fn classify(&self, url: &GitUrl, error: git2::Error) -> GitError {
        if let Some(verdict) = self.verdict.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return verdict;
        }
        if self.stop.load(Ordering::Relaxed) {
            return GitError::Cancelled;
        }
        let host = url.host().to_owned();
        let text = error.message().to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if error.code() == ErrorCode::Auth
            || says(&["status code: 401", "status code: 403", "replays", "authenticat"])
        {
            let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner).clone();
            return GitError::AuthenticationFailed { host, tried };
        }
        if error.code() == ErrorCode::Certificate || error.class() == ErrorClass::Ssl {
            return GitError::CertificateRefused { host };
        }
        if says(&[
            "failed to resolve address",
            "failed to connect",
            "could not connect",
            "banner",
            "unreachable",
        ]) {
            return GitError::Unreachable { host, detail: error.message().to_owned() };
        }
        let absent = [
            "status code: 404",
            "repository not found",
            "could not be found",
            "does not exist",
            "does not appear to be a git repository",
            "failed to resolve path",
            "could not find repository",
            // What libgit2 says of a folder that does not exist; GitUrl lets no other scheme through.
            "unsupported url protocol",
        ];
        if says(&absent) {
            return GitError::RepositoryNotFound { url: url.to_string() };
        }
        if says(&[
            "content-type",
            "content type",
            "status code",
            "invalid packet line",
            "bad packet",
            "not a git",
        ]) {
            return GitError::NotARepository { url: url.to_string() };
        }
        GitError::Git(error)
    }
}
