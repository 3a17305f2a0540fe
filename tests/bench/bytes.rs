//! What travels to the server for a change of one file in a large repository.

use std::fs;
use std::time::{Duration, Instant};

use crate::redeploy::far_desktop;
use crate::table::{Table, seconds};

const FILES: u64 = 100;
const FILE_BYTES: usize = 2_000_000;

pub(crate) fn measure(table: &mut Table) {
    let mut journey = crate::journey();
    journey.sample.checkout("live");
    // Random bytes can't be made smaller; trying to would take git longer than all the rest.
    journey.sample.git(&["config", "core.compression", "0"]);
    let folder = journey.sample.dir().join("acme_base/static/pictures");
    fs::create_dir_all(&folder).unwrap();
    for number in 0..FILES {
        fs::write(folder.join(format!("{number}.bin")), noise(number + 1)).unwrap();
    }
    journey.sample.release("2.0");

    let link = journey.server.slow_link(Duration::ZERO);
    let desktop = far_desktop(&journey, &link);
    desktop.must(&["deploy", &journey.env()]);
    let first = link.sent();
    journey.sample.release("2.1");
    let (sent, received, since) = (link.sent(), link.received(), Instant::now());
    desktop.must(&["deploy", &journey.env()]);
    let took = since.elapsed();
    journey.assert_serves("2.1");

    table.note(
        "First deployment of a repository of 200 MB: bytes sent",
        format!("{:.1} MB", first as f64 / 1e6),
    );
    let sent = link.sent() - sent;
    table.target(
        "Then one file of it changed: bytes sent",
        format!("{:.1} kB", sent as f64 / 1e3),
        "< 100 kB",
        sent < 100_000,
    );
    table.note("… received", format!("{:.1} kB", (link.received() - received) as f64 / 1e3));
    table.note("… time", seconds(took));
}

/// Bytes that no compression makes fewer, the same in every run (xorshift64).
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(FILE_BYTES);
    while bytes.len() < FILE_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}
