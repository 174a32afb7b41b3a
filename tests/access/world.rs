//! A small organization as plain records, and how a view is made of them.

use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tenure::access::live::{Applied, Holds, Update, View, Wants};
use tenure::domain::{DeactivatedBecause, PendingBecause, RemovedBecause, StatusName, Team};
use tenure::domain::{
    Given, Grant, Head, Membership, MembershipId, MembershipStatus, Organization, OrganizationId,
    OrganizationStatus, PermissionName, Record, Revision, Rules, State, SupportAccess, TeamId,
    Timestamp, UserId, WorkspaceId,
};
use tenure::{Catalogue, Role, Scope};
use uuid::Uuid;

/// The identity with a number.
pub(crate) fn id<I: From<Uuid>>(number: u128) -> I {
    Uuid::from_u128(number).into()
}

pub(crate) const fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

pub(crate) fn organization() -> OrganizationId {
    id(1)
}

pub(crate) fn workspace(number: u128) -> WorkspaceId {
    id(10 + number)
}

pub(crate) fn user(number: usize) -> UserId {
    id(100 + number as u128)
}

pub(crate) fn team(number: usize) -> TeamId {
    id(50 + number as u128)
}

pub(crate) fn whole() -> Scope {
    organization().into()
}

/// The workspace that is looked at; there is another.
pub(crate) fn inside() -> Scope {
    Scope::workspace(organization(), workspace(0))
}

/// An organization as its records say.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) organization: Organization,
    pub(crate) workspaces: Vec<tenure::domain::Workspace>,
    pub(crate) roles: Vec<Role>,
    pub(crate) teams: Vec<Team>,
    pub(crate) memberships: Vec<Membership>,
    pub(crate) supports: Vec<SupportAccess>,
}

/// What a record reads as, parsed once and copied from then on.
fn copy<T: DeserializeOwned + Clone>(once: &'static OnceLock<T>, text: impl Fn() -> Value) -> T {
    once.get_or_init(|| serde_json::from_value(text()).unwrap()).clone()
}

pub(crate) fn membership(number: u128, scope: Scope, user: UserId, role: &str) -> Membership {
    static ONCE: OnceLock<Membership> = OnceLock::new();
    let mut it = copy(&ONCE, || {
        json!({
            "id": Uuid::nil(), "scope": whole(), "user": null, "email": null,
            "status": status(StatusName::Active), "role": "agent", "overrides": {}, "fence": {},
            "teams": [], "profile": {}, "source": "invitation", "brought_by": null, "epoch": 0,
            "invitation": null, "came_by": null, "announced": null, "external_id": null,
            "offer": null, "predecessor": null, "successor": null, "former_number": null,
            "created_at": 0,
        })
    });
    it.id = id(number);
    it.scope = scope;
    it.user = Some(user);
    it.role = role.parse().unwrap();
    it
}

pub(crate) const fn status(name: StatusName) -> MembershipStatus {
    let since = at(0);
    let because = match name {
        StatusName::Invited => PendingBecause::Invitation,
        StatusName::Lapsed => PendingBecause::LapsedInvitation,
        StatusName::SettingUp => PendingBecause::SetUp,
        StatusName::Provisioned => PendingBecause::Provisioned,
        StatusName::Active => return MembershipStatus::Active { since },
        StatusName::Deactivated => {
            return MembershipStatus::Deactivated { because: DeactivatedBecause::Left, since };
        }
        StatusName::Removed => {
            return MembershipStatus::Removed { because: RemovedBecause::Removed, since };
        }
    };
    MembershipStatus::Pending { because, since }
}

pub(crate) fn new_team(number: usize) -> Team {
    static ONCE: OnceLock<Team> = OnceLock::new();
    let mut it = copy(&ONCE, || {
        json!({
            "id": Uuid::nil(), "organization": organization(), "name": "Team", "description": null,
            "permissions": {}, "fence": {}, "members": 0, "deleted": false,
        })
    });
    it.id = team(number);
    it
}

pub(crate) fn grant(number: u128, gives: Given, from: i64, until: i64) -> Grant {
    static ONCE: OnceLock<Grant> = OnceLock::new();
    let mut it = copy(&ONCE, || {
        json!({
            "id": Uuid::nil(), "gives": {"role": "agent"}, "from": 0, "until": 0,
            "reason": "for a while", "giver": null, "given_at": 0,
        })
    });
    (it.id, it.gives, it.from, it.until) = (id(number), gives, at(from), at(until));
    it
}

pub(crate) fn support(number: u128, permissions: Vec<PermissionName>) -> SupportAccess {
    static ONCE: OnceLock<SupportAccess> = OnceLock::new();
    let mut it = copy(&ONCE, || {
        json!({
            "id": Uuid::nil(), "organization": organization(), "person": "vendor-17",
            "permissions": [], "given_by": null, "reason": "help", "from": 0, "until": null,
            "revoked_at": null,
        })
    });
    it.id = id(number);
    it.permissions = permissions.into_iter().collect();
    it
}

