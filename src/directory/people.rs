//! Lists: people page by page, and the smaller things of an organization.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::access::{Item, Management, Standing};
use crate::domain::{
    Activity, Breadth, GreenMark, Invalid, Invitation, InvitationId, InvitationStatus, Key,
    Membership, MembershipId, Need, Organization, OrganizationId, Principal, Problem, Reach,
    Record, Refusal, Role, RoleKind, Scope, State, StatusGroup, StatusName, SupportAccess,
    SupportAccessId, Team, TeamId, Thing, Workspace, WorkspaceId,
};
use crate::ports::{Find, PeopleFilter, PeoplePosition};

use super::{Error, Inner, UserDirectory};

/// At most this many rows on one page.
pub(super) const MAX_PAGE: u32 = 500;

/// No search term is longer, in bytes: a name has at most 2,000 characters.
const MAX_PREFIX: usize = 8_000;

/// Where the next page of people begins; safe to hand to a browser and to take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeopleCursor(PeoplePosition);

impl std::fmt::Display for PeopleCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // INVARIANT: a position has only string keys, so it always serialises.
        f.write_str(&URL_SAFE_NO_PAD.encode(serde_json::to_vec(&self.0).unwrap_or_default()))
    }
}

impl std::str::FromStr for PeopleCursor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let problem = Problem::Form("it is damaged; begin again with the first page");
        let bytes = Some(text).filter(|text| text.len() <= 32_768);
        bytes
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .map(Self)
            .ok_or_else(|| Invalid::new("cursor", "", problem))
    }
}

/// One page of people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PeoplePage {
    /// The people.
    pub rows: Vec<PersonRow>,
    /// Where the next page begins, if there is one.
    pub next: Option<PeopleCursor>,
    /// How many there are in all, where a tally says; none for a prefix and for combinations that
    /// nobody counts.
    pub total: Option<u64>,
}

/// One person in a list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PersonRow {
    /// The membership.
    pub membership: Membership,
    /// What people read for the role.
    pub role: String,
    /// What people read for the status (C19).
    pub status: String,
    /// Whether the badge for an unanswered invitation is shown (S4 116).
    pub is_invited: bool,
    /// Whether the green mark is shown: staff, or here now, as the rules say (C16).
    pub green_mark: bool,
    /// When the person was here.
    pub activity: Option<Activity>,
}

/// One page of something smaller, in the order of identities.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page<T, Id> {
    /// The rows.
    pub rows: Vec<T>,
    /// The identity behind which the next page begins, if there is one.
    pub next: Option<Id>,
}

impl UserDirectory {
    /// One page of the people of a scope, in the order of their names.
    ///
    /// Takes [`Management::ViewPeople`]; with a narrower reach than all, only people within it are
    /// shown. Pages hold at most 500, and a prefix is at most 8,000 bytes long.
    #[tracing::instrument(name = "tenure.people", level = "debug", skip_all)]
    pub async fn people(
        &self,
        who: &Principal,
        scope: impl Into<Scope>,
        filter: PeopleFilter,
        after: Option<PeopleCursor>,
        limit: u32,
    ) -> Result<PeoplePage, Error> {
        let scope = scope.into();
        let limit = limit.clamp(1, MAX_PAGE);
        if let Some(prefix) = filter.prefix.as_deref().filter(|it| it.len() > MAX_PREFIX) {
            return Err(Invalid::new("prefix", prefix, Problem::TooLong { max: MAX_PREFIX }).into());
        }
        let needs = filter.team.map(|id| Need::Record(Key::Team(id)));
        let mut state = self.inner.load(scope, who, needs.into_iter().collect()).await?;
        let standing = self.inner.standing(&state, scope, who)?;
        Inner::may_ask(&standing, who, Management::ViewPeople)?;
        let after = after.map(|cursor| cursor.0);
        let question = Find::People { scope, filter: filter.clone(), after, limit };
        let found: Vec<Membership> =
            self.inner.store.find(&question).await?.into_iter().filter_map(membership).collect();
        let full = found.len() >= limit as usize;
        let last = found.last().and_then(|it| filter.position(it));
        let next = last.filter(|_| full).map(PeopleCursor);
        let total = total(&state, scope, &filter);
        let seen: Vec<bool> = found.iter().map(|it| sees(&standing, who, it)).collect();
        drop(standing);
        let needs: Vec<_> = found.iter().map(|it| Need::Record(Key::Activity(it.id))).collect();
        state.load(self.inner.store.load(&needs).await?);
        let rows = found
            .into_iter()
            .zip(seen)
            .filter(|(_, seen)| *seen)
            .filter_map(|(it, _)| self.row(&state, it));
        Ok(PeoplePage { rows: rows.collect(), next, total })
    }

