//! Hints of a store that can push: views catch up at once rather than at their next poll.
//!
//! A hint only says when to ask the store. Nothing rests on it, so whatever goes wrong here is left
//! to polling.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, Stream, StreamExt as _};

use crate::domain::{OrganizationId, Revision};
use crate::ports::Hint;

use super::views::Kept;
use super::{Inner, UserDirectory};

/// At most this many organizations are caught up with at the same time.
const AT_ONCE: usize = 8;

impl UserDirectory {
    /// Follows the hints of a store that can push, until they end: live views of this process then
    /// show what other processes commit as soon as they are told of it, rather than within
    /// [`Keeping::follow_every`](super::Keeping::follow_every), which goes on to hold.
    ///
    /// Give this its own task. It loads no view that is not there, asks the store nothing where a
    /// view shows as much already (what this process commits is among the hints, too), and while the
    /// store is slow, hints that wait are kept as one for each organization. What fails is left to
    /// polling. Dropping it in the middle is harmless, and so is following several at once.
    pub async fn follow(&self, hints: impl Stream<Item = Hint> + Send) {
        let mut hints = pin!(hints);
        let mut waiting = Waiting::default();
        let mut running: FuturesUnordered<BoxFuture<'static, Task>> = FuturesUnordered::new();
        let mut ended = false;
        loop {
            while running.len() < AT_ONCE
                && let Some(task) = waiting.due()
            {
                running.push(Arc::clone(&self.inner).heed(task).boxed());
            }
            if ended && running.is_empty() {
                return;
            }
            // Work first, and one hint at a time: neither keeps the other from going on.
            let next = std::future::poll_fn(|context| {
                if let Poll::Ready(Some(task)) = running.poll_next_unpin(context) {
                    return Poll::Ready(Next::Heeded(task));
                }
                if ended {
                    return Poll::Pending;
                }
                hints.as_mut().poll_next(context).map(|it| it.map_or(Next::End, Next::Hint))
            });
            match next.await {
                Next::Heeded(task) => waiting.heeded(task),
                Next::Hint(hint) => waiting.note(&self.inner, hint),
                Next::End => ended = true,
            }
        }
    }
}

enum Next {
    Heeded(Task),
    Hint(Hint),
    End,
}

/// What is to be caught up with.
#[derive(Clone, Copy)]
enum Task {
    /// The views of one organization that show less than this revision.
    Organization(OrganizationId, Revision),
    /// The views that somebody holds a guard of; all others are asked for first.
    Held,
}

/// Hints that wait: one for each organization that has a view here, however many came.
#[derive(Default)]
struct Waiting {
    organizations: HashMap<OrganizationId, Revision>,
    held: bool,
    /// What is being caught up with is not begun a second time.
    busy: HashSet<OrganizationId>,
    busy_held: bool,
}

impl Waiting {
    fn note(&mut self, inner: &Inner, hint: Hint) {
        match hint {
            Hint::Committed { organization, revision } => {
                if inner.is_behind(organization, revision) {
                    let newest = self.organizations.entry(organization).or_default();
                    *newest = revision.max(*newest);
                }
            }
            Hint::Missed => {
                // From here on nobody is given a view that has not asked the store.
                inner.views.all().iter().for_each(|kept| kept.look_again());
                self.held = true;
            }
        }
    }

    /// What is not being caught up with yet.
    fn due(&mut self) -> Option<Task> {
        if self.held && !self.busy_held {
            (self.held, self.busy_held) = (false, true);
            return Some(Task::Held);
        }
        let free = self.organizations.keys().find(|id| !self.busy.contains(*id)).copied()?;
        let revision = self.organizations.remove(&free)?;
        self.busy.insert(free);
        Some(Task::Organization(free, revision))
    }

    fn heeded(&mut self, task: Task) {
        match task {
            Task::Organization(id, _) => {
                self.busy.remove(&id);
            }
            Task::Held => self.busy_held = false,
        }
    }
}

impl Inner {
    /// Whether a view of an organization shows less than a revision. One that is being loaded is
    /// made to look again, because it may have been read before.
    fn is_behind(&self, organization: OrganizationId, revision: Revision) -> bool {
        let places = self.views.of(organization);
        let loaded = |kept: &Arc<Kept>| kept.view.load().as_ref().map(|view| view.revision());
        places.iter().filter(|kept| loaded(kept).is_none()).for_each(|kept| kept.look_again());
        places.iter().filter_map(loaded).any(|shown| shown < revision)
    }

    async fn heed(self: Arc<Self>, task: Task) -> Task {
        let Task::Organization(organization, revision) = task else {
            self.follow_held().await;
            return task;
        };
        for kept in self.views.of(organization) {
            // It may have caught up meanwhile.
            let behind = kept.view.load().as_ref().is_some_and(|view| view.revision() < revision);
            if behind {
                kept.look_again();
                if self.follow(&kept).await.is_err() {
                    tracing::debug!("a hint could not be followed; that is left to polling");
                }
            }
        }
        task
    }
}
