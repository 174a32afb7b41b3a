//! `cedar-policy`: policies parsed once, `Entities` built once with their closure, uids made once,
//! no schema – so that no request is validated –, and an empty context.
//!
//! As its documentation says: use few policies, put who-is-in-what into the hierarchy (`in` is one
//! look-up in a closure that was computed when the entities were loaded), and hand over uids that
//! need no parsing.

use std::collections::{HashMap as StdHashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid,
    PolicySet, Request, RestrictedExpression,
};
use hashbrown::HashMap;
use uuid::Uuid;

use crate::peer::{Part, Peer};
use crate::world::{Member, PERMISSIONS, PermissionSet, Question, World};

fn uid(kind: &str, id: &str) -> EntityUid {
    let kind = EntityTypeName::from_str(kind).expect("the name of a type");
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

fn permission_uids(kind: &str) -> Vec<EntityUid> {
    PERMISSIONS.iter().map(|it| uid(kind, it)).collect()
}

fn user_uids(world: &World) -> HashMap<Uuid, EntityUid> {
    world.members.iter().map(|it| (it.id, uid("User", &it.id.to_string()))).collect()
}

/// A set of uids, as an attribute.
fn set(uids: &[EntityUid], permissions: PermissionSet) -> RestrictedExpression {
    let uids = permissions.each().map(|it| RestrictedExpression::new_entity_uid(uids[it].clone()));
    RestrictedExpression::new_set(uids)
}

fn entity(
    uid: EntityUid,
    attributes: impl IntoIterator<Item = (&'static str, RestrictedExpression)>,
    parents: impl IntoIterator<Item = EntityUid>,
) -> Entity {
    let attributes: StdHashMap<String, RestrictedExpression> =
        attributes.into_iter().map(|(name, value)| (name.into(), value)).collect();
    Entity::new(uid, attributes, parents.into_iter().collect::<HashSet<_>>()).expect("an entity")
}

/// What is asked with.
struct Asking {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    users: HashMap<Uuid, EntityUid>,
    permissions: Vec<EntityUid>,
    /// The half of a request that is always the same: the action if permissions are resources,
    /// and the resource if they are actions.
    other: EntityUid,
}

impl Asking {
    fn new(
        policies: &str,
        entities: Vec<Entity>,
        users: HashMap<Uuid, EntityUid>,
        permissions: Vec<EntityUid>,
        other: EntityUid,
    ) -> Self {
        Self {
            authorizer: Authorizer::new(),
            policies: PolicySet::from_str(policies).expect("policies"),
            entities: Entities::from_entities(entities, None).expect("entities"),
            users,
            permissions,
            other,
        }
    }

    #[inline]
    fn allows(&self, user: EntityUid, action: EntityUid, resource: EntityUid) -> bool {
        let request = Request::new(user, action, resource, Context::empty(), None)
            .expect("there is no schema to go against");
        let response = self.authorizer.is_authorized(&request, &self.policies, &self.entities);
        response.decision() == Decision::Allow
    }

    #[inline]
    fn allows_action(&self, question: &Question) -> bool {
        let permission = self.permissions[usize::from(question.permission)].clone();
        self.allows(self.users[&question.user].clone(), permission, self.other.clone())
    }

    #[inline]
    fn allows_resource(&self, question: &Question) -> bool {
        let permission = self.permissions[usize::from(question.permission)].clone();
        self.allows(self.users[&question.user].clone(), self.other.clone(), permission)
    }
}

/// A policy for each role and each team, as in Cedar's pages on role-based access.
pub(crate) struct PolicyPerGroup(Asking);

impl Peer for PolicyPerGroup {
    const CRATE: &'static str = "cedar";
    const CONFIGURATION: &'static str = "a policy per role and team, members in them";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        let (users, permissions) = (user_uids(world), permission_uids("Action"));
        let permit = |kind: &str, name: &str, gives: PermissionSet| {
            let actions: Vec<String> =
                gives.names().map(|it| format!("Action::\"{it}\"")).collect();
            let actions = actions.join(", ");
            format!("permit(principal in {kind}::\"{name}\", action in [{actions}], resource);\n")
        };
        let roles = world.roles.iter().map(|it| permit("Role", &it.name, it.gives));
        let teams = world.teams.iter().map(|it| permit("Team", &it.name, it.gives));
        let mut policies: String = roles.chain(teams).collect();
        policies.push_str(
            "permit(principal, action, resource) when { principal.raised.contains(action) };
             forbid(principal, action, resource) unless { principal.active };
             forbid(principal, action, resource)
             when { principal.denied.contains(action) && !principal.keeps };",
        );
        let groups = world.roles.iter().map(|it| uid("Role", &it.name));
        let groups = groups.chain(world.teams.iter().map(|it| uid("Team", &it.name)));
        let mut entities: Vec<Entity> = groups.map(|it| entity(it, [], [])).collect();
        entities.extend(world.members.iter().map(|member| {
            let role = &world.roles[member.role];
            let attributes = [
                ("active", RestrictedExpression::new_bool(member.active)),
                ("keeps", RestrictedExpression::new_bool(role.keeps)),
                ("raised", set(&permissions, member.raised)),
                ("denied", set(&permissions, member.denied)),
            ];
            entity(users[&member.id].clone(), attributes, parents(world, member))
        }));
        let organization = uid("Organization", "acme");
        Self(Asking::new(&policies, entities, users, permissions, organization))
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows_action(question)
    }
}

/// Roles and teams in the permissions that they give, and the permissions.
fn groups(world: &World, permissions: &[EntityUid]) -> Vec<Entity> {
    let group = |kind, name: &str, gives: PermissionSet| {
        entity(uid(kind, name), [], gives.each().map(|it| permissions[it].clone()))
    };
    let roles = world.roles.iter().map(|it| group("Role", &it.name, it.gives));
    let teams = world.teams.iter().map(|it| group("Team", &it.name, it.gives));
    let permissions = permissions.iter().map(|it| entity(it.clone(), [], []));
    roles.chain(teams).chain(permissions).collect()
}

/// Role and teams of a member.
fn parents(world: &World, member: &Member) -> [EntityUid; 3] {
    let [first, second] = member.teams.map(|it| uid("Team", &world.teams[it].name));
    [uid("Role", &world.roles[member.role].name), first, second]
}

/// Two policies: permissions are groups of the roles and teams that give them.
pub(crate) struct Hierarchy(Asking);

impl Peer for Hierarchy {
    const CRATE: &'static str = "cedar";
    const CONFIGURATION: &'static str = "1 permit, 1 forbid: member in role or team in permission";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        let (users, permissions) = (user_uids(world), permission_uids("Permission"));
        let policies = "
            permit(principal, action, resource)
            when { principal.active && (principal in resource || principal.raised.contains(resource)) };
            forbid(principal, action, resource)
            when { principal.denied.contains(resource) && !principal.keeps };";
        let mut entities = groups(world, &permissions);
        entities.extend(world.members.iter().map(|member| {
            let role = &world.roles[member.role];
            let attributes = [
                ("active", RestrictedExpression::new_bool(member.active)),
                ("keeps", RestrictedExpression::new_bool(role.keeps)),
                ("raised", set(&permissions, member.raised)),
                ("denied", set(&permissions, member.denied)),
            ];
            entity(users[&member.id].clone(), attributes, parents(world, member))
        }));
        Self(Asking::new(policies, entities, users, permissions, uid("Action", "do")))
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows_resource(question)
    }
}

