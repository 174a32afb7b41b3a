//! The live views of this process: loaded once, told of every commit here, followed by revision
//! for commits elsewhere, and dropped when memory runs short.

use std::collections::{BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use crate::access::live::{Applied, Update, View, Wants};
use crate::domain::{Claim, Key, Need, OrganizationId, Refusal, Scope, Span, Timestamp, UserId};
use crate::ports::StoreError;

use super::{Error, Inner};

/// How the live views of permissions are kept.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// How long a view is relied on before the store is asked whether another process changed
    /// anything. What this process changes shows at once. Default: 1 second.
    pub follow_every: Span,
    /// How long a view is relied on while the store cannot be asked; then it lets nobody in.
    /// Default: 30 seconds.
    pub oldest: Span,
    /// Bytes that all views may take together before those nobody holds are dropped, the longest
    /// unused first. One view may take more. Default: 256 MiB.
    pub budget: usize,
    /// Organizations with more memberships than this load people when they are asked for.
    /// Default: 250,000.
    pub everybody_up_to: u64,
}

impl Default for Keeping {
    fn default() -> Self {
        Self {
            follow_every: Span::seconds(1),
            oldest: Span::seconds(30),
            budget: 256 << 20,
            everybody_up_to: 250_000,
        }
    }
}

/// One view, and how far it can be relied on.
pub(super) struct Kept {
    scope: Scope,
    /// None before it is loaded, and when it has to be loaded anew.
    pub(super) view: ArcSwapOption<View>,
    /// When the store was last known to have nothing newer, in microseconds.
    confirmed_at: AtomicI64,
    used_at: AtomicI64,
    /// Whether something was committed that it does not show.
    behind: AtomicBool,
    /// Counts what was shown out of turn: what was read before it may be older.
    pub(super) out_of_turn: AtomicU64,
    /// The newest revision of what was shown out of turn: what is older would undo it.
    pub(super) newest_out_of_turn: AtomicU64,
    /// Whoever asks the store for news asks for all who wait, and any of them can go on with it.
    following: Mutex<Option<WeakShared<Asking>>>,
}

/// The store being followed, by whoever waits for it.
type Following = Shared<Asking>;

type Asking = BoxFuture<'static, Result<(), Failed>>;

/// Why the store was not followed.
#[derive(Clone)]
pub(super) enum Failed {
    Refused(Refusal),
    Store(StoreError),
    Contended,
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(refusal) => refusal.into(),
            Failed::Store(error) => error.into(),
            Failed::Contended => Self::Contended,
        }
    }
}

/// A lock is only ever held for a few instructions that cannot panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The views of a process.
pub(super) struct Views {
    pub(super) keeping: Keeping,
    all: ArcSwap<HashMap<OrganizationId, Vec<Arc<Kept>>>>,
    changing: Mutex<()>,
}

impl Views {
    pub(super) fn new(keeping: Keeping) -> Self {
        Self { keeping, all: ArcSwap::default(), changing: Mutex::default() }
    }

    /// The places of an organization.
    pub(super) fn of(&self, organization: OrganizationId) -> Vec<Arc<Kept>> {
        self.all.load().get(&organization).cloned().unwrap_or_default()
    }

    fn existing(&self, scope: Scope) -> Option<Arc<Kept>> {
        let all = self.all.load();
        all.get(&scope.organization)?.iter().find(|kept| kept.scope == scope).map(Arc::clone)
    }

    /// All places.
    pub(super) fn all(&self) -> Vec<Arc<Kept>> {
        self.all.load().values().flatten().cloned().collect()
    }

