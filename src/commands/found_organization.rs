//! An organization comes to be, with its first owner.

use serde::{Deserialize, Serialize};

use crate::domain::{
    EmailAddress, Event, Head, Key, Membership, MembershipId, Need, Organization, OrganizationId,
    OrganizationName, OrganizationStatus, Profile, Realm, Refusal, Role, RoleName, Rules, Scope,
    Source, Step, Stream, Tally, Thing, UserId,
};

use super::draft::Draft;
use super::{Decide, Facts, Intent};

/// Founds an organization with its roles, its rules and its first owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundOrganization {
    /// Its identity, chosen by the host.
    pub organization: OrganizationId,
    /// What it is called.
    pub name: OrganizationName,
    /// Where its people's users live (C23).
    pub realm: Realm,
    /// Who founds it: an existing user of the realm with a verified address.
    pub founder: UserId,
    /// What people in it see of the founder.
    #[serde(default)]
    pub profile: Profile,
    /// The founder's role: one that keeps the organization.
    pub role: RoleName,
    /// The roles that the host chose.
    pub roles: Vec<Role>,
    /// What the host chose.
    #[serde(default)]
    pub rules: Rules,
    /// At most this many seats; none means no limit.
    #[serde(default)]
    pub seat_limit: Option<u32>,
}

impl FoundOrganization {
    /// An organization in the shared realm, with cautious rules and no seat limit.
    pub fn new(
        organization: OrganizationId,
        name: OrganizationName,
        founder: UserId,
        role: RoleName,
        roles: Vec<Role>,
    ) -> Self {
        Self {
            organization,
            name,
            realm: Realm::Shared,
            founder,
            profile: Profile::default(),
            role,
            roles,
            rules: Rules::default(),
            seat_limit: None,
        }
    }

    /// The organization under other rules.
    #[must_use]
    pub fn under(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }
}

/// What came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Founded {
    /// The organization.
    pub organization: OrganizationId,
    /// The founder's membership.
    pub membership: MembershipId,
}

impl Intent for FoundOrganization {
    type Output = Founded;

    fn output(events: &[Event]) -> Option<Founded> {
        events.iter().find_map(|event| {
            if let Event::MembershipBegun { membership, .. } = event {
                Some(Founded {
                    organization: membership.scope.organization,
                    membership: membership.id,
                })
            } else {
                None
            }
        })
    }
}

impl Decide for FoundOrganization {
    fn stream(&self) -> Stream {
        Stream::Organization(self.organization)
    }

    /// Nobody has standing in what does not exist yet.
    fn scope(&self) -> Option<Scope> {
        None
    }

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Organization(self.organization)));
        needs.push(Need::Record(Key::User(self.founder)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        if draft.state.organization(self.organization).is_some() {
            return Err(Refusal::NameTaken(Thing::Organization));
        }
        check_roles(draft, &self.roles)?;
        let role = self.roles.iter().find(|role| role.name == self.role);
        let role = role.ok_or(Refusal::NotFound(Thing::Role))?;
        if !role.keeps_organization {
            // I1: from the first moment on somebody keeps it.
            return Err(Refusal::LastOwner);
        }
        super::change_rules::check(&self.rules, draft.catalogue(), |name| {
            self.roles.iter().find(|r| r.name == *name)
        })?;
        let founder = draft.user(self.founder)?;
        if founder.realm != self.realm {
            return Err(Refusal::NotFound(Thing::User));
        }
        let organization = Organization {
            id: self.organization,
            name: self.name.clone(),
            realm: self.realm,
            status: OrganizationStatus::Active,
            rules: self.rules.clone(),
            seat_limit: self.seat_limit,
            tally: Tally::default(),
            workspaces_tally: Tally::default(),
            granted: std::collections::BTreeMap::new(),
            former_members: 0,
            head: Head::default(),
            founded_at: draft.now(),
        };
        if role.takes_seat && self.seat_limit == Some(0) {
            return Err(Refusal::SeatsFull { used: 0, limit: 0 });
        }
        draft.push(Event::OrganizationFounded {
            organization: Box::new(organization),
            roles: self.roles.clone(),
        });
        let email: Option<EmailAddress> = founder.email.clone();
        let scope: Scope = self.organization.into();
        let mut membership = Membership::begin(
            draft.id(),
            scope,
            Step::Join,
            &self.role,
            Source::Founding,
            draft.now(),
        );
        membership.user = Some(founder.id);
        membership.email = email;
        membership.profile = self.profile.clone();
        super::edit_profile::check_fields(&self.rules, &self.profile.0)?;
        draft.push(Event::MembershipBegun { step: Step::Join, membership: Box::new(membership) });
        Ok(())
    }
}

/// A sensible set of roles: each once, each permission declared.
fn check_roles(draft: &Draft<'_>, roles: &[Role]) -> Result<(), Refusal> {
    for (n, role) in roles.iter().enumerate() {
        if roles.iter().take(n).any(|other| other.name == role.name) {
            return Err(Refusal::NameTaken(Thing::Role));
        }
        super::create_role::check_permissions(draft, role)?;
    }
    Ok(())
}
