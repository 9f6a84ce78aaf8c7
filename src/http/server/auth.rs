//! Who may ask: basic authentication against the bcrypt hashes of the web configuration.
//!
//! A hash takes a processor for a tenth of a second or more, so one is computed at a time, off the threads that serve, in
//! the order of arrival, and what it told is remembered. An unknown user costs what a known one does, or the time would
//! tell which names exist. Passwords are neither kept nor logged: what is remembered are digests under a key that lives
//! as long as the process.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::locked;
use crate::config::PasswordHash;

/// Attempts of one address that may wait for their turn; further ones are sent away, so that a flood from one address
/// delays others by no more than these.
const MAX_WAITING: usize = 2;

/// Wrong passwords that are remembered, so that a scraper with an old one costs nothing; 32 bytes each.
const MAX_REFUSED: usize = 256;

/// How often wrong passwords are told of: a flood of them must not be one of messages.
const QUIET: Duration = Duration::from_secs(3600);

/// The names and the hashes of their passwords.
type Users = BTreeMap<String, PasswordHash>;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It has the name and the password of a user.
    Granted,
    /// It has none, or wrong ones.
    Refused,
    /// Too many of its address wait already.
    Crowded,
}

/// What is known of those who asked.
pub(super) struct Authentication {
    key: [u8; 32],
    /// Holds whoever computes a hash.
    turn: Arc<tokio::sync::Mutex<()>>,
    waiting: Arc<Mutex<HashMap<IpAddr, usize>>>,
    memory: Arc<Memory>,
}

/// What is known of attempts that were made.
#[derive(Debug, Default)]
struct Memory {
    outcomes: Mutex<Outcomes>,
    told: Mutex<Told>,
}

/// What hashes told, by digests of user, hash and password: whatever changes, its outcome counts no more.
#[derive(Debug, Default)]
struct Outcomes {
    granted: BTreeMap<String, blake3::Hash>,
    refused: VecDeque<blake3::Hash>,
}

/// When wrong passwords were last told of, and how many came since.
#[derive(Debug, Default)]
struct Told {
    last: Option<Instant>,
    since: u64,
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // With the key the digests could be tried.
        f.debug_struct("Authentication").finish_non_exhaustive()
    }
}

impl Default for Authentication {
    fn default() -> Self {
        Self { key: random_key(), turn: Arc::default(), waiting: Arc::default(), memory: Arc::default() }
    }
}

impl Authentication {
    /// Whether a request with these headers, of a client at this address, is from one of the users.
    pub(super) async fn admit(&self, headers: &HeaderMap, users: &Users, client: IpAddr) -> Admission {
        let Some(Credentials { name, password }) = Credentials::of(headers) else {
            return Admission::Refused;
        };
        let (known, hash) = match users.get(&name) {
            Some(hash) => (true, hash.clone()),
            None => match self.stand_in(&name, users) {
                Some(hash) => (false, hash),
                None => return Admission::Refused,
            },
        };
        let digest = self.digest(&name, known, &hash, &password);
        if let Some(outcome) = self.memory.of(&name, digest) {
            return outcome;
        }
        let Some(seat) = Seat::take(&self.waiting, client) else { return Admission::Crowded };
        let turn = Arc::clone(&self.turn).lock_owned().await;
        // Who came before may have had the same password.
        if let Some(outcome) = self.memory.of(&name, digest) {
            return outcome;
        }
        let (memory, users) = (Arc::clone(&self.memory), users.clone());
        // A client that leaves does not end what it began: it counts until it has ended, and what it told is there when the
        // client comes again, which may have no more patience than before.
        let attempt = tokio::task::spawn_blocking(move || {
            let _held = (seat, turn);
            let granted = bcrypt::verify(password.as_slice(), hash.as_str()).unwrap_or(false) && known;
            memory.remember(name, digest, granted, &users);
            if granted {
                return Admission::Granted;
            }
            memory.tell(client);
            Admission::Refused
        });
        // Without an outcome, as at a shutdown, nobody is let in.
        attempt.await.unwrap_or(Admission::Refused)
    }

