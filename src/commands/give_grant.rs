//! Somebody holds more for a while.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, Given, Grant, GrantId, Invalid, Lasting, Membership, MembershipId, Need, PermissionName,
    Problem, Reach, Reason, Refusal, Role, Scope, Thing, Timestamp,
};

use super::draft::Draft;
use super::{Decide, Facts, Intent, about};

use crate::access::Management;

use std::collections::BTreeMap;

/// Gives an active member a role or permissions for a while, beside their own role. Time alone
/// ends it, and nothing has to run for that; going, for a while or for good, ends it at once.
///
/// It takes `people.permissions` and rank over the person, who is never oneself; for permissions,
/// holding each at least as far; for a role, all that [`ChangeRole`](super::ChangeRole) takes. While
/// a role is held for a while, its rank counts as the person's own.
///
/// A role that keeps the organization is never given (I1), and one that takes a seat only to
/// somebody whose own role takes one (I2): time must not change how many seats are used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GiveGrant {
    /// The scope of the membership.
    pub scope: Scope,
    /// The membership.
    pub membership: MembershipId,
    /// What it gives.
    pub gives: Given,
    /// From when; none, or an instant that has passed, means now.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// How long, at most what [`longest_grant`](crate::domain::Rules::longest_grant) allows.
    pub lasting: Lasting,
    /// What for.
    pub reason: Reason,
}

impl GiveGrant {
    /// A role from now on.
    pub fn role(
        scope: impl Into<Scope>,
        membership: MembershipId,
        role: crate::domain::RoleName,
        lasting: Lasting,
        reason: Reason,
    ) -> Self {
        let (scope, gives) = (scope.into(), Given::Role(role));
        Self { scope, membership, gives, from: None, lasting, reason }
    }

    /// One permission from now on.
    pub fn permission(
        scope: impl Into<Scope>,
        membership: MembershipId,
        (permission, reach): (impl Into<PermissionName>, Reach),
        lasting: Lasting,
        reason: Reason,
    ) -> Self {
        let gives = Given::Permissions(BTreeMap::from([(permission.into(), reach)]));
        Self { scope: scope.into(), membership, gives, from: None, lasting, reason }
    }

    /// The same from a later instant on.
    #[must_use]
    pub const fn beginning(mut self, from: Timestamp) -> Self {
        self.from = Some(from);
        self
    }
}

impl Intent for GiveGrant {
    type Output = GrantId;

    fn output(events: &[Event]) -> Option<GrantId> {
        events.iter().find_map(|event| {
            if let Event::GrantGiven { grant, .. } = event { Some(grant.id) } else { None }
        })
    }
}

impl Decide for GiveGrant {
    about!(scope);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Person(self.membership));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.membership(self.scope, self.membership)?;
        draft.stand_above(it, Management::OverridePermissions)?;
        is_active(draft, it)?;
        if gives_nothing(it, &self.gives) {
            return Err(Refusal::NoChange);
        }
        may_give(draft, it, &self.gives)?;
        let now = draft.now();
        let from = self.from.map_or(now, |from| from.max(now));
        let longest = draft.rules()?.longest_grant;
        if from > now.plus(longest) {
            return too_long("it begins too late; begin sooner, or give it nearer the time");
        }
        let until = end(draft, from, self.lasting)?;
        let standing = it.grants.values().filter(|grant| !grant.is_over(now)).count();
        super::limits::at_most("grants", super::limits::GRANTS, standing + 1)?;
        let grant = Grant {
            id: draft.id(),
            gives: self.gives.clone(),
            from,
            until,
            reason: self.reason.clone(),
            giver: draft.own().map(|own| own.id),
            given_at: now,
        };
        draft.push(Event::GrantGiven { membership: it.id, grant: Box::new(grant) });
        Ok(())
    }
}

/// Only whoever is in is given anything: in the scope, and in the organization above it (I4).
fn is_active(draft: &Draft<'_>, it: &Membership) -> Result<(), Refusal> {
    if !it.is_live() {
        return Err(Refusal::NotFound(Thing::Membership));
    }
    let all = draft.state.memberships_of_same_person(it).into_iter();
    let mut above = all.filter(|one| one.id == it.id || one.scope.workspace.is_none());
    match above.find(|one| !one.is_active()) {
        Some(one) => Err(Refusal::NotActive(one.status.name())),
        None => Ok(()),
    }
}

/// Whether somebody has it anyway, or there is nothing in it.
fn gives_nothing(it: &Membership, gives: &Given) -> bool {
    match gives {
        Given::Role(name) => it.role == *name,
        Given::Permissions(listed) => listed.is_empty(),
    }
}

/// I5: whoever gives holds all of it; I1 and I2: it keeps nothing and takes no seat by itself.
pub(super) fn may_give(draft: &Draft<'_>, it: &Membership, gives: &Given) -> Result<(), Refusal> {
    match gives {
        Given::Role(name) => may_lend(draft, it, draft.role(name)?),
        Given::Permissions(listed) => listed.iter().try_for_each(|(name, reach)| {
            if !draft.catalogue().knows(name) {
                return Err(Refusal::UnknownPermission(name.clone()));
            }
            super::override_permission::gives_no_more(draft, name, &reach.clone().into())
        }),
    }
}

fn may_lend(draft: &Draft<'_>, it: &Membership, role: &Role) -> Result<(), Refusal> {
    draft.hold(Management::ChangeRoles)?;
    draft.stand_above(it, Management::ChangeRoles)?;
    draft.may_assign(role)?;
    if role.keeps_organization {
        let because = "nobody is an owner for a while; offer them ownership";
        return Err(Refusal::RuleForbids { rule: "I1", because });
    }
    if role.takes_seat && !draft.role(&it.role)?.takes_seat {
        let because = "their own role takes no seat, and this one does; change their role instead";
        return Err(Refusal::RuleForbids { rule: "I2", because });
    }
    Ok(())
}

/// When a grant ends that is counted from an instant on: after it, ahead of now, and no later than
/// the rules allow.
pub(super) fn end(
    draft: &Draft<'_>,
    from: Timestamp,
    lasting: Lasting,
) -> Result<Timestamp, Refusal> {
    let until = lasting.end(from);
    if until <= from.max(draft.now()) {
        let problem = Problem::Form("it would be over before it begins; end it later");
        return Err(Invalid::new("end", &until.to_string(), problem).into());
    }
    if until > from.plus(draft.rules()?.longest_grant) {
        return too_long("it lasts longer than the rules allow; end it sooner, and renew it then");
    }
    Ok(until)
}

fn too_long<T>(because: &'static str) -> Result<T, Refusal> {
    Err(Refusal::RuleForbids { rule: "longest_grant", because })
}