    /// One person.
    pub async fn person(
        &self,
        who: &Principal,
        scope: impl Into<Scope>,
        membership: MembershipId,
    ) -> Result<PersonRow, Error> {
        let scope = scope.into();
        let needs = vec![
            Need::Record(Key::Membership(membership)),
            Need::Record(Key::Activity(membership)),
        ];
        let state = self.inner.load(scope, who, needs).await?;
        let standing = self.inner.standing(&state, scope, who)?;
        let absent = Refusal::NotFound(Thing::Membership);
        let it = state.membership(scope.organization, membership).filter(|it| it.scope == scope);
        // Everybody sees themselves.
        let own = standing.membership().map(|own| own.user);
        if it.is_none_or(|it| own.is_none() || own != Some(it.user)) {
            Inner::may_ask(&standing, who, Management::ViewPeople)?;
            if it.is_some_and(|it| !sees(&standing, who, it)) {
                return Err(absent.into());
            }
        }
        let row = it.cloned().and_then(|it| self.row(&state, it));
        Ok(row.ok_or(absent)?)
    }

    fn row(&self, state: &State, membership: Membership) -> Option<PersonRow> {
        let organization = state.organization(membership.scope.organization)?;
        let role = state.role(organization.id, &membership.role);
        let status = membership.status.name();
        let activity = state.activity(membership.id).cloned();
        let is_active = membership.is_active();
        let green_mark = is_active
            && match organization.rules.green_mark {
                GreenMark::Staff => role.is_some_and(|role| role.kind == RoleKind::Staff),
                GreenMark::Online => {
                    activity.as_ref().is_some_and(|it| it.is_online(self.inner.clock.now()))
                }
            };
        Some(PersonRow {
            role: role.map_or_else(|| membership.role.to_string(), |it| it.title.to_string()),
            status: organization.rules.words.word(status.group()).to_owned(),
            is_invited: matches!(status, StatusName::Invited | StatusName::Lapsed),
            green_mark,
            activity,
            membership,
        })
    }

    /// Writes the people of a scope as CSV, page by page: name, address, role, status (S2 73).
    ///
    /// A cell that a spreadsheet would take for a formula is preceded by an apostrophe.
    pub async fn export_people(
        &self,
        who: &Principal,
        scope: impl Into<Scope>,
        filter: PeopleFilter,
        out: impl std::io::Write + Send,
    ) -> Result<u64, Error> {
        let scope = scope.into();
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(["name", "email", "role", "status"])?;
        let (mut after, mut rows) = (None, 0);
        loop {
            let page = self.people(who, scope, filter.clone(), after, MAX_PAGE).await?;
            for row in &page.rows {
                let name = row.membership.profile.name().unwrap_or_default();
                let email = row.membership.email.as_ref().map(ToString::to_string);
                let email = email.unwrap_or_default();
                csv.write_record([name, &email, &row.role, &row.status].map(cell))?;
                rows += 1;
            }
            after = page.next;
            if after.is_none() {
                csv.flush().map_err(csv::Error::from)?;
                return Ok(rows);
            }
        }
    }

