//! A password that was refused is not tried with every poll: where SQL Server follows the account policy, a few failed
//! log-ons lock the login, for this program and for whoever else uses it.

use std::time::Duration;

use tiberius::AuthMethod;
use tokio::time::Instant;

use super::failure::Trouble;

/// After the first refusal; doubled with each that follows.
const FIRST: Duration = Duration::from_secs(10 * 60);

/// The longest pause: a login that was mended on the server is found within it.
const LONGEST: Duration = Duration::from_secs(3600);

/// What a server refused last.
#[derive(Debug)]
pub(super) struct Refusal {
    method: AuthMethod,
    trouble: Trouble,
    pause: Duration,
    until: Instant,
}

impl Refusal {
    /// Now, after what was refused before.
    pub(super) fn new(method: AuthMethod, trouble: Trouble, before: Option<Self>) -> Self {
        let before = before.filter(|before| before.method == method);
        let pause = before.map_or(FIRST, |before| LONGEST.min(before.pause * 2));
        Self { method, trouble, pause, until: Instant::now() + pause }
    }

    /// Why not to log on in this way now; `None` if it may be tried.
    pub(super) fn of(&self, method: &AuthMethod) -> Option<Trouble> {
        (self.method == *method && Instant::now() < self.until).then(|| self.trouble.clone())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refused_password_is_tried_ever_less_often_and_another_one_at_once() {
        let method = |password| AuthMethod::sql_server("cm_monitor", password);
        let mut refusal: Option<Refusal> = None;
        let mut tried = Vec::new();
        for minute in 0..240 {
            if refusal.as_ref().is_none_or(|refusal| refusal.of(&method("old")).is_none()) {
                tried.push(minute);
                refusal = Some(Refusal::new(method("old"), Trouble::not_on_windows(), refusal));
            }
            advance(Duration::from_secs(60)).await;
        }
        assert_eq!(tried, [0, 10, 30, 70, 130, 190]);
        let refusal = refusal.unwrap();
        assert_eq!(refusal.of(&method("old")), Some(Trouble::not_on_windows()));
        assert_eq!(refusal.of(&method("new")), None);
        let next = Refusal::new(method("new"), Trouble::not_on_windows(), Some(refusal));
        assert_eq!(next.pause, FIRST);
    }
}
