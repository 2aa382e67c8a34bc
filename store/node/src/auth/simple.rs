//! Simple tokens: random letters and the index of the entry that asked for them (G80).
//!
//! The entry is replicated, so every member knows the token once it has applied it. How long a token
//! is still good for is each member's own business: its use extends it on the member that it is used on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use openraft_rt::Instant as _;

use super::Owner;
use crate::runtime::Runtime;

const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// How many letters.
const LENGTH: usize = 16;
/// Most tokens that a member keeps; of more, those go that end soonest.
const TOKENS_MAX: usize = 100_000;
/// Least tokens among which it is worth while to look for old ones.
const TOKENS_SWEPT_MIN: usize = 64;

/// The letters, drawn.
pub(super) fn random_part<R: Runtime>() -> String {
    let mut letters = String::with_capacity(LENGTH);
    let mut bits = R::random_u64();
    let mut left = 10;
    while letters.len() < LENGTH {
        if left == 0 {
            (bits, left) = (R::random_u64(), 10);
        }
        // Six bits make a letter, or are passed over: every letter is as likely as the others.
        let letter = LETTERS.get(usize::try_from(bits & 63).expect("six bits fit"));
        letters.extend(letter.map(|letter| char::from(*letter)));
        bits >>= 6;
        left -= 1;
    }
    letters
}

pub(super) fn spell(random: &str, index: u64) -> String {
    format!("{random}.{index}")
}

/// The index in a token; `None` for what is no token.
fn index(token: &str) -> Option<u64> {
    let (random, index) = token.split_once('.')?;
    let is_plain = !random.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| index.parse().ok()).flatten()
}

/// The tokens that this member knows. Clones share them.
#[derive(Debug)]
pub struct SimpleTokens<R: Runtime> {
    held: Arc<Mutex<Held<R>>>,
    ttl: Duration,
}

#[derive(Debug)]
struct Held<R: Runtime> {
    tokens: BTreeMap<String, Token<R>>,
    /// How many tokens there may be before old ones are looked for.
    sweep_at: usize,
}

#[derive(Debug)]
struct Token<R: Runtime> {
    user: String,
    ends: R::Instant,
}

impl<R: Runtime> Clone for SimpleTokens<R> {
    fn clone(&self) -> Self {
        Self { held: Arc::clone(&self.held), ttl: self.ttl }
    }
}

impl<R: Runtime> SimpleTokens<R> {
    /// None yet; each is good for `ttl` after its last use.
    pub fn new(ttl: Duration) -> Self {
        let held = Held { tokens: BTreeMap::new(), sweep_at: TOKENS_SWEPT_MIN };
        Self { held: Arc::new(Mutex::new(held)), ttl }
    }

    pub(super) fn owner(&self, token: &[u8], applied: u64) -> Owner {
        self.owner_at(token, applied, R::Instant::now())
    }

    pub(super) fn assign(&self, token: String, user: &str) {
        self.assign_at(token, user, R::Instant::now());
    }

    fn owner_at(&self, token: &[u8], applied: u64, now: R::Instant) -> Owner {
        let Ok(token) = std::str::from_utf8(token) else { return Owner::Nobody };
        match index(token) {
            None => return Owner::Nobody,
            Some(index) if index > applied => return Owner::KnownAt(index),
            Some(_) => {}
        }
        let mut held = self.held();
        match held.tokens.get_mut(token) {
            Some(known) if known.ends > now => {
                known.ends = now + self.ttl;
                Owner::User(known.user.clone())
            }
            Some(_) => {
                held.tokens.remove(token);
                Owner::Nobody
            }
            None => Owner::Nobody,
        }
    }

    fn assign_at(&self, token: String, user: &str, now: R::Instant) {
        let mut held = self.held();
        if held.tokens.len() >= held.sweep_at {
            held.sweep(now);
        }
        held.tokens.insert(token, Token { user: user.to_owned(), ends: now + self.ttl });
    }