    /// The organization with its rules and tallies; takes [`Management::ViewPeople`].
    pub async fn organization(
        &self,
        who: &Principal,
        organization: OrganizationId,
    ) -> Result<Organization, Error> {
        let scope = organization.into();
        let state = self.inner.load(scope, who, Vec::new()).await?;
        let standing = self.inner.standing(&state, scope, who)?;
        Inner::may_ask(&standing, who, Management::ViewPeople)?;
        let absent = Refusal::NotFound(Thing::Organization);
        Ok(state.organization(organization).cloned().ok_or(absent)?)
    }

    /// Seats in use, and the limit; takes [`Management::Billing`] (C8, C10).
    pub async fn seats(
        &self,
        who: &Principal,
        organization: OrganizationId,
    ) -> Result<(u64, Option<u32>), Error> {
        let scope = organization.into();
        let state = self.inner.load(scope, who, Vec::new()).await?;
        let standing = self.inner.standing(&state, scope, who)?;
        Inner::may_ask(&standing, who, Management::Billing)?;
        let limit = state.organization(organization).and_then(|it| it.seat_limit);
        Ok((state.seats_used(organization), limit))
    }

    /// The roles of an organization, highest first.
    pub async fn roles(
        &self,
        who: &Principal,
        organization: OrganizationId,
    ) -> Result<Vec<Role>, Error> {
        let scope = organization.into();
        let state = self.inner.load(scope, who, Vec::new()).await?;
        let standing = self.inner.standing(&state, scope, who)?;
        Inner::may_ask(&standing, who, Management::ViewPeople)?;
        let mut roles: Vec<Role> = state.roles(organization).cloned().collect();
        roles.sort_by(|a, b| b.rank.cmp(&a.rank).then_with(|| a.name.cmp(&b.name)));
        Ok(roles)
    }

    /// The roles that somebody may invite to in a scope: what a form offers (C6).
    pub async fn invitable_roles(
        &self,
        who: &Principal,
        scope: impl Into<Scope>,
    ) -> Result<Vec<Role>, Error> {
        let scope = scope.into();
        let state = self.inner.load(scope, who, Vec::new()).await?;
        let standing = self.inner.standing(&state, scope, who)?;
        Inner::may_ask(&standing, who, Management::Invite)?;
        let all = matches!(who, Principal::System | Principal::Provisioner { .. });
        let catalogue = &self.inner.host.catalogue;
        let may = |role: &&Role| role.invitable && (all || standing.may_assign(role, catalogue));
        Ok(state.roles(scope.organization).filter(may).cloned().collect())
    }

    /// The teams of an organization.
    pub async fn teams(
        &self,
        who: &Principal,
        organization: OrganizationId,
        after: Option<TeamId>,
        limit: u32,
    ) -> Result<Page<Team, TeamId>, Error> {
        let limit = limit.clamp(1, MAX_PAGE);
        let question = Find::Teams { organization, after, limit };
        self.page(who, organization, (&question, Breadth::Own), limit, |record| {
            if let Record::Team(it) = record { Some((it.id, *it)) } else { None }
        })
        .await
    }

    /// The workspaces of an organization.
    pub async fn workspaces(
        &self,
        who: &Principal,
        organization: OrganizationId,
        after: Option<WorkspaceId>,
        limit: u32,
    ) -> Result<Page<Workspace, WorkspaceId>, Error> {
        let limit = limit.clamp(1, MAX_PAGE);
        let question = Find::Workspaces { organization, after, limit };
        self.page(who, organization, (&question, Breadth::Own), limit, |record| {
            if let Record::Workspace(it) = record { Some((it.id, *it)) } else { None }
        })
        .await
    }

    /// The invitations of an organization with a status. They hold no link, and none can be made
    /// from them. Takes [`Management::ViewPeople`] with full reach.
    pub async fn invitations(
        &self,
        who: &Principal,
        organization: OrganizationId,
        status: InvitationStatus,
        after: Option<InvitationId>,
        limit: u32,
    ) -> Result<Page<Invitation, InvitationId>, Error> {
        let limit = limit.clamp(1, MAX_PAGE);
        let question = Find::Invitations { organization, status, after, limit };
        self.page(who, organization, (&question, Breadth::All), limit, |record| {
            if let Record::Invitation(it) = record { Some((it.id, *it)) } else { None }
        })
        .await
    }

