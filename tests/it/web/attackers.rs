//! The attacks, all at once: each attacker comes again when it was sent away, at most every five seconds.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};
use tokio_util::sync::CancellationToken;

use super::scraper::{Protocol, Stream, Target};

/// How often a slow attacker sends a byte.
const BEAT: Duration = Duration::from_secs(1);

/// How often an attacker begins at most: 500 connections a second of all of them, which an unoptimized program accepts
/// on a busy machine too.
const RETURN: Duration = Duration::from_secs(5);

/// What an attacker does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attack {
    /// Nothing.
    Silence,
    /// It sends a request, or what comes before it, a byte a second.
    Dripping,
    /// It sends a header of 100 MB.
    HugeHeader,
    /// It asks without end for what it does not read, and ends with what is no request.
    Pipelining,
    /// It takes back every request of HTTP/2 at once.
    RapidReset,
}

impl Attack {
    pub(super) const ALL: [Self; 5] =
        [Self::Silence, Self::Dripping, Self::HugeHeader, Self::Pipelining, Self::RapidReset];

    /// How many do it at the same time.
    pub(super) fn attackers(self) -> usize {
        match self {
            Self::Silence => 2000,
            Self::Dripping => 500,
            Self::HugeHeader | Self::Pipelining | Self::RapidReset => 4,
        }
    }
}

/// How often each attack has begun, and how often the server has ended it.
#[derive(Debug, Default)]
pub(super) struct Tally([(AtomicUsize, AtomicUsize); Attack::ALL.len()]);

impl Tally {
    pub(super) fn begun(&self, attack: Attack) -> usize {
        self.0[attack as usize].0.load(Ordering::Relaxed)
    }

    pub(super) fn ended(&self, attack: Attack) -> usize {
        self.0[attack as usize].1.load(Ordering::Relaxed)
    }
}

/// Begins all attacks; they end with `stop`.
pub(super) fn start(runtime: &Runtime, target: &Arc<Target>, stop: &CancellationToken) -> Arc<Tally> {
    let tally = Arc::new(Tally::default());
    for attack in Attack::ALL {
        for number in 0..attack.attackers() {
            let (target, tally, stop) = (Arc::clone(target), Arc::clone(&tally), stop.clone());
            runtime.spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = again_and_again(attack, number, &target, &tally) => {}
                }
            });
        }
    }
    tally
}

async fn again_and_again(attack: Attack, number: usize, target: &Target, tally: &Tally) {
    let (begun, ended) = &tally.0[attack as usize];
    // Not all in the same moment, which would leave the rest of the time to the scraper.
    let phase = RETURN * u32::try_from(number).unwrap_or(0) / u32::try_from(attack.attackers()).unwrap_or(1);
    let mut beat = interval_at(Instant::now() + phase, RETURN);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        begun.fetch_add(1, Ordering::Relaxed);
        // Every end is the server's: a close, a reset, a refusal.
        let _ = match attack {
            Attack::Silence => silence(target).await,
            Attack::Dripping => drip(target, number).await,
            Attack::HugeHeader => huge_header(target).await,
            Attack::Pipelining => pipeline(target).await,
            Attack::RapidReset => rapid_reset(target).await,
        };
        ended.fetch_add(1, Ordering::Relaxed);
    }
}

async fn silence(target: &Target) -> io::Result<()> {
    let mut stream = target.reach().await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}

async fn drip(target: &Target, number: usize) -> io::Result<()> {
    // The beginning of a handshake of TLS that promises 512 bytes.
    let hello = [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &[7; 500]].concat();
    let request = format!("GET /metrics HTTP/1.1\r\nhost: x\r\na: {}", "b".repeat(500)).into_bytes();
    let (mut stream, bytes): (Box<dyn Stream>, _) = if target.is_secure() && number.is_multiple_of(2) {
        (Box::new(target.reach().await?), hello)
    } else {
        (target.connect(Protocol::Http1).await?, request)
    };
    let mut beat = interval(BEAT);
    for byte in bytes {
        beat.tick().await;
        stream.write_all(&[byte]).await?;
        stream.flush().await?;
    }
    Ok(())
}

async fn huge_header(target: &Target) -> io::Result<()> {
    let mut stream = target.connect(Protocol::Http1).await?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\na: ").await?;
    let part = [b'b'; 64 * 1024];
    for _ in 0..100 * 1024 * 1024 / part.len() {
        stream.write_all(&part).await?;
    }
    Ok(())
}

async fn pipeline(target: &Target) -> io::Result<()> {
    let mut stream = target.connect(Protocol::Http1).await?;
    let requests = b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    stream.write_all(&requests).await?;
    stream.write_all(&[b'\0', b' ', 0xff, b'\r', b'\n'].repeat(10_000)).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}

async fn rapid_reset(target: &Target) -> io::Result<()> {
    let stream = target.connect(Protocol::Http2).await?;
    let (mut read, mut write) = tokio::io::split(stream);
    let flood = async {
        write.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await?;
        for stream in (1_u32..).step_by(2) {
            write.write_all(&asked_and_taken_back(stream)).await?;
        }
        Ok(())
    };
    both(flood, async { read.read_to_end(&mut Vec::new()).await.map(drop) }).await
}

/// Until one of them fails or both are done.
async fn both(
    one: impl Future<Output = io::Result<()>>,
    other: impl Future<Output = io::Result<()>>,
) -> io::Result<()> {
    tokio::try_join!(one, other).map(drop)
}

/// `GET /metrics` on a stream of HTTP/2, and its reset with "cancel".
fn asked_and_taken_back(stream: u32) -> Vec<u8> {
    let stream = stream.to_be_bytes();
    let headers = [&[0x82, 0x87, 0x41, 1, b'x', 0x44, 8][..], b"/metrics"].concat();
    let length = u8::try_from(headers.len()).expect("a short header");
    [&[0, 0, length, 1, 5][..], &stream, &headers, &[0, 0, 4, 3, 0], &stream, &[0, 0, 0, 8]].concat()
}