    /// The place of a scope, made if there is none yet.
    fn place(&self, scope: Scope) -> Arc<Kept> {
        if let Some(kept) = self.existing(scope) {
            return kept;
        }
        let _changing = lock(&self.changing);
        if let Some(kept) = self.existing(scope) {
            return kept;
        }
        let kept = Arc::new(Kept {
            scope,
            view: ArcSwapOption::empty(),
            confirmed_at: AtomicI64::new(i64::MIN),
            used_at: AtomicI64::new(i64::MIN),
            behind: AtomicBool::new(false),
            out_of_turn: AtomicU64::new(0),
            newest_out_of_turn: AtomicU64::new(0),
            following: Mutex::default(),
        });
        let mut all = HashMap::clone(&self.all.load());
        all.entry(scope.organization).or_default().push(Arc::clone(&kept));
        self.all.store(Arc::new(all));
        kept
    }

    /// Forgets places, and lets nobody in on their views any longer: they are told of nothing more.
    fn drop_places(&self, dropped: impl Fn(&Arc<Kept>) -> bool) {
        let _changing = lock(&self.changing);
        let mut all = HashMap::clone(&self.all.load());
        let mut gone = Vec::new();
        for places in all.values_mut() {
            gone.extend(places.extract_if(.., |kept| dropped(kept)));
        }
        all.retain(|_, places| !places.is_empty());
        self.all.store(Arc::new(all));
        for kept in gone {
            kept.give_up();
        }
    }

    fn has(&self, kept: &Arc<Kept>) -> bool {
        self.existing(kept.scope).is_some_and(|it| Arc::ptr_eq(&it, kept))
    }

    /// Drops views that nobody holds, the longest unused first, until the rest fits; never the one
    /// that room is made for.
    fn make_room(&self, newest: &Kept) {
        let mut sizes: Vec<(i64, usize, Scope, bool)> = Vec::new();
        for kept in self.all.load().values().flatten() {
            if let Some(view) = kept.view.load_full() {
                // One is the place's, one is ours: any more is somebody's guard.
                let stays = Arc::strong_count(&view) > 2 || std::ptr::eq(Arc::as_ptr(kept), newest);
                sizes.push((kept.used_at.load(Ordering::Relaxed), view.bytes(), kept.scope, stays));
            }
        }
        let mut total: usize = sizes.iter().map(|(_, bytes, _, _)| bytes).sum();
        sizes.sort_unstable_by_key(|(used_at, ..)| *used_at);
        let mut going = BTreeSet::new();
        for (_, bytes, scope, stays) in sizes {
            if total > self.keeping.budget && !stays {
                total -= bytes;
                going.insert(scope);
            }
        }
        if !going.is_empty() {
            tracing::debug!(views = going.len(), "dropped, to stay within the budget");
            self.drop_places(|kept| {
                let held = kept.view.load_full().is_some_and(|view| Arc::strong_count(&view) > 2);
                going.contains(&kept.scope) && !held && !std::ptr::eq(Arc::as_ptr(kept), newest)
            });
        }
    }
}

/// A place that somebody is about to use: without a view it is not left behind.
struct Placed<'v> {
    views: &'v Views,
    kept: Arc<Kept>,
}

impl Drop for Placed<'_> {
    fn drop(&mut self) {
        // One is the map's, one is ours: any more is somebody's who goes on waiting for it.
        if self.kept.view.load().is_none() && Arc::strong_count(&self.kept) == 2 {
            self.views.drop_places(|kept| Arc::ptr_eq(kept, &self.kept));
        }
    }
}

/// A following that is dropped before it has ended has shown nothing.
struct Unfinished<'k> {
    kept: &'k Kept,
    ended: bool,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.kept.look_again();
        }
    }
}

impl Kept {
    fn confirmed_at(&self) -> Timestamp {
        Timestamp::from_micros(self.confirmed_at.load(Ordering::Acquire))
    }

    /// The store had nothing newer at an instant.
    fn confirm(&self, view: &View, at: Timestamp) {
        self.confirmed_at.store(at.micros(), Ordering::Release);
        view.confirm(|| true);
    }