/// The same in one policy, with raises in the hierarchy, too: each policy and each attribute costs.
pub(crate) struct OneHierarchy(Asking);

impl Peer for OneHierarchy {
    const CRATE: &'static str = "cedar";
    const CONFIGURATION: &'static str =
        "1 permit unless denied: member in role or team in permission";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        let (users, permissions) = (user_uids(world), permission_uids("Permission"));
        let policies = "
            permit(principal, action, resource)
            when { principal in resource && principal.active }
            unless { principal.denied.contains(resource) && !principal.keeps };";
        let mut entities = groups(world, &permissions);
        entities.extend(world.members.iter().map(|member| {
            let role = &world.roles[member.role];
            let attributes = [
                ("active", RestrictedExpression::new_bool(member.active)),
                ("keeps", RestrictedExpression::new_bool(role.keeps)),
                ("denied", set(&permissions, member.denied)),
            ];
            let raised = member.raised.each().map(|it| permissions[it].clone());
            let parents = parents(world, member).into_iter().chain(raised);
            entity(users[&member.id].clone(), attributes, parents)
        }));
        Self(Asking::new(policies, entities, users, permissions, uid("Action", "do")))
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows_resource(question)
    }
}

/// One policy over sets that roles, teams and members have as attributes.
pub(crate) struct Attributes(Asking);

