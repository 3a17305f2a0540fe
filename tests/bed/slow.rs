//! A slow link: a TCP proxy on loopback that delays each direction by half the round trip.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A proxy to a server's sshd. It takes no new connections once dropped.
#[derive(Debug)]
pub struct SlowLink {
    port: u16,
    sent: Arc<AtomicU64>,
    received: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

impl SlowLink {
    pub(crate) fn to(target: SocketAddr, round_trip: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let link = Self {
            port: listener.local_addr().unwrap().port(),
            sent: Arc::default(),
            received: Arc::default(),
            ended: Arc::default(),
        };
        let (sent, received, ended) = (link.sent.clone(), link.received.clone(), link.ended.clone());
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(far) = TcpStream::connect(target) else { continue };
                near.set_nodelay(true).ok();
                far.set_nodelay(true).ok();
                pass(&near, &far, round_trip / 2, sent.clone());
                pass(&far, &near, round_trip / 2, received.clone());
            }
        });
        link
    }

    /// Connect to this port of 127.0.0.1 instead of to the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Bytes that went to the server so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// Bytes that came from the server so far.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::SeqCst)
    }
}

impl Drop for SlowLink {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for the next connection.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
    }
}

/// Copies one direction. Reading and writing are two threads, so that a delay does not limit how much is under way.
fn pass(from: &TcpStream, to: &TcpStream, delay: Duration, bytes: Arc<AtomicU64>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let (sender, receiver) = mpsc::sync_channel::<(Instant, Vec<u8>)>(1024);
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            bytes.fetch_add(length as u64, Ordering::SeqCst);
            if sender.send((Instant::now() + delay, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        for (due, chunk) in receiver {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&chunk).is_err() {
                break;
            }
        }
        to.shutdown(Shutdown::Write).ok();
    });
}
