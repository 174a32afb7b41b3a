//! Telling the live views what this process has committed, before anybody is answered.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use crate::access::live::{Applied, Update, Wants};
use crate::domain::{Revision, State, Stream};

use super::Inner;
use super::views::Kept;

impl Inner {
    /// Tells the views of an organization what was committed, before anybody is answered.
    ///
    /// A lane tells what it commits in order. A transaction of the host is told of when the host
    /// says so, and the lane may have gone on meanwhile: what a view shows of that is not undone,
    /// but looked up in the store.
    pub(super) async fn tell(self: &Arc<Self>, state: &State, stream: Stream, first: Revision) {
        for kept in self.publish(state, stream, first) {
            if self.follow(&kept).await.is_err() {
                // It would go on showing what is no longer so.
                kept.give_up();
            }
        }
    }

    /// Shows what was committed; returns the views that show something newer than that, and not
    /// this, so that they have to ask the store.
    fn publish(&self, state: &State, stream: Stream, first: Revision) -> Vec<Arc<Kept>> {
        let Stream::Organization(organization) = stream else { return Vec::new() };
        let mut places = self.views.of(organization);
        if places.is_empty() {
            return places;
        }
        let update = Update::of_state(state, organization);
        places.retain(|kept| shows_newer(kept, &update, first));
        places
    }

    /// The outcome of a commit is not known: what the views show may no longer be so.
    pub(super) fn doubt(&self, stream: Stream) {
        if let Stream::Organization(organization) = stream {
            self.views.of(organization).iter().for_each(|kept| kept.look_again());
        }
    }
}

/// Shows an update in one view, unless the view shows something newer out of turn.
fn shows_newer(kept: &Kept, update: &Update<'_>, first: Revision) -> bool {
    let mut view = kept.view.load_full();
    if view.is_none() {
        // It is being loaded: either it catches up before anybody sees it, or it is there.
        kept.look_again();
        fence(Ordering::SeqCst);
        view = kept.view.load_full();
    }
    let Some(view) = view else { return false };
    let mut newer = false;
    let applied = view.apply(update, |shown| {
        let revision = update.revision;
        if shown >= revision {
            Wants::Nothing
        } else if kept.newest_out_of_turn.load(Ordering::Acquire) >= revision.get() {
            newer = true;
            kept.look_again();
            Wants::Nothing
        } else if shown.next() >= first {
            Wants::Everything
        } else {
            // Others were first, elsewhere: that is looked up by whoever asks next.
            kept.out_of_turn.fetch_add(1, Ordering::AcqRel);
            kept.newest_out_of_turn.fetch_max(revision.get(), Ordering::AcqRel);
            kept.look_again();
            Wants::OutOfTurn
        }
    });
    if applied == Applied::MakeAnew {
        kept.give_up();
    }
    newer
}
