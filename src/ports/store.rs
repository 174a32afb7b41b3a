use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::{
    ChangeSet, Claim, FeedPosition, Guard, InvitationStatus, MembershipId, Need, OrganizationId,
    Record, Revision, RoleName, Scope, StatusGroup, Stream, TeamId, Timestamp, UserId,
};

use super::HostError;

/// Keeps records. It knows no rule; it does one hard thing: it commits a change-set whole, and only
/// if its guards still hold.
///
/// # Contract
/// **`load`** returns the records named by all the needs as of *one* instant: one statement, or one
/// transaction that sees a snapshot. A need for something that does not exist returns nothing. The
/// order does not matter, and a record may come twice. What comes along with a record is said by
/// [`Need`].
///
/// **`commit`** is atomic and durable: when it returns `Ok`, everything in the change-set is written
/// and survives the end of the process; when it returns [`CommitError::Conflict`] or
/// [`CommitError::Failed`], nothing of it is. When it cannot tell, it returns
/// [`CommitError::Unknown`] and is asked to commit the same again. It conflicts, and changes
/// nothing, when
///
/// * a [`Guard`]'s record does not have the version ([`Record::version`]), or does not exist, or
///   exists although the version is [`Revision::NONE`];
/// * a claim made is held already, after the releases of the same change-set;
/// * an audit entry with the same stream and position stands already.
///
/// A change-set is carried out in the order of its fields. A release frees a claim only if the named
/// holder holds it. Of two records with the same key the later one is kept, and a record that is put
/// and deleted at once is gone. [`ChangeSet::forget`] comes last: it takes the details of the entries
/// that the same change-set appends, too. Two commits whose guards name the same record and version
/// never both succeed: that is all that correctness needs, so it holds at any isolation level.
///
/// A store may rely on the following, for example with foreign keys that are checked at the end of a
/// transaction. After each whole change-set, whatever order its records stand in,
///
/// * the organization of a role, workspace, membership, invitation, team, support access, handover,
///   block and activity, of a mail that names one, and of the audit entries of an organization
///   exists;
/// * the workspace, the user and the teams of a membership exist, the workspace and the teams in its
///   organization, though teams may be marked deleted;
/// * what belongs to an organization never comes to belong to another;
/// * the membership of an activity, the handover of a handover's receipt and the user of the audit
///   entries of a user exist.
///
/// So a record on which others rest ([`Record::rests_on`]) is deleted after them, or at once with
/// them. Nothing else that a record names need exist: not the issuer of an invitation, nor the
/// invitation or the predecessor of a membership, nor the people whom a handover concerns, nor the
/// subjects of an audit entry.
///
/// **`find`** returns one page of one of a closed set of questions, as of one instant, in the stated
/// order. It reads about as much as the page holds, however many there are.
///
/// [`store_suite::verify`](crate::testing::store_suite) checks all of this (feature `testing`).
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads the named records in one consistent view.
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError>;

    /// Writes a change-set, all or nothing, only if its guards still hold.
    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError>;

    /// Answers one of a closed set of questions, one page at a time.
    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError>;
}

/// A store that the host goes on holding, for what is the store's own.
#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        (**self).load(needs).await
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        (**self).commit(changes).await
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        (**self).find(question).await
    }
}

