//! `casbin`: a model in its own configuration language, policies and role links loaded once into
//! memory, and the matcher compiled by `Enforcer::new`.
//!
//! The `cached` feature is off unless this package's own `cached` is on: questions are random and
//! hardly ever come again, and then the caches (one of the enforcer, one of the role manager) only
//! cost. `CachedEnforcer` takes part when it is on.
//!
//! In the role graph those who are not active have no links but one to `inactive` – a name that the
//! role manager does not know makes it search its whole graph –, and nothing is told of overrides
//! that do not apply to a keeper.

use casbin::prelude::*;
use futures_executor::block_on;
use hashbrown::HashMap;
use uuid::Uuid;

use crate::peer::{Part, Peer};
use crate::world::{PERMISSIONS, PermissionSet, Question, World};

/// The model of casbin's `rbac_with_deny_model.conf`, without objects, and with the cheaper
/// comparison first.
const RBAC_WITH_DENY: &str = "
[request_definition]
r = sub, act

[policy_definition]
p = sub, act, eft

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = r.act == p.act && g(r.sub, p.sub)
";

/// Everything is in the role graph, permissions too, so that there is one matcher to evaluate
/// instead of one for each policy.
const ROLE_GRAPH: &str = r#"
[request_definition]
r = sub, act, deny

[policy_definition]
p = sub, act

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = g(r.sub, r.act) && (!g(r.sub, r.deny) || g(r.sub, "owner"))
"#;

/// Attributes that the host passes in, as words of bits: numbers are `i32` here.
const ATTRIBUTES: &str = "
[request_definition]
r = active, keeps, role, team1, team2, raised, denied, act

[policy_definition]
p = sub, act

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = r.active == 1 && ((r.role | r.team1 | r.team2 | r.raised) & r.act) != 0 && ((r.denied & r.act) == 0 || r.keeps == 1)
";

/// The same with prepared unions.
const UNITED: &str = "
[request_definition]
r = given, denied, act

[policy_definition]
p = sub, act

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = (r.given & r.act) != 0 && (r.denied & r.act) == 0
";

type Row = Vec<String>;

fn row<const N: usize>(cells: [&str; N]) -> Row {
    cells.map(str::to_owned).into()
}

fn enforcer<E: CoreApi + MgmtApi>(model: &str, policies: Vec<Row>, links: Vec<Row>) -> E {
    block_on(async {
        let model = DefaultModel::from_str(model).await.expect("a model");
        let mut enforcer = E::new(model, MemoryAdapter::default()).await.expect("an enforcer");
        enforcer.enable_auto_save(false);
        if !policies.is_empty() {
            enforcer.add_policies(policies).await.expect("policies");
        }
        if !links.is_empty() {
            enforcer.add_grouping_policies(links).await.expect("links");
        }
        enforcer
    })
}

fn denial(permission: &str) -> String {
    format!("not:{permission}")
}

/// What a member is linked to: role, teams, raises and denials.
fn links(world: &World, raise: impl Fn(&str) -> String) -> Vec<Row> {
    let mut links = Vec::new();
    for member in &world.members {
        let id = member.id.to_string();
        if !member.active {
            links.push(row([&id, "inactive"]));
            continue;
        }
        let role = &world.roles[member.role];
        links.push(row([&id, &role.name]));
        links.extend(member.teams.iter().map(|it| row([&id, &world.teams[*it].name])));
        if !role.keeps {
            links.extend(member.raised.names().map(|it| row([&id, &raise(it)])));
        }
        links.extend(member.denied.names().map(|it| row([&id, &denial(it)])));
    }
    links
}

fn names(world: &World) -> HashMap<Uuid, String> {
    world.members.iter().map(|it| (it.id, it.id.to_string())).collect()
}

/// What roles and teams give.
fn gifts(world: &World) -> impl Iterator<Item = (&str, &'static str)> {
    let roles = world.roles.iter().map(|it| (it.name.as_str(), it.gives));
    let teams = world.teams.iter().map(|it| (it.name.as_str(), it.gives));
    roles.chain(teams).flat_map(|(name, gives)| gives.names().map(move |it| (name, it)))
}

pub(crate) struct RbacWithDeny {
    enforcer: Enforcer,
    users: HashMap<Uuid, String>,
}

impl Peer for RbacWithDeny {
    const CRATE: &'static str = "casbin";
    const CONFIGURATION: &'static str = "RBAC with deny, a policy per gift, role manager";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        let mut policies: Vec<Row> =
            gifts(world).map(|(name, permission)| row([name, permission, "allow"])).collect();
        for permission in PERMISSIONS {
            policies.push(row([&format!("raise:{permission}"), permission, "allow"]));
            policies.push(row([&denial(permission), permission, "deny"]));
        }
        let mut links = links(world, |it| format!("raise:{it}"));
        let keepers = world.members.iter().filter(|it| world.roles[it.role].keeps);
        let keepers: std::collections::HashSet<_> = keepers.map(|it| it.id.to_string()).collect();
        links.retain(|it| !(it[1].starts_with("not:") && keepers.contains(&it[0])));
        Self { enforcer: enforcer(RBAC_WITH_DENY, policies, links), users: names(world) }
    }

    fn allows(&mut self, question: &Question) -> bool {
        let permission = PERMISSIONS[usize::from(question.permission)];
        let user = self.users[&question.user].as_str();
        self.enforcer.enforce((user, permission)).expect("an answer")
    }
}

