use futures_util::FutureExt;
use hyper::header::HeaderValue;

use super::Admission::{Crowded, Granted, Refused};
use super::*;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn users(pairs: &[(&str, &str)]) -> Users {
    pairs.iter().map(|(name, password)| ((*name).to_owned(), PasswordHash::of(password))).collect()
}

fn basic(credentials: impl AsRef<[u8]>) -> HeaderMap {
    header(&format!("Basic {}", BASE64_STANDARD.encode(credentials)))
}

fn header(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
}

#[tokio::test]
async fn a_user_needs_the_right_password() {
    let authentication = Authentication::default();
    let users = users(&[("prometheus", "secret"), ("grafana", "with:colon"), ("empty", "")]);
    for (credentials, expected) in [
        ("prometheus:secret", Granted),
        ("grafana:with:colon", Granted),
        ("empty:", Granted),
        ("prometheus:Secret", Refused),
        ("prometheus:with:colon", Refused),
        ("prometheus:", Refused),
        ("Prometheus:secret", Refused),
        ("nobody:secret", Refused),
        (":secret", Refused),
        (":", Refused),
    ] {
        // The second time it is remembered, and the same.
        for _ in 0..2 {
            let admission = authentication.admit(&basic(credentials), &users, HERE).await;
            assert_eq!(admission, expected, "{credentials}");
        }
    }
}

#[tokio::test]
async fn what_is_no_basic_authentication_costs_no_hash() {
    let authentication = Authentication::default();
    let users = users(&[("prometheus", "secret")]);
    let _nobody_gets_a_turn = authentication.turn.lock().await;
    let right = BASE64_STANDARD.encode("prometheus:secret");
    for headers in [
        HeaderMap::new(),
        header(""),
        header("Basic"),
        header("Basic "),
        header(&format!("Bearer {right}")),
        header(&format!("Basic{right}")),
        header(&format!("Basic {right}x")),
        header("Basic not base64"),
        basic("no colon"),
        basic(b"\xff:secret"),
    ] {
        let admission = authentication.admit(&headers, &users, HERE).now_or_never();
        assert_eq!(admission, Some(Refused), "{headers:?}");
    }
}

#[tokio::test]
async fn the_scheme_has_no_case_and_a_password_may_be_any_bytes() {
    let authentication = Authentication::default();
    let users = users(&[("prometheus", "secret")]);
    let right = BASE64_STANDARD.encode("prometheus:secret");
    for value in [format!("bAsIc {right}"), format!("Basic  {right} ")] {
        assert_eq!(authentication.admit(&header(&value), &users, HERE).await, Granted, "{value}");
    }
    assert_eq!(authentication.admit(&basic(b"prometheus:\xff\0"), &users, HERE).await, Refused);
}

#[tokio::test]
async fn what_was_found_out_once_waits_for_nobody() {
    let authentication = Authentication::default();
    let users = users(&[("prometheus", "secret")]);
    let (right, wrong) = (basic("prometheus:secret"), basic("prometheus:wrong"));
    assert_eq!(authentication.admit(&right, &users, HERE).await, Granted);
    assert_eq!(authentication.admit(&wrong, &users, HERE).await, Refused);
    let _busy = authentication.turn.lock().await;
    assert_eq!(authentication.admit(&right, &users, HERE).now_or_never(), Some(Granted));
    assert_eq!(authentication.admit(&wrong, &users, HERE).now_or_never(), Some(Refused));
    assert_eq!(authentication.admit(&basic("prometheus:new"), &users, HERE).now_or_never(), None);
}

#[tokio::test]
async fn what_was_found_out_for_a_client_that_left_is_there_when_it_comes_again() {
    let authentication = Authentication::default();
    let users = users(&[("prometheus", "secret")]);
    let right = basic("prometheus:secret");
    assert_eq!(authentication.admit(&right, &users, HERE).now_or_never(), None);
    // The hash that was begun ends before the next one's turn.
    let _busy = authentication.turn.lock().await;
    assert_eq!(authentication.admit(&right, &users, HERE).now_or_never(), Some(Granted));
}

#[tokio::test]
async fn an_unknown_user_waits_for_a_hash_as_a_known_one_does() {
    let authentication = Authentication::default();
    let users = users(&[("prometheus", "secret")]);
    let busy = authentication.turn.lock().await;
    let mut unknown = Box::pin(async {
        let headers = basic("nobody:secret");
        authentication.admit(&headers, &users, HERE).await
    });
    assert_eq!(unknown.as_mut().now_or_never(), None);
    drop(busy);
    // It has the password of the hash that it is tried against, which helps it nothing.
    assert_eq!(unknown.await, Refused);
}