impl Peer for Attributes {
    const CRATE: &'static str = "cedar";
    const CONFIGURATION: &'static str = "1 permit, 1 forbid: sets on role, teams and member";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        let (users, permissions) = (user_uids(world), permission_uids("Action"));
        let policies = "
            permit(principal, action, resource)
            when {
                principal.active &&
                (principal.role.gives.contains(action) || principal.team1.gives.contains(action) ||
                 principal.team2.gives.contains(action) || principal.raised.contains(action))
            };
            forbid(principal, action, resource)
            when { principal.denied.contains(action) && !principal.role.keeps };";
        let roles = world.roles.iter().map(|it| {
            let keeps = RestrictedExpression::new_bool(it.keeps);
            let gives = set(&permissions, it.gives);
            entity(uid("Role", &it.name), [("keeps", keeps), ("gives", gives)], [])
        });
        let teams = world
            .teams
            .iter()
            .map(|it| entity(uid("Team", &it.name), [("gives", set(&permissions, it.gives))], []));
        let mut entities: Vec<Entity> = roles.chain(teams).collect();
        entities.extend(world.members.iter().map(|member| {
            let [role, first, second] = parents(world, member);
            let attributes = [
                ("active", RestrictedExpression::new_bool(member.active)),
                ("role", RestrictedExpression::new_entity_uid(role)),
                ("team1", RestrictedExpression::new_entity_uid(first)),
                ("team2", RestrictedExpression::new_entity_uid(second)),
                ("raised", set(&permissions, member.raised)),
                ("denied", set(&permissions, member.denied)),
            ];
            entity(users[&member.id].clone(), attributes, [])
        }));
        let organization = uid("Organization", "acme");
        Self(Asking::new(policies, entities, users, permissions, organization))
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows_action(question)
    }
}

/// Two policies over two sets that the host has prepared for each member.
pub(crate) struct United(Asking);

/// Entities where a member is in what it is given, and has the set of what it is denied.
fn united(
    world: &World,
    users: &HashMap<Uuid, EntityUid>,
    permissions: &[EntityUid],
) -> Vec<Entity> {
    let mut entities: Vec<Entity> =
        permissions.iter().map(|it| entity(it.clone(), [], [])).collect();
    entities.extend(world.members.iter().map(|member| {
        let keeps = world.roles[member.role].keeps;
        let denied = if keeps { PermissionSet::default() } else { member.denied };
        let given = if member.active {
            world.given(member).and(member.raised)
        } else {
            PermissionSet::default()
        };
        let given = given.each().map(|it| permissions[it].clone());
        entity(users[&member.id].clone(), [("denied", set(permissions, denied))], given)
    }));
    entities
}

impl Peer for United {
    const CRATE: &'static str = "cedar";
    const CONFIGURATION: &'static str =
        "1 permit, 1 forbid: member in permission, united by the host";
    const PART: Part = Part::Rest;

    fn set_up(world: &World) -> Self {
        let (users, permissions) = (user_uids(world), permission_uids("Permission"));
        let policies = "
            permit(principal, action, resource) when { principal in resource };
            forbid(principal, action, resource) when { principal.denied.contains(resource) };";
        let entities = united(world, &users, &permissions);
        Self(Asking::new(policies, entities, users, permissions, uid("Action", "do")))
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows_resource(question)
    }
}

/// The same in one policy: each policy costs, whatever it says.
pub(crate) struct OnePolicy(Asking);

impl Peer for OnePolicy {
    const CRATE: &'static str = "cedar";
    const CONFIGURATION: &'static str = "1 permit: member in permission, united by the host";
    const PART: Part = Part::Rest;

    fn set_up(world: &World) -> Self {
        let (users, permissions) = (user_uids(world), permission_uids("Permission"));
        let policies = "
            permit(principal, action, resource)
            when { principal in resource && !principal.denied.contains(resource) };";
        let entities = united(world, &users, &permissions);
        Self(Asking::new(policies, entities, users, permissions, uid("Action", "do")))
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows_resource(question)
    }
}