    /// How long ago, in microseconds; none if the clock has gone back since.
    pub(super) fn age(&self, now: Timestamp) -> Option<i64> {
        let age = now.micros().saturating_sub(self.confirmed_at().micros());
        (age >= 0).then_some(age)
    }

    fn is_younger(&self, than: Span, now: Timestamp) -> bool {
        !self.behind.load(Ordering::SeqCst)
            && self.view.load().is_some()
            && self.age(now).is_some_and(|age| age < micros(than))
    }

    /// Has the store asked again, however young the view is.
    pub(super) fn look_again(&self) {
        self.behind.store(true, Ordering::SeqCst);
    }

    /// Whether it was last confirmed longer ago than that, or by a clock that has gone back as far.
    fn is_too_old(&self, oldest: Span, now: Timestamp) -> bool {
        self.confirmed_at().micros().abs_diff(now.micros()) > micros(oldest).unsigned_abs()
    }

    /// Whether it is too old to let anybody in on it: then the bits of its guards no longer do.
    pub(super) fn refuses(&self, view: &View, oldest: Span, now: Timestamp) -> bool {
        let too_old = self.is_too_old(oldest, now);
        if too_old {
            // Looked at again under the lock: it may just have been confirmed.
            view.confirm(|| !self.is_too_old(oldest, now));
        }
        too_old
    }

    /// Forgets the view for good; whoever holds a guard of it is let in no longer.
    pub(super) fn give_up(&self) {
        self.look_again();
        if let Some(view) = self.view.swap(None) {
            view.end();
        }
    }
}

fn micros(span: Span) -> i64 {
    i64::from(span.as_seconds()) * 1_000_000
}

impl Inner {
    /// The view of a scope, as young as the host wants it.
    pub(super) async fn view(self: &Arc<Self>, scope: Scope) -> Result<Seen, Error> {
        const TIMES: u32 = 8;
        let keeping = self.views.keeping;
        for _ in 0..TIMES {
            let placed = Placed { views: &self.views, kept: self.views.place(scope) };
            let (kept, now) = (&placed.kept, self.clock.now());
            kept.used_at.fetch_max(now.micros(), Ordering::Relaxed);
            if !kept.is_younger(keeping.follow_every, now)
                && let Err(failed) = self.follow(kept).await
            {
                if let Failed::Refused(refusal) = failed {
                    self.views.drop_places(|it| Arc::ptr_eq(it, kept));
                    return Err(refusal.into());
                }
                // The store may have taken its time to fail.
                let now = self.clock.now();
                let view = kept.view.load_full();
                if view.is_none_or(|view| kept.refuses(&view, keeping.oldest, now)) {
                    return Err(failed.into());
                }
                tracing::warn!("the store cannot be asked; permissions are as they were");
            }
            // Given up or dropped in between, it is told of nothing more.
            if let Some(view) = kept.view.load_full()
                && self.views.has(kept)
            {
                return Ok(Seen { kept: Arc::clone(kept), view });
            }
        }
        Err(Error::Contended)
    }

    /// Brings a view up to what the store holds now.
    pub(super) async fn follow(self: &Arc<Self>, kept: &Arc<Kept>) -> Result<(), Failed> {
        const TIMES: u32 = 8;
        let begun = self.clock.now();
        for _ in 0..TIMES {
            self.following(kept).await?;
            // What was joined may have begun long ago, and what made it behind have come since.
            let behind = kept.behind.load(Ordering::SeqCst) || kept.view.load().is_none();
            let since = begun.micros() - micros(self.views.keeping.follow_every);
            if !behind && kept.confirmed_at().micros() >= since {
                return Ok(());
            }
        }
        Err(Failed::Contended)
    }