/// One page of a closed set of questions. `limit` is at most the number of records returned;
/// fewer mean that there are no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Find {
    /// Memberships of a scope, as [`PeopleFilter`] says, in the order of [`PeoplePosition`].
    People {
        /// The organization or workspace.
        scope: Scope,
        /// Which of them.
        filter: PeopleFilter,
        /// Behind this position.
        after: Option<PeoplePosition>,
        /// The size of the page.
        limit: u32,
    },
    /// Live memberships of a user in all organizations, by id.
    MembershipsOf {
        /// The user.
        user: UserId,
        /// Behind this id.
        after: Option<MembershipId>,
        /// The size of the page.
        limit: u32,
    },
    /// Invitations of an organization with a status, by id.
    Invitations {
        /// The organization.
        organization: OrganizationId,
        /// The status.
        status: InvitationStatus,
        /// Behind this id.
        after: Option<crate::domain::InvitationId>,
        /// The size of the page.
        limit: u32,
    },
    /// Teams of an organization that are not deleted, by id.
    Teams {
        /// The organization.
        organization: OrganizationId,
        /// Behind this id.
        after: Option<TeamId>,
        /// The size of the page.
        limit: u32,
    },
    /// Workspaces of an organization, by id.
    Workspaces {
        /// The organization.
        organization: OrganizationId,
        /// Behind this id.
        after: Option<crate::domain::WorkspaceId>,
        /// The size of the page.
        limit: u32,
    },
    /// Support accesses of an organization, by id.
    SupportAccesses {
        /// The organization.
        organization: OrganizationId,
        /// Behind this id.
        after: Option<crate::domain::SupportAccessId>,
        /// The size of the page.
        limit: u32,
    },
    /// Handovers of an organization, by id.
    Handovers {
        /// The organization.
        organization: OrganizationId,
        /// Behind this id.
        after: Option<crate::domain::HandoverId>,
        /// The size of the page.
        limit: u32,
    },
    /// Receipts of a handover, by number.
    HandoverReceipts {
        /// The handover.
        handover: crate::domain::HandoverId,
        /// Behind this number; none for the beginning.
        after: Option<u32>,
        /// The size of the page.
        limit: u32,
    },
    /// Audit entries of a stream with their details, in their order.
    Entries {
        /// The stream.
        stream: Stream,
        /// Behind this position; [`Revision::NONE`] for the beginning.
        after: Revision,
        /// The size of the page.
        limit: u32,
    },
    /// Audit entries of organizations with their details, in the order of [`FeedPosition`].
    ///
    /// Only here is [`Logged::feed`](crate::domain::Logged::feed) promised: an entry that is loaded or
    /// found in its stream has the same position, or 0. No entry ever appears at or before a position that was returned earlier.
    Feed {
        /// Behind this position; 0 for the beginning.
        after: FeedPosition,
        /// The size of the page.
        limit: u32,
    },
    /// Mails due at an instant, those due first at first.
    DueMail {
        /// The instant.
        now: Timestamp,
        /// The size of the page.
        limit: u32,
    },
    /// Handovers that [somebody has to see to](crate::domain::Handover::waits_until) at an instant,
    /// those due first at first.
    DueHandovers {
        /// The instant.
        now: Timestamp,
        /// The size of the page.
        limit: u32,
    },
    /// Open invitations that have run out at an instant, those first that ran out first.
    ExpiredInvitations {
        /// The instant.
        now: Timestamp,
        /// The size of the page.
        limit: u32,
    },
    /// Organizations that are closing and due at an instant, those due first at first.
    DueClosings {
        /// The instant.
        now: Timestamp,
        /// The size of the page.
        limit: u32,
    },
}

/// Which people of a scope. What is not said does not matter; removed people are listed only when
/// the status asks for them.
///
/// Any one of status, role, team and prefix costs only what the page holds, and so does status with
/// role; other combinations look through the smaller of the lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeopleFilter {
    /// Only with this status.
    pub status: Option<StatusGroup>,
    /// Only with this role.
    pub role: Option<RoleName>,
    /// Only in this team.
    pub team: Option<TeamId>,
    /// Only those one of whose search terms begins with this, however it is written.
    pub prefix: Option<String>,
}

impl PeopleFilter {
    /// Whether a membership is meant, whatever its scope: what every store must agree with.
    pub fn admits(&self, it: &crate::domain::Membership) -> bool {
        let group = it.status.name().group();
        let status = match self.status {
            Some(status) => group == status,
            None => group != StatusGroup::Removed,
        };
        status
            && self.role.as_ref().is_none_or(|role| it.role == *role)
            && self.team.is_none_or(|team| it.teams.contains(&team))
            && self.position(it).is_some()
    }

    /// Where a membership stands in the list: by its sort key, or, when searching by prefix, by its
    /// first search term that begins with it; none when no term does.
    pub fn position(&self, it: &crate::domain::Membership) -> Option<PeoplePosition> {
        let key = match self.folded_prefix() {
            None => it.sort_key(),
            Some(prefix) => it.search_terms().into_iter().find(|t| t.starts_with(&prefix))?,
        };
        Some(PeoplePosition { key, id: it.id })
    }

    /// The prefix as search terms are written.
    pub fn folded_prefix(&self) -> Option<String> {
        self.prefix.as_deref().map(crate::domain::listed).filter(|prefix| !prefix.is_empty())
    }
}

/// A place in a list of people: the list is in the order of key, then id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeoplePosition {
    /// The sort key or search term.
    pub key: String,
    /// The membership.
    pub id: MembershipId,
}

/// The store failed; nothing is known to have changed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the store failed: {0}")]
pub struct StoreError(
    /// What the database says, without personal data.
    pub String,
);

/// A change-set was not committed, or nobody knows.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else was first; nothing was written.
    #[error("a guard no longer holds")]
    Conflict(Option<Guard>),
    /// Somebody else holds a claim; nothing was written.
    #[error("a claim is held")]
    Claimed(Claim),
    /// Nothing was written.
    #[error(transparent)]
    Failed(#[from] StoreError),
    /// The host's own part of a shared transaction failed: nothing was written. Only a
    /// [`Transaction`](super::Transaction) says so.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The answer was lost: it was written whole, or not at all.
    #[error("the outcome of the commit is unknown: {0}")]
    Unknown(String),
}