/// Works with either enforcer.
struct RoleGraphOf<E> {
    enforcer: E,
    users: HashMap<Uuid, String>,
    denials: Vec<String>,
}

impl<E: CoreApi + MgmtApi> RoleGraphOf<E> {
    fn new(world: &World) -> Self {
        let mut links = links(world, str::to_owned);
        links.extend(gifts(world).map(|(name, permission)| row([name, permission])));
        Self {
            enforcer: enforcer(ROLE_GRAPH, Vec::new(), links),
            users: names(world),
            denials: PERMISSIONS.iter().map(|it| denial(it)).collect(),
        }
    }

    fn allows(&mut self, question: &Question) -> bool {
        let permission = usize::from(question.permission);
        let user = self.users[&question.user].as_str();
        let request = (user, PERMISSIONS[permission], self.denials[permission].as_str());
        self.enforcer.enforce(request).expect("an answer")
    }
}

pub(crate) struct RoleGraph(RoleGraphOf<Enforcer>);

impl Peer for RoleGraph {
    const CRATE: &'static str = "casbin";
    const CONFIGURATION: &'static str = "RBAC, role manager with permissions as roles, one matcher";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        Self(RoleGraphOf::new(world))
    }

    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows(question)
    }
}

#[cfg(feature = "cached")]
pub(crate) struct CachedRoleGraph(RoleGraphOf<CachedEnforcer>);

#[cfg(feature = "cached")]
impl Peer for CachedRoleGraph {
    const CRATE: &'static str = "casbin";
    const CONFIGURATION: &'static str = "the same, CachedEnforcer for a million answers";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        let mut graph = RoleGraphOf::<CachedEnforcer>::new(world);
        graph.enforcer.set_cache(casbin::DefaultCache::new(1_000_000));
        Self(graph)
    }

    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows(question)
    }
}

/// A member's permissions as two words of 32 bits.
type Words = [i32; 2];

fn words(permissions: PermissionSet) -> Words {
    [permissions.0 as u32 as i32, (permissions.0 >> 32) as u32 as i32]
}

/// The attributes of a member.
struct Facts {
    active: bool,
    keeps: bool,
    role: usize,
    teams: [usize; 2],
    raised: Words,
    denied: Words,
}

pub(crate) struct Attributes {
    enforcer: Enforcer,
    members: HashMap<Uuid, Facts>,
    roles: Vec<Words>,
    teams: Vec<Words>,
}

impl Peer for Attributes {
    const CRATE: &'static str = "casbin";
    const CONFIGURATION: &'static str = "ABAC, bit sets of role, teams and member as attributes";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        let members = world.members.iter().map(|member| {
            let facts = Facts {
                active: member.active,
                keeps: world.roles[member.role].keeps,
                role: member.role,
                teams: member.teams,
                raised: words(member.raised),
                denied: words(member.denied),
            };
            (member.id, facts)
        });
        Self {
            enforcer: enforcer(ATTRIBUTES, Vec::new(), Vec::new()),
            members: members.collect(),
            roles: world.roles.iter().map(|it| words(it.gives)).collect(),
            teams: world.teams.iter().map(|it| words(it.gives)).collect(),
        }
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        let (word, bit) = (usize::from(question.permission / 32), question.permission % 32);
        let member = &self.members[&question.user];
        let [first, second] = member.teams;
        let request = vec![
            i32::from(member.active),
            i32::from(member.keeps),
            self.roles[member.role][word],
            self.teams[first][word],
            self.teams[second][word],
            member.raised[word],
            member.denied[word],
            (1_u32 << bit) as i32,
        ];
        self.enforcer.enforce(request).expect("an answer")
    }
}

pub(crate) struct United {
    enforcer: Enforcer,
    given: HashMap<Uuid, (Words, Words)>,
}

impl Peer for United {
    const CRATE: &'static str = "casbin";
    const CONFIGURATION: &'static str = "ABAC, two united bit sets as attributes";
    const PART: Part = Part::Rest;

    fn set_up(world: &World) -> Self {
        let given = world.members.iter().map(|member| {
            let keeps = world.roles[member.role].keeps;
            let denied = if keeps { PermissionSet::default() } else { member.denied };
            let given = if member.active {
                world.given(member).and(member.raised)
            } else {
                PermissionSet::default()
            };
            (member.id, (words(given), words(denied)))
        });
        Self { enforcer: enforcer(UNITED, Vec::new(), Vec::new()), given: given.collect() }
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        let (word, bit) = (usize::from(question.permission / 32), question.permission % 32);
        let (given, denied) = self.given[&question.user];
        let request = vec![given[word], denied[word], (1_u32 << bit) as i32];
        self.enforcer.enforce(request).expect("an answer")
    }
}