impl World {
    /// Nobody yet: an active organization with two workspaces.
    pub(crate) fn new(roles: Vec<Role>) -> Self {
        static ONCE: OnceLock<Organization> = OnceLock::new();
        static PLACE: OnceLock<tenure::domain::Workspace> = OnceLock::new();
        let mut company = copy(&ONCE, || {
            json!({
                "id": organization(), "name": "Acme", "realm": tenure::Realm::Shared,
                "status": OrganizationStatus::Active, "rules": Rules::default(),
                "seat_limit": null, "tally": {}, "workspaces_tally": {}, "former_members": 0,
                "head": Head::default(), "founded_at": 0,
            })
        });
        company.head.position = Revision::new(1);
        let place = |number| {
            let mut it = copy(&PLACE, || {
                json!({
                    "id": Uuid::nil(), "organization": organization(), "name": "Sales",
                    "closed_at": null, "tally": {},
                })
            });
            it.id = workspace(number);
            it
        };
        Self {
            organization: company,
            workspaces: vec![place(0), place(1)],
            roles,
            teams: Vec::new(),
            memberships: Vec::new(),
            supports: Vec::new(),
        }
    }

    /// Somebody joins; they are known by their number.
    pub(crate) fn with(mut self, number: usize, scope: Scope, role: &str) -> Self {
        let id = 1_000 + self.memberships.len() as u128;
        self.memberships.push(membership(id, scope, user(number), role));
        self
    }

    /// The live membership of somebody in a scope.
    pub(crate) fn of(&mut self, number: usize, scope: Scope) -> &mut Membership {
        let mut all = self.memberships.iter_mut();
        let is = |it: &&mut Membership| {
            it.user == Some(user(number)) && it.scope == scope && it.is_live()
        };
        all.find(is).unwrap()
    }

    pub(crate) fn membership(&self, id: MembershipId) -> &Membership {
        self.memberships.iter().find(|it| it.id == id).unwrap()
    }

    /// The organization and its roles, which come together.
    pub(crate) fn head(&self) -> Vec<Record> {
        let roles = self.roles.iter().map(|it| Record::Role(organization(), Box::new(it.clone())));
        [Record::Organization(Box::new(self.organization.clone()))]
            .into_iter()
            .chain(roles)
            .collect()
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        let mut records = self.head();
        records.extend(self.workspaces.iter().map(|it| Record::Workspace(Box::new(it.clone()))));
        records.extend(self.teams.iter().map(|it| Record::Team(Box::new(it.clone()))));
        records.extend(self.supports.iter().map(|it| Record::SupportAccess(Box::new(it.clone()))));
        records.extend(self.memberships.iter().map(|it| Record::Membership(Box::new(it.clone()))));
        records
    }

    pub(crate) fn state(&self) -> State {
        State::new(self.records())
    }

    pub(crate) fn revision(&self) -> Revision {
        self.organization.head.position
    }

    /// A view of a scope with everybody in it, and little room to spare.
    pub(crate) fn view(&self, scope: Scope, catalogue: &Arc<Catalogue>) -> Arc<View> {
        let view = View::new(scope, Arc::clone(catalogue), Holds::Everybody, 1);
        let records = self.records();
        let shown = view.apply(&Update::of_records(&records), |_| Wants::Everything);
        assert_eq!(shown, Applied::Shown, "a new view shows whatever it is told");
        Arc::new(view)
    }
}

/// For reading a world that went wrong.
impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "organization {:?}", self.organization.status)?;
        for it in self.workspaces.iter().filter(|it| it.closed_at.is_some()) {
            writeln!(f, "workspace {} closed", it.id)?;
        }
        for it in &self.roles {
            let (keeps, reaches) = (it.keeps_organization, it.reaches_workspaces);
            writeln!(f, "role {} keeps {keeps} reaches {reaches} {:?}", it.name, it.permissions)?;
        }
        for it in &self.teams {
            writeln!(
                f,
                "team {} deleted {} {:?} {:?}",
                it.id, it.deleted, it.permissions, it.fence
            )?;
        }
        for it in &self.memberships {
            let here = it.scope.workspace.map_or("organization".to_owned(), |it| it.to_string());
            let user = it.user.map_or("nobody".to_owned(), |it| it.to_string());
            writeln!(f, "{} user {user} in {here} {} as {}", it.id, it.status.name(), it.role)?;
            writeln!(f, "    {:?} {:?} {:?}", it.teams, it.overrides, it.fence)?;
            for grant in it.grants.values() {
                writeln!(f, "    {:?} {:?}..{:?}", grant.gives, grant.from, grant.until)?;
            }
        }
        for it in &self.supports {
            writeln!(f, "{it:?}")?;
        }
        Ok(())
    }
}
