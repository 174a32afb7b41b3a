//! `regorus`: Rego, compiled once for its register machine (`rvm`), data set once, one machine used
//! again and again – the "hot" way of its own benchmarks – or as a `CompiledPolicy`.
//!
//! What a question needs of the host is made before: user and permission names are `Value`s that
//! are cloned by reference count. Sets are objects whose values are `true`: asking for a key is a
//! binary search there, and nothing has to be iterated.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;
use regorus::{CompiledPolicy, Engine, Value};
use uuid::Uuid;

use crate::peer::Peer;
use crate::world::{PERMISSIONS, PermissionSet, Question, World};

const ALLOW: &str = "data.directory.allow";

/// Role, teams and overrides by reference, the way one would write it first.
const BY_REFERENCE: &str = r#"
package directory

default allow := false

allow if {
    member := data.members[input.user]
    member.active
    given(member)
    not denied(member)
}

given(member) if data.roles[member.role].gives[input.permission]
given(member) if data.teams[member.teams[0]][input.permission]
given(member) if data.teams[member.teams[1]][input.permission]
given(member) if member.raised[input.permission]

denied(member) if {
    member.denied[input.permission]
    not data.roles[member.role].keeps
}
"#;

/// The host has united what role, teams and raises give, and dropped overrides of keepers.
const UNITED: &str = r#"
package directory

default allow := false

allow if {
    member := data.members[input.user]
    member.given[input.permission]
    member.active
    not member.denied[input.permission]
}
"#;

/// The same, and the host has also found the member.
const MEMBER_IN_INPUT: &str = r#"
package directory

default allow := false

allow if {
    input.member.given[input.permission]
    input.member.active
    not input.member.denied[input.permission]
}
"#;

fn object<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let entries = entries.into_iter().map(|(key, value)| (Value::from(key), value));
    Value::from(entries.collect::<BTreeMap<_, _>>())
}

fn set(permissions: PermissionSet) -> Value {
    object(permissions.names().map(|it| (it, Value::from(true))))
}

fn named(members: &HashMap<Uuid, Value>, facts: impl Fn(&Uuid) -> Value) -> Value {
    let entries = members.iter().map(|(id, name)| (name.clone(), facts(id)));
    Value::from(entries.collect::<BTreeMap<_, _>>())
}

fn names(world: &World) -> HashMap<Uuid, Value> {
    world.members.iter().map(|it| (it.id, Value::from(it.id.to_string()))).collect()
}

/// Role, teams and overrides of everybody, and what roles and teams give.
fn facts_by_reference(world: &World, names: &HashMap<Uuid, Value>) -> Value {
    let members: HashMap<Uuid, Value> = world
        .members
        .iter()
        .map(|member| {
            let teams: Vec<Value> =
                member.teams.iter().map(|it| Value::from(world.teams[*it].name.as_str())).collect();
            let facts = object([
                ("active", Value::from(member.active)),
                ("role", Value::from(world.roles[member.role].name.as_str())),
                ("teams", Value::from(teams)),
                ("raised", set(member.raised)),
                ("denied", set(member.denied)),
            ]);
            (member.id, facts)
        })
        .collect();
    let role = |keeps: bool, gives| object([("keeps", Value::from(keeps)), ("gives", set(gives))]);
    let roles = world.roles.iter().map(|it| (it.name.as_str(), role(it.keeps, it.gives)));
    let teams = world.teams.iter().map(|it| (it.name.as_str(), set(it.gives)));
    object([
        ("members", named(names, |id| members[id].clone())),
        ("roles", object(roles)),
        ("teams", object(teams)),
    ])
}

/// Everybody's facts in one place.
fn facts_united(world: &World) -> HashMap<Uuid, Value> {
    let facts = world.members.iter().map(|member| {
        let denied =
            if world.roles[member.role].keeps { PermissionSet::default() } else { member.denied };
        let facts = object([
            ("active", Value::from(member.active)),
            ("given", set(world.given(member).and(member.raised))),
            ("denied", set(denied)),
        ]);
        (member.id, facts)
    });
    facts.collect()
}

fn compiled(policy: &str, data: Value) -> CompiledPolicy {
    let mut engine = Engine::new();
    engine.add_policy("directory.rego".into(), policy.into()).expect("a policy");
    engine.add_data(data).expect("data");
    engine.compile_with_entrypoint(&ALLOW.into()).expect("a compiled policy")
}

fn machine(policy: &str, data: Value) -> RegoVM {
    let policy = compiled(policy, Value::new_object());
    let mut machine = RegoVM::new();
    machine.load_program(Compiler::compile_from_policy(&policy, &[ALLOW]).expect("a program"));
    machine.set_data(data).expect("data");
    machine
}

/// What is asked with.
struct Inputs {
    users: HashMap<Uuid, Value>,
    permissions: Vec<Value>,
    subject_key: Value,
    permission_key: Value,
}