    /// The hash against which an unknown user is tried: for a name always the same, so that its cost tells nothing.
    fn stand_in(&self, name: &str, users: &Users) -> Option<PasswordHash> {
        let digest = blake3::keyed_hash(&self.key, name.as_bytes());
        let first: [u8; 8] = *digest.as_bytes().first_chunk()?;
        let count = u64::try_from(users.len()).ok()?;
        let index = usize::try_from(u64::from_le_bytes(first).checked_rem(count)?).ok()?;
        users.values().nth(index).cloned()
    }

    fn digest(&self, name: &str, known: bool, hash: &PasswordHash, password: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&[u8::from(known)]);
        for part in [name.as_bytes(), hash.as_str().as_bytes(), password] {
            // With the length before it no part can pass for the end of another.
            hasher.update(&part.len().to_le_bytes()).update(part);
        }
        hasher.finalize()
    }
}

impl Memory {
    /// What became of the same attempt before.
    fn of(&self, name: &str, digest: blake3::Hash) -> Option<Admission> {
        let outcomes = locked(&self.outcomes);
        // Digests are compared in constant time.
        if outcomes.granted.get(name).is_some_and(|granted| *granted == digest) {
            return Some(Admission::Granted);
        }
        outcomes.refused.contains(&digest).then_some(Admission::Refused)
    }

    fn remember(&self, name: String, digest: blake3::Hash, granted: bool, users: &Users) {
        let mut outcomes = locked(&self.outcomes);
        if granted {
            let names: BTreeSet<&String> = users.keys().collect();
            outcomes.granted.retain(|name, _| names.contains(name));
            outcomes.granted.insert(name, digest);
            return;
        }
        if outcomes.refused.len() >= MAX_REFUSED {
            outcomes.refused.pop_front();
        }
        outcomes.refused.push_back(digest);
    }

    /// Tells of the first wrong password, and then once in a while how many more there were.
    fn tell(&self, client: IpAddr) {
        let mut told = locked(&self.told);
        told.since += 1;
        if told.last.is_some_and(|last| last.elapsed() < QUIET) {
            return;
        }
        let refused = std::mem::take(&mut told.since);
        told.last = Some(Instant::now());
        tracing::warn!(%client, refused, "Requests with a wrong user or password were refused");
    }
}

fn random_key() -> [u8; 32] {
    let mut key = [0; 32];
    if aws_lc_rs::rand::fill(&mut key).is_err() {
        // The keys of the standard library's maps are random too.
        for (number, part) in key.chunks_exact_mut(8).enumerate() {
            part.copy_from_slice(&RandomState::new().hash_one(number).to_le_bytes());
        }
    }
    key
}

/// What a client says who it is.
struct Credentials {
    name: String,
    password: Zeroizing<Vec<u8>>,
}

impl Credentials {
    /// What the header says; `None` if there is none, or one that nobody could mean.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(AUTHORIZATION)?.as_bytes();
        let (scheme, encoded) = value.split_at_checked(b"Basic ".len())?;
        if !scheme.eq_ignore_ascii_case(b"Basic ") {
            return None;
        }
        let decoded = Zeroizing::new(BASE64_STANDARD.decode(encoded.trim_ascii()).ok()?);
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let name = std::str::from_utf8(&decoded[..colon]).ok()?.to_owned();
        Some(Self { name, password: Zeroizing::new(decoded[colon + 1..].to_vec()) })
    }
}

/// One of the few places that an address has among those who wait.
struct Seat {
    waiting: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Seat {
    fn take(waiting: &Arc<Mutex<HashMap<IpAddr, usize>>>, client: IpAddr) -> Option<Self> {
        let address = neighbourhood(client);
        let mut taken = locked(waiting);
        let seats = taken.entry(address).or_default();
        if *seats >= MAX_WAITING {
            return None;
        }
        *seats += 1;
        Some(Self { waiting: Arc::clone(waiting), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = locked(&self.waiting);
        if let Some(seats) = taken.get_mut(&self.address) {
            *seats -= 1;
            if *seats == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

/// The address, or for IPv6 the network of which a single machine has all addresses.
fn neighbourhood(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests;