    pub(super) fn forget_user(&self, user: &str) {
        self.held().tokens.retain(|_, token| token.user != user);
    }

    pub(super) fn forget_all(&self) {
        self.held().tokens.clear();
    }

    fn held(&self) -> MutexGuard<'_, Held<R>> {
        self.held.lock().expect("no panic happens while the lock is held")
    }
}

impl<R: Runtime> Held<R> {
    /// Forgets what has ended, and if that is not enough half of the rest. As many tokens have to be
    /// assigned between two sweeps as are left, so that they cost each token little.
    fn sweep(&mut self, now: R::Instant) {
        self.tokens.retain(|_, token| token.ends > now);
        if self.tokens.len() >= TOKENS_MAX {
            let mut ends: Vec<R::Instant> = self.tokens.values().map(|token| token.ends).collect();
            ends.sort_unstable();
            let middle = ends[ends.len() / 2];
            self.tokens.retain(|_, token| token.ends > middle);
        }
        self.sweep_at = (2 * self.tokens.len()).clamp(TOKENS_SWEPT_MIN, TOKENS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use openraft_rt::AsyncRuntime;

    use super::*;
    use crate::runtime::tokio::TokioRuntime;

    type Simple = SimpleTokens<TokioRuntime>;

    fn user(name: &str) -> Owner {
        Owner::User(name.to_owned())
    }

    #[tokio::test]
    async fn a_token_ends_some_time_after_its_last_use() {
        let tokens = Simple::new(Duration::from_secs(300));
        let mut now = <TokioRuntime as AsyncRuntime>::Instant::now();
        tokens.assign_at("abc.7".to_owned(), "alice", now);
        for _ in 0..3 {
            now += Duration::from_secs(299);
            assert_eq!(tokens.owner_at(b"abc.7", 7, now), user("alice"));
        }
        now += Duration::from_secs(301);
        assert_eq!(tokens.owner_at(b"abc.7", 7, now), Owner::Nobody);
    }

    #[tokio::test]
    async fn what_is_not_applied_yet_may_still_become_a_token() {
        let tokens = Simple::new(Duration::from_secs(300));
        assert_eq!(tokens.owner(b"abc.7", 6), Owner::KnownAt(7));
        assert_eq!(tokens.owner(b"abc.7", 7), Owner::Nobody);
        for nonsense in ["", "abc", "abc.", ".7", "abc.x", "abc.+7", "abc.7.7", "abc.-1"] {
            assert_eq!(tokens.owner(nonsense.as_bytes(), 0), Owner::Nobody, "{nonsense}");
        }
    }

    #[tokio::test]
    async fn tokens_go_with_their_user() {
        let tokens = Simple::new(Duration::from_secs(300));
        tokens.assign("a.1".to_owned(), "alice");
        tokens.assign("b.2".to_owned(), "bob");
        tokens.forget_user("alice");
        assert_eq!(tokens.owner(b"a.1", 9), Owner::Nobody);
        assert_eq!(tokens.owner(b"b.2", 9), user("bob"));
        tokens.forget_all();
        assert_eq!(tokens.owner(b"b.2", 9), Owner::Nobody);
    }

    #[tokio::test]
    async fn tokens_that_have_ended_take_no_room() {
        let tokens = Simple::new(Duration::from_secs(1));
        let mut now = <TokioRuntime as AsyncRuntime>::Instant::now();
        for index in 0..1000 {
            tokens.assign_at(format!("a.{index}"), "alice", now);
            now += Duration::from_millis(100);
        }
        assert!(tokens.held().tokens.len() <= TOKENS_SWEPT_MIN);
    }

    #[test]
    fn letters_are_drawn_one_by_one() {
        let part = random_part::<TokioRuntime>();
        assert_eq!(part.len(), LENGTH);
        assert!(part.bytes().all(|byte| byte.is_ascii_alphabetic()), "{part}");
        assert_ne!(part, random_part::<TokioRuntime>());
    }
}
