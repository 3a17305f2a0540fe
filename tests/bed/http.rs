//! HTTP/1.1 as bare as it can be, so that what a client lost is known to be lost: one connection a request, nothing retried,
//! and an answer counts only when all of it came.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body, without its transfer encoding.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// GET from this address, for this virtual host.
pub fn get(address: SocketAddr, host: &str, path: &str) -> io::Result<Answer> {
    request(address, host, path, None, Duration::from_secs(30))
}

/// The same, with headers of the caller's. `patience` is for the whole silence between two bytes.
pub fn get_with(
    address: SocketAddr,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
    patience: Duration,
) -> io::Result<Answer> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    exchange(address, host, &format!("GET {path} HTTP/1.1\r\n{headers}"), "", patience)
}

/// GET, or POST of JSON when there's a body. `patience` is for the whole silence between two bytes.
pub fn request(
    address: SocketAddr,
    host: &str,
    path: &str,
    json: Option<&str>,
    patience: Duration,
) -> io::Result<Answer> {
    let head = match json {
        None => format!("GET {path} HTTP/1.1\r\n"),
        Some(json) => {
            format!(
                "POST {path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
                json.len()
            )
        }
    };
    exchange(address, host, &head, json.unwrap_or_default(), patience)
}

/// Sends the request line and headers in `head` with those that every request has, and the body.
fn exchange(
    address: SocketAddr,
    host: &str,
    head: &str,
    body: &str,
    patience: Duration,
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_nodelay(true)?;
    let rest = format!("Host: {host}\r\nUser-Agent: slipway-tests\r\nConnection: close\r\n\r\n");
    // In one piece: no server has to wait for the rest of a request.
    stream.write_all([head, &rest, body].concat().as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> io::Result<Answer> {
    let bad = |what: &str| io::Error::new(ErrorKind::InvalidData, what.to_owned());
    let end = find(bytes, b"\r\n\r\n").ok_or_else(|| bad("the connection ended before the headers did"))?;
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| bad("no status line"))?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer { status, headers, body: Vec::new() };
    let rest = &bytes[end + 4..];
    answer.body = if answer.header("transfer-encoding").is_some_and(|how| how.eq_ignore_ascii_case("chunked"))
    {
        unchunk(rest).ok_or_else(|| bad("the connection ended before the last chunk"))?
    } else if let Some(length) = answer.header("content-length") {
        let length: usize = length.parse().map_err(|_| bad("content-length is no number"))?;
        rest.get(..length).ok_or_else(|| bad("the connection ended before the body did"))?.to_vec()
    } else {
        rest.to_vec()
    };
    Ok(answer)
}

/// The body of a chunked answer; nothing when its last chunk is missing.
fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = find(rest, b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        rest = &rest[line + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_whole_answer() {
        let answer = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A: b\r\n\r\nabc").unwrap();
        assert_eq!((answer.status, answer.text().as_str(), answer.header("x-a")), (200, "abc", Some("b")));
        let answer = parse(
            b"HTTP/1.1 303 See\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        )
        .unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (303, "abcde"));
    }

    #[test]
    fn an_answer_cut_short_is_an_error() {
        for cut in [
            &b""[..],
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        ] {
            assert!(parse(cut).is_err(), "{:?}", String::from_utf8_lossy(cut));
        }
    }
}