    /// The following that runs, or a new one. It ends with the last of those who wait for it.
    fn following(self: &Arc<Self>, kept: &Arc<Kept>) -> Following {
        let mut running = lock(&kept.following);
        if let Some(following) = running.as_ref().and_then(WeakShared::upgrade)
            && following.peek().is_none()
        {
            return following;
        }
        let (inner, kept) = (Arc::clone(self), Arc::clone(kept));
        let following = async move {
            let mut unfinished = Unfinished { kept: &kept, ended: false };
            let followed = AssertUnwindSafe(inner.follow_once(&kept)).catch_unwind();
            let followed = followed.await.unwrap_or_else(|_| {
                tracing::error!("a port panicked");
                Err(Failed::Contended)
            });
            unfinished.ended = followed.is_ok();
            followed
        };
        let following = following.boxed().shared();
        *running = following.downgrade();
        following
    }

    async fn follow_once(&self, kept: &Kept) -> Result<(), Failed> {
        let now = self.clock.now();
        kept.behind.store(false, Ordering::SeqCst);
        if let Some(view) = kept.view.load_full() {
            // Whoever holds it follows it on; nobody else has to have the refuse.
            let worn = view.is_worn() && Arc::strong_count(&view) == 2;
            if !worn && self.catch_up(kept, &view).await? {
                kept.confirm(&view, now);
                return Ok(());
            }
            // Too much has changed, or it has grown too much.
            kept.give_up();
            kept.behind.store(false, Ordering::SeqCst);
        }
        let view = self.load_view(kept.scope).await?;
        if !self.catch_up(kept, &view).await? {
            return Err(Failed::Contended);
        }
        kept.confirm(&view, now);
        kept.view.store(Some(view));
        // Either a commit finds the view, or whoever loaded it finds that it is behind.
        fence(Ordering::SeqCst);
        self.views.make_room(kept);
        Ok(())
    }

    /// Follows the store for views that somebody holds a guard of, and lets nobody in on those
    /// that cannot be followed for too long.
    pub(super) async fn follow_held(self: &Arc<Self>) {
        for kept in self.views.all() {
            let Some(view) = kept.view.load_full() else { continue };
            let held = Arc::strong_count(&view) > 2;
            let keeping = self.views.keeping;
            if held
                && !kept.is_younger(keeping.follow_every, self.clock.now())
                && self.follow(&kept).await.is_err()
            {
                kept.refuses(&view, keeping.oldest, self.clock.now());
            }
        }
    }

    /// Loads people into a view that does not hold everybody.
    pub(super) async fn admit(
        self: &Arc<Self>,
        seen: &Seen,
        users: &[UserId],
    ) -> Result<(), Error> {
        const ROUNDS: u32 = 8;
        let Seen { kept, view } = seen;
        let guard = view.guard();
        let missing: Vec<_> = users.iter().filter(|user| !guard.knows(**user)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let scope = view.scope();
        let mut needs = vec![Need::Record(Key::Organization(scope.organization))];
        for user in missing {
            let scopes = scope.workspace.map(|_| scope).into_iter().chain([scope.whole()]);
            needs.extend(scopes.map(|it| Need::Holder(Claim::MembershipUser(it, *user))));
        }
        for _ in 0..ROUNDS {
            let before = kept.out_of_turn.load(Ordering::Acquire);
            let records = self.store.load(&needs).await?;
            let update = Update::of_records(&records);
            let applied = view.admit(&update, |shown| {
                let as_it_was = kept.out_of_turn.load(Ordering::Acquire) == before;
                // Of the very revision that is shown: people and roles of two make up a third.
                if as_it_was && shown == update.revision {
                    Wants::OutOfTurn
                } else {
                    Wants::Nothing
                }
            });
            match applied {
                Applied::Shown => return Ok(()),
                Applied::MakeAnew => {
                    kept.give_up();
                    return Err(Error::Contended);
                }
                Applied::NotWanted => {
                    kept.look_again();
                    self.follow(kept).await?;
                }
            }
        }
        Err(Error::Contended)
    }
}

/// A view with its place.
pub(super) struct Seen {
    pub(super) kept: Arc<Kept>,
    pub(super) view: Arc<View>,
}
