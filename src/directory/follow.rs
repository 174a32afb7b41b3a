//! Filling a live view from the store, and catching up with what other processes have committed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::access::live::{Applied, Holds, Update, View, Wants};
use crate::domain::{
    Key, MembershipId, Need, OrganizationId, Record, Refusal, Revision, Scope, State, Stream,
    SupportAccessId, TeamId, Thing,
};
use crate::ports::{Find, PeopleFilter, PeoplePosition, StoreError};

use super::Inner;
use super::views::{Failed, Kept};

/// How many records one page of a scan holds.
const PAGE: u32 = 500;
/// A view that is further behind than this many commands is loaded anew.
const FAR_BEHIND: u64 = 5_000;

impl Inner {
    /// A view as of the organization's revision at the beginning of a scan, or later: whatever
    /// changed during the scan is caught up with.
    #[tracing::instrument(name = "tenure.load_view", level = "debug", skip_all)]
    pub(super) async fn load_view(&self, scope: Scope) -> Result<Arc<View>, Failed> {
        let mut needs = vec![Need::Record(Key::Organization(scope.organization))];
        needs.extend(scope.workspace.map(|id| Need::Record(Key::Workspace(id))));
        let records = self.store.load(&needs).await?;
        let state = State::new(records.iter().cloned());
        let organization =
            state.organization(scope.organization).ok_or(Refusal::NotFound(Thing::Organization))?;
        if scope.workspace.is_some_and(|id| state.workspace(scope.organization, id).is_none()) {
            return Err(Refusal::NotFound(Thing::Workspace).into());
        }
        let people = organization.tally.total();
        let everybody = people <= self.views.keeping.everybody_up_to;
        let (holds, room) = if everybody {
            (Holds::Everybody, usize::try_from(people).unwrap_or(0))
        } else {
            (Holds::WhoeverIsAdmitted, 1_024)
        };
        let view = Arc::new(View::new(scope, Arc::clone(&self.host.catalogue), holds, room));
        let since = organization.revision();
        let show = |records: &[Record]| {
            let mut update = Update::of_records(records);
            update.revision = since;
            view.apply(&update, |_| Wants::Everything) == Applied::Shown
        };
        let mut shown = show(&records);
        shown &= show(&self.listed(scope.organization).await?);
        if everybody {
            // In the view of a workspace stands whoever is in it, and whoever could reach in.
            let scopes = scope.workspace.map(|_| scope).into_iter().chain([scope.whole()]);
            for scope in scopes {
                let mut after: Option<PeoplePosition> = None;
                loop {
                    let filter = PeopleFilter::default();
                    let question = Find::People { scope, filter, after, limit: PAGE };
                    let page = self.store.find(&question).await?;
                    shown &= show(&page);
                    after = page.last().and_then(position);
                    if after.is_none() || page.len() < PAGE as usize {
                        break;
                    }
                }
            }
        }
        if shown { Ok(view) } else { Err(Failed::Contended) }
    }

    /// All teams and support accesses of an organization, teams that are deleted left out.
    async fn listed(&self, organization: OrganizationId) -> Result<Vec<Record>, StoreError> {
        let teams = |after: Option<uuid::Uuid>| Find::Teams {
            organization,
            after: after.map(TeamId::new),
            limit: PAGE,
        };
        let supports = |after: Option<uuid::Uuid>| Find::SupportAccesses {
            organization,
            after: after.map(SupportAccessId::new),
            limit: PAGE,
        };
        let mut all = self.pages(teams).await?;
        all.extend(self.pages(supports).await?);
        Ok(all)
    }

