//! Echo servers of two Rust libraries, which answer the questions that the Go
//! servers answer (child/child.go): one line in, one line of JSON out.
//! Argument: the library.
//!
//! Each is written as its own documentation shows it, on tokio's runtime for
//! one thread, with messages of up to 1 MiB and without compression.

use std::io::{BufRead, Write};

use fastwebsockets::{upgrade, FragmentCollector, OpCode};
use futures_util::{future, StreamExt, TryStreamExt};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

const MAX_MESSAGE: usize = 1 << 20;

fn main() {
    let library = std::env::args().nth(1).unwrap_or_default();
    let serve: fn(TcpStream) = match library.as_str() {
        "fastwebsockets" => |stream| drop(tokio::spawn(fast(stream))),
        "tokio-tungstenite" => |stream| drop(tokio::spawn(tungstenite(stream, 128 << 10))),
        "tokio-tungstenite, 4 KiB" => |stream| drop(tokio::spawn(tungstenite(stream, 4 << 10))),
        _ => panic!("there is no library {library:?}"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    runtime.block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        say(format!("\"{}\"", listener.local_addr().unwrap()));
        std::thread::spawn(answer);
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            serve(stream);
        }
    });
}

/// The loop of fastwebsockets' examples/echo_server.rs. A peer that goes ends it.
async fn fast(stream: TcpStream) {
    let upgraded = |mut request: Request<Incoming>| async move {
        let (response, socket) = upgrade::upgrade(&mut request)?;
        tokio::spawn(tokio::task::unconstrained(async move {
            let Ok(mut socket) = socket.await else { return };
            socket.set_max_message_size(MAX_MESSAGE + 1); // it refuses what is as large
            let mut socket = FragmentCollector::new(socket);
            while let Ok(frame) = socket.read_frame().await {
                match frame.opcode {
                    OpCode::Close => break,
                    OpCode::Text | OpCode::Binary => {
                        if socket.write_frame(frame).await.is_err() {
                            break;
                        }
                    }
                    _ => {}
                }
            }
        }));
        Ok::<Response<Empty<Bytes>>, fastwebsockets::WebSocketError>(response)
    };
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(upgraded))
        .with_upgrades()
        .await;
}

/// The stream that tokio-tungstenite's examples/echo-server.rs forwards to its
/// sink, which flushes when no further message has come. Its documentation has
/// two sizes for the buffer that it reads to: 128 KiB, the default, for a high
/// load, and 4 KiB for many connections.
async fn tungstenite(stream: TcpStream, buffer: usize) {
    let config = WebSocketConfig::default()
        .read_buffer_size(buffer)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let Ok(socket) = tokio_tungstenite::accept_async_with_config(stream, Some(config)).await else {
        return;
    };
    let (write, read) = socket.split();
    let _ = read
        .try_filter(|message| future::ready(message.is_text() || message.is_binary()))
        .forward(write)
        .await;
}

/// Answers the parent's questions. The end of its input ends the process.
fn answer() {
    for question in std::io::stdin().lock().lines() {
        let Ok(question) = question else { break };
        let mut usage = format!("{{\"CPU\":{}", cpu());
        if question == "all" {
            unsafe { libc::malloc_trim(0) }; // what a Go server's FreeOSMemory does
            let maps = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
            usage += &format!(",\"Resident\":{}", field(&maps, "Rss:") * 1024);
        }
        say(usage + "}");
    }
    std::process::exit(0);
}

fn say(line: String) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}

/// User and system time of all threads, in nanoseconds.
fn cpu() -> i64 {
    let mut r: libc::rusage = unsafe { std::mem::zeroed() };
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut r) }, 0);
    let sum = |t: libc::timeval| t.tv_sec as i64 * 1_000_000_000 + t.tv_usec as i64 * 1_000;
    sum(r.ru_utime) + sum(r.ru_stime)
}

/// The number behind a name in a file of /proc.
fn field(text: &str, name: &str) -> i64 {
    let rest = text.lines().find_map(|l| l.strip_prefix(name)).unwrap();
    rest.split_whitespace().next().unwrap().parse().unwrap()
}
