//! A Unix socket in front of the Docker daemon's own, for users who may not open that one.

use std::fs;
use std::io;
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

/// Passes every connection to `socket` on to `target`, for as long as the test's process lives.
pub(crate) fn relay(socket: &Path, target: &str) {
    let listener = UnixListener::bind(socket).unwrap();
    fs::set_permissions(socket, fs::Permissions::from_mode(0o666)).unwrap();
    let target = target.to_owned();
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            if let Ok(far) = UnixStream::connect(&target) {
                pass(&near, &far);
                pass(&far, &near);
            }
        }
    });
}

/// Copies one direction, and passes its end on: Docker's API uses connections that are closed on one side only.
fn pass(from: &UnixStream, to: &UnixStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    thread::spawn(move || {
        io::copy(&mut from, &mut to).ok();
        to.shutdown(Shutdown::Write).ok();
    });
}