impl Inputs {
    fn new(subject_key: &str, users: HashMap<Uuid, Value>) -> Self {
        Self {
            users,
            permissions: PERMISSIONS.iter().map(|it| Value::from(*it)).collect(),
            subject_key: Value::from(subject_key),
            permission_key: Value::from("permission"),
        }
    }

    #[inline]
    fn of(&self, question: &Question) -> Value {
        let permission = self.permissions[usize::from(question.permission)].clone();
        let entries = [
            (self.subject_key.clone(), self.users[&question.user].clone()),
            (self.permission_key.clone(), permission),
        ];
        Value::from(BTreeMap::from(entries))
    }
}

struct Machine {
    machine: RegoVM,
    inputs: Inputs,
}

impl Machine {
    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.machine.set_input(self.inputs.of(question));
        let answer = self.machine.execute_entry_point_by_index(0).expect("an answer");
        answer == Value::Bool(true)
    }
}

pub(crate) struct ByReference(Machine);

impl Peer for ByReference {
    const CRATE: &'static str = "regorus";
    const CONFIGURATION: &'static str = "RVM, data: members, roles, teams";
    const EXPRESSES: &'static str = "all of it";

    fn set_up(world: &World) -> Self {
        let names = names(world);
        let machine = machine(BY_REFERENCE, facts_by_reference(world, &names));
        Self(Machine { machine, inputs: Inputs::new("user", names) })
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows(question)
    }
}

pub(crate) struct United(Machine);

impl Peer for United {
    const CRATE: &'static str = "regorus";
    const CONFIGURATION: &'static str = "RVM, data: members with sets united by the host";
    const EXPRESSES: &'static str = "activity and deny wins; unions and keepers are the host's";

    fn set_up(world: &World) -> Self {
        let (names, facts) = (names(world), facts_united(world));
        let data = object([("members", named(&names, |id| facts[id].clone()))]);
        Self(Machine { machine: machine(UNITED, data), inputs: Inputs::new("user", names) })
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows(question)
    }
}

pub(crate) struct MemberInInput(Machine);

impl Peer for MemberInInput {
    const CRATE: &'static str = "regorus";
    const CONFIGURATION: &'static str = "RVM, input: a prepared member with united sets";
    const EXPRESSES: &'static str = "activity and deny wins; unions and keepers are the host's";

    fn set_up(world: &World) -> Self {
        let inputs = Inputs::new("member", facts_united(world));
        Self(Machine { machine: machine(MEMBER_IN_INPUT, Value::new_object()), inputs })
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows(question)
    }
}

/// A machine with one entry point a permission, so that the input is the prepared member itself
/// and nothing is made for a question.
pub(crate) struct EntryPoints {
    machine: RegoVM,
    members: HashMap<Uuid, Value>,
}

impl Peer for EntryPoints {
    const CRATE: &'static str = "regorus";
    const CONFIGURATION: &'static str =
        "RVM, an entry point a permission, input: a prepared member";
    const EXPRESSES: &'static str = "activity and deny wins; unions and keepers are the host's";

    fn set_up(world: &World) -> Self {
        let rule = |it: &&str| {
            let name = it.replace('.', "_");
            format!(
                "default {name} := false\n{name} if {{\n    input.given[\"{it}\"]\n    \
                 input.active\n    not input.denied[\"{it}\"]\n}}\n"
            )
        };
        let rules: String = PERMISSIONS.iter().map(rule).collect();
        let entry_points: Vec<String> = PERMISSIONS
            .iter()
            .map(|it| format!("data.directory.{}", it.replace('.', "_")))
            .collect();
        let entry_points: Vec<&str> = entry_points.iter().map(String::as_str).collect();
        let mut engine = Engine::new();
        let policy = format!("package directory\n{rules}");
        engine.add_policy("directory.rego".into(), policy).expect("a policy");
        let compiled = engine.compile_with_entrypoint(&entry_points[0].into()).expect("a policy");
        let mut machine = RegoVM::new();
        machine.load_program(
            Compiler::compile_from_policy(&compiled, &entry_points).expect("a program"),
        );
        Self { machine, members: facts_united(world) }
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.machine.set_input(self.members[&question.user].clone());
        let entry_point = usize::from(question.permission);
        let answer = self.machine.execute_entry_point_by_index(entry_point).expect("an answer");
        answer == Value::Bool(true)
    }
}

pub(crate) struct Interpreted {
    policy: CompiledPolicy,
    inputs: Inputs,
}

impl Peer for Interpreted {
    const CRATE: &'static str = "regorus";
    const CONFIGURATION: &'static str = "CompiledPolicy, input: a prepared member with united sets";
    const EXPRESSES: &'static str = "activity and deny wins; unions and keepers are the host's";

    fn set_up(world: &World) -> Self {
        let policy = compiled(MEMBER_IN_INPUT, Value::new_object());
        Self { policy, inputs: Inputs::new("member", facts_united(world)) }
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        let answer = self.policy.eval_with_input(self.inputs.of(question)).expect("an answer");
        answer == Value::Bool(true)
    }
}