#[test]
fn the_stand_in_of_an_unknown_user_is_always_the_same_and_any_of_the_real_ones() {
    let authentication = Authentication::default();
    let users = users(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let stand_in = |name: &str| authentication.stand_in(name, &users).unwrap().as_str().to_owned();
    let names: Vec<_> = (0..100).map(|number| format!("name{number}")).collect();
    let hashes: BTreeSet<_> = names.iter().map(|name| stand_in(name)).collect();
    assert_eq!(hashes.len(), users.len());
    assert!(names.iter().all(|name| stand_in(name) == stand_in(name)));
    assert!(authentication.stand_in("nobody", &Users::new()).is_none());
}

#[tokio::test]
async fn a_flood_from_one_address_delays_others_by_two_attempts_only() {
    let authentication = Authentication::default();
    let users = users(&[("prometheus", "secret")]);
    let busy = authentication.turn.lock().await;
    let attempt = |number: usize, client: &str| {
        let (client, authentication, users) = (client.parse().unwrap(), &authentication, &users);
        Box::pin(
            async move { authentication.admit(&basic(format!("prometheus:{number}")), users, client).await },
        )
    };
    for (first, second, other) in [
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
        ("::ffff:198.51.100.1", "198.51.100.1", "::ffff:198.51.100.2"),
    ] {
        let mut attempts = [attempt(1, first), attempt(2, second), attempt(3, other)];
        assert!(attempts.iter_mut().all(|attempt| attempt.as_mut().now_or_never().is_none()));
        assert_eq!(attempt(4, first).now_or_never(), Some(Crowded), "{first}");
        // Who leaves takes nobody's place.
        let [gone, ..] = attempts;
        drop(gone);
        assert_eq!(attempt(5, second).now_or_never(), None, "{second}");
    }
    drop(busy);
    assert!(locked(&authentication.waiting).is_empty());
    assert_eq!(attempt(6, "192.0.2.1").await, Refused);
    assert!(locked(&authentication.waiting).is_empty());
}

#[tokio::test]
async fn a_new_password_counts_at_once_and_the_old_one_no_more() {
    let authentication = Authentication::default();
    let old = users(&[("prometheus", "old"), ("grafana", "same")]);
    let new = users(&[("prometheus", "new"), ("grafana", "same"), ("more", "x")]);
    for credentials in ["prometheus:old", "grafana:same"] {
        assert_eq!(authentication.admit(&basic(credentials), &old, HERE).await, Granted);
    }
    assert_eq!(authentication.admit(&basic("prometheus:old"), &new, HERE).await, Refused);
    assert_eq!(authentication.admit(&basic("prometheus:new"), &new, HERE).await, Granted);
    let _busy = authentication.turn.lock().await;
    // Nothing of this user has changed.
    assert_eq!(authentication.admit(&basic("grafana:same"), &new, HERE).now_or_never(), Some(Granted));
    let without = users(&[("more", "x")]);
    assert_eq!(authentication.admit(&basic("grafana:same"), &without, HERE).now_or_never(), None);
}

#[tokio::test]
async fn what_is_remembered_is_bounded() {
    let authentication = Authentication::default();
    let users = users(&[("prometheus", "secret")]);
    for number in 0..MAX_REFUSED + 5 {
        let digest = blake3::hash(&number.to_le_bytes());
        authentication.memory.remember(format!("user{number}"), digest, false, &users);
        authentication.memory.remember(format!("user{number}"), digest, true, &users);
    }
    let outcomes = locked(&authentication.memory.outcomes);
    assert_eq!((outcomes.refused.len(), outcomes.granted.len()), (MAX_REFUSED, 1));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_wrong_passwords_is_not_one_of_messages() {
    let authentication = Authentication::default();
    let held_back = || locked(&authentication.memory.told).since;
    authentication.memory.tell(HERE);
    assert_eq!(held_back(), 0);
    (0..1000).for_each(|_| authentication.memory.tell(HERE));
    assert_eq!(held_back(), 1000);
    tokio::time::advance(QUIET).await;
    authentication.memory.tell(HERE);
    assert_eq!(held_back(), 0);
}

#[test]
fn keys_differ() {
    assert_ne!(random_key(), random_key());
}

#[test]
fn nothing_of_it_is_shown() {
    assert_eq!(format!("{:?}", Authentication::default()), "Authentication { .. }");
}