    async fn pages(
        &self,
        question: impl Fn(Option<uuid::Uuid>) -> Find + Send,
    ) -> Result<Vec<Record>, StoreError> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.find(&question(after)).await?;
            let more = page.len() == PAGE as usize;
            after = page.last().and_then(listed_id);
            all.extend(page);
            if !more || after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Shows what had been committed when it was asked; false if the view has to be made anew.
    pub(super) async fn catch_up(&self, kept: &Kept, view: &View) -> Result<bool, Failed> {
        const ROUNDS: u32 = 8;
        let scope = view.scope();
        let organization = scope.organization;
        for round in 0..ROUNDS {
            let (behind, before) = (view.revision(), kept.out_of_turn.load(Ordering::Acquire));
            let now = revision(&self.store.load(&[record(Key::Organization(organization))]).await?);
            let now = now.ok_or(Refusal::NotFound(Thing::Organization))?;
            if now <= behind {
                return Ok(true);
            }
            if now.get() - behind.get() > FAR_BEHIND {
                return Ok(false);
            }
            let changed = self.changed(organization, behind, now).await?;
            let mut needs = changed.needs(scope);
            if changed.lists {
                needs.extend(self.listed(organization).await?.iter().map(|it| record(it.key())));
                needs.extend(view.teams().into_iter().map(|id| record(Key::Team(id))));
            }
            let records = self.store.load(&needs).await?;
            let mut update = Update::of_records(&records);
            if update.revision > changed.up_to && round < ROUNDS / 2 {
                continue;
            }
            // Where it never rests, it may be newer; what else has changed is looked at next time.
            update.revision = changed.up_to;
            let applied = view.apply(&update, |shown| {
                let as_it_was = kept.out_of_turn.load(Ordering::Acquire) == before;
                if as_it_was && shown <= changed.up_to { Wants::Everything } else { Wants::Nothing }
            });
            match applied {
                Applied::Shown => return Ok(true),
                Applied::MakeAnew => return Ok(false),
                // This process has committed more since.
                Applied::NotWanted => {}
            }
        }
        Err(Failed::Contended)
    }

    /// What the audit says has changed between two revisions, or a little later.
    async fn changed(
        &self,
        organization: OrganizationId,
        behind: Revision,
        now: Revision,
    ) -> Result<Changed, Failed> {
        let stream = Stream::Organization(organization);
        let mut changed = Changed { up_to: behind, memberships: BTreeSet::new(), lists: false };
        while changed.up_to < now {
            let question = Find::Entries { stream, after: changed.up_to, limit: PAGE };
            let entries = self.store.find(&question).await?;
            if entries.is_empty() {
                return Err(StoreError("an audit entry is missing".to_owned()).into());
            }
            for record in entries {
                let Record::Entry(it) = record else { continue };
                changed.up_to = it.entry.position;
                changed.memberships.extend(&it.entry.subjects);
                // What else changes comes with the organization, or is about a membership.
                let listed = |event: &String| {
                    (event.starts_with("Team") && event != "TeamJoined" && event != "TeamLeft")
                        || event.starts_with("Support")
                };
                changed.lists |= it.entry.events.iter().any(listed);
            }
        }
        Ok(changed)
    }
}

/// What entries say has changed.
struct Changed {
    /// The last of the entries.
    up_to: Revision,
    memberships: BTreeSet<MembershipId>,
    /// Whether a team or a support access has.
    lists: bool,
}

impl Changed {
    fn needs(&self, scope: Scope) -> Vec<Need> {
        let whole = [Key::Organization(scope.organization)].into_iter();
        let workspace = scope.workspace.map(Key::Workspace);
        let memberships = self.memberships.iter().map(|id| Key::Membership(*id));
        whole.chain(workspace).chain(memberships).map(record).collect()
    }
}

const fn record(key: Key) -> Need {
    Need::Record(key)
}

fn revision(records: &[Record]) -> Option<Revision> {
    records.iter().find_map(|record| {
        if let Record::Organization(it) = record { Some(it.revision()) } else { None }
    })
}

fn position(record: &Record) -> Option<PeoplePosition> {
    let Record::Membership(it) = record else { return None };
    PeopleFilter::default().position(it)
}

fn listed_id(record: &Record) -> Option<uuid::Uuid> {
    if let Record::Team(it) = record {
        Some(it.id.uuid())
    } else if let Record::SupportAccess(it) = record {
        Some(it.id.uuid())
    } else {
        None
    }
}