    /// The vendor's people who were let in, also those who no longer are (S0 7).
    pub async fn support_accesses(
        &self,
        who: &Principal,
        organization: OrganizationId,
        after: Option<SupportAccessId>,
        limit: u32,
    ) -> Result<Page<SupportAccess, SupportAccessId>, Error> {
        let limit = limit.clamp(1, MAX_PAGE);
        let question = Find::SupportAccesses { organization, after, limit };
        self.page(who, organization, (&question, Breadth::All), limit, |record| {
            if let Record::SupportAccess(it) = record { Some((it.id, *it)) } else { None }
        })
        .await
    }

    /// A page of what takes [`Management::ViewPeople`], with full reach or any.
    pub(super) async fn page<T, Id: Copy>(
        &self,
        who: &Principal,
        organization: OrganizationId,
        (question, breadth): (&Find, Breadth),
        limit: u32,
        pick: impl Fn(Record) -> Option<(Id, T)>,
    ) -> Result<Page<T, Id>, Error> {
        let scope = organization.into();
        let state = self.inner.load(scope, who, Vec::new()).await?;
        let standing = self.inner.standing(&state, scope, who)?;
        Inner::may_ask(&standing, who, Management::ViewPeople)?;
        if breadth == Breadth::All && !sees_all(&standing, who) {
            return Err(Refusal::OutOfReach(Management::ViewPeople.into()).into());
        }
        let found = self.inner.store.find(question).await?;
        let rows: Vec<(Id, T)> = found.into_iter().filter_map(pick).collect();
        let full = rows.len() >= limit as usize;
        let next = rows.last().filter(|_| full).map(|(id, _)| *id);
        Ok(Page { rows: rows.into_iter().map(|(_, row)| row).collect(), next })
    }
}

fn membership(record: Record) -> Option<Membership> {
    if let Record::Membership(it) = record { Some(*it) } else { None }
}

/// Whether somebody's view reaches a person.
pub(super) fn sees(standing: &Standing<'_>, who: &Principal, it: &Membership) -> bool {
    if matches!(who, Principal::System | Principal::Provisioner { .. }) {
        return true;
    }
    let item = Item { holder: Some(it.id), teams: it.teams.clone(), ..Item::default() };
    standing.reaches(&standing.holds(&Management::ViewPeople.into()).extent, &item)
}

/// Whether somebody's view reaches everybody: addresses and names stand in what is listed.
pub(super) fn sees_all(standing: &Standing<'_>, who: &Principal) -> bool {
    matches!(who, Principal::System | Principal::Provisioner { .. })
        || standing.holds(&Management::ViewPeople.into()).extent.covers(&Reach::ALL.into())
}

/// How many people a filter admits, where a tally says.
fn total(state: &State, scope: Scope, filter: &PeopleFilter) -> Option<u64> {
    let tally = match scope.workspace {
        None => &state.organization(scope.organization)?.tally,
        Some(id) => &state.workspace(scope.organization, id)?.tally,
    };
    let in_group =
        |group: StatusGroup| StatusName::ALL.into_iter().filter(move |it| it.group() == group);
    match (filter.folded_prefix(), filter.team, filter.status, &filter.role) {
        (Some(_), ..) | (None, None, Some(StatusGroup::Removed), _) => None,
        (None, Some(team), None, None) => state.team(scope.organization, team).map(|it| it.members),
        (None, Some(_), ..) => None,
        (None, None, None, None) => Some(tally.total()),
        (None, None, None, Some(role)) => Some(tally.with_role(role)),
        (None, None, Some(group), None) => {
            Some(in_group(group).map(|status| tally.with_status(status)).sum())
        }
        (None, None, Some(group), Some(role)) => {
            Some(in_group(group).map(|status| tally.count(role, status)).sum())
        }
    }
}

/// A cell that no spreadsheet takes for a formula.
fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}
