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

use crate::peer::{Part, Peer};
use crate::world::{PERMISSIONS, PermissionSet, Question, World};

const ALLOW: &str = "data.directory.allow";

/// Bodies of one rule, as rules that call each other cost more. `$MEMBER` is where the member is.
const WHOLE: &str = r#"
package directory

allow if {
    member := $MEMBER
    member.role.gives[input.permission]
    member.active
    not member.denied[input.permission]
}

allow if {
    member := $MEMBER
    member.team1[input.permission]
    member.active
    not member.denied[input.permission]
}

allow if {
    member := $MEMBER
    member.team2[input.permission]
    member.active
    not member.denied[input.permission]
}

allow if {
    member := $MEMBER
    member.raised[input.permission]
    member.active
    not member.denied[input.permission]
}

allow if {
    member := $MEMBER
    member.role.keeps
    member.role.gives[input.permission]
    member.active
}
"#;

/// The host has united what role, teams and raises give, and dropped denials of keepers.
const UNITED: &str = r#"
package directory

allow if {
    member := $MEMBER
    permission := input.permission
    member.given[permission]
    member.active
    not member.denied[permission]
}
"#;

/// In what a question brings along.
const IN_INPUT: &str = "input.member";
/// In the data that was set once.
const IN_DATA: &str = "data.members[input.user]";

/// Makes values that share their strings: comparing them meets the same few places in memory.
struct Names {
    keys: BTreeMap<&'static str, Value>,
    permissions: Vec<Value>,
}

impl Names {
    fn new() -> Self {
        let keys =
            ["active", "denied", "given", "gives", "keeps", "raised", "role", "team1", "team2"];
        Self { keys: keys.map(|it| (it, Value::from(it))).into(), permissions: permissions() }
    }

    fn object<const N: usize>(&self, entries: [(&str, Value); N]) -> Value {
        let entries = entries.map(|(key, value)| (self.keys[key].clone(), value));
        Value::from(BTreeMap::from(entries))
    }

    fn set(&self, set: PermissionSet) -> Value {
        let entries = set.each().map(|it| (self.permissions[it].clone(), Value::from(true)));
        Value::from(entries.collect::<BTreeMap<_, _>>())
    }
}

fn permissions() -> Vec<Value> {
    PERMISSIONS.iter().map(|it| Value::from(*it)).collect()
}

/// Each member's facts: role and teams are shared, and so are what they give.
fn whole(world: &World) -> HashMap<Uuid, Value> {
    let names = Names::new();
    let role = |keeps: bool, gives| {
        names.object([("keeps", Value::from(keeps)), ("gives", names.set(gives))])
    };
    let roles: Vec<Value> = world.roles.iter().map(|it| role(it.keeps, it.gives)).collect();
    let teams: Vec<Value> = world.teams.iter().map(|it| names.set(it.gives)).collect();
    let facts = world.members.iter().map(|member| {
        let [first, second] = member.teams;
        let facts = names.object([
            ("active", Value::from(member.active)),
            ("role", roles[member.role].clone()),
            ("team1", teams[first].clone()),
            ("team2", teams[second].clone()),
            ("raised", names.set(member.raised)),
            ("denied", names.set(member.denied)),
        ]);
        (member.id, facts)
    });
    facts.collect()
}

/// Each member's two sets.
fn united(world: &World) -> HashMap<Uuid, Value> {
    let names = Names::new();
    let facts = world.members.iter().map(|member| {
        let keeps = world.roles[member.role].keeps;
        let denied = if keeps { PermissionSet::default() } else { member.denied };
        let facts = names.object([
            ("active", Value::from(member.active)),
            ("given", names.set(world.given(member).and(member.raised))),
            ("denied", names.set(denied)),
        ]);
        (member.id, facts)
    });
    facts.collect()
}

fn compiled(policy: &str, member: &str) -> CompiledPolicy {
    let mut engine = Engine::new();
    let policy = policy.replace("$MEMBER", member);
    engine.add_policy("directory.rego".into(), policy).expect("a policy");
    engine.compile_with_entrypoint(&ALLOW.into()).expect("a compiled policy")
}

fn machine(policy: &str, member: &str) -> RegoVM {
    let program = Compiler::compile_from_policy(&compiled(policy, member), &[ALLOW]);
    let mut machine = RegoVM::new();
    machine.load_program(program.expect("a program"));
    machine
}

/// What is asked with.
struct Inputs {
    subjects: HashMap<Uuid, Value>,
    permissions: Vec<Value>,
    subject_key: Value,
    permission_key: Value,
}

impl Inputs {
    fn new(subject_key: &str, subjects: HashMap<Uuid, Value>) -> Self {
        Self {
            subjects,
            permissions: permissions(),
            subject_key: Value::from(subject_key),
            permission_key: Value::from("permission"),
        }
    }

    #[inline]
    fn of(&self, question: &Question) -> Value {
        let permission = self.permissions[usize::from(question.permission)].clone();
        let entries = [
            (self.subject_key.clone(), self.subjects[&question.user].clone()),
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
    fn members_in_input(policy: &str, members: HashMap<Uuid, Value>) -> Self {
        Self { machine: machine(policy, IN_INPUT), inputs: Inputs::new("member", members) }
    }

    fn members_in_data(policy: &str, members: HashMap<Uuid, Value>) -> Self {
        let names: HashMap<Uuid, Value> =
            members.keys().map(|id| (*id, Value::from(id.to_string()))).collect();
        let members = members.into_iter().map(|(id, facts)| (names[&id].clone(), facts));
        let members = Value::from(members.collect::<BTreeMap<_, _>>());
        let mut machine = machine(policy, IN_DATA);
        let data = Value::from(BTreeMap::from([(Value::from("members"), members)]));
        machine.set_data(data).expect("data");
        Self { machine, inputs: Inputs::new("user", names) }
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.machine.set_input(self.inputs.of(question));
        let answer = self.machine.execute_entry_point_by_index(0).expect("an answer");
        answer == Value::Bool(true)
    }
}

pub(crate) struct WholeInData(Machine);

impl Peer for WholeInData {
    const CRATE: &'static str = "regorus";
    const CONFIGURATION: &'static str = "RVM, data: everybody's facts";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        Self(Machine::members_in_data(WHOLE, whole(world)))
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows(question)
    }
}

pub(crate) struct WholeInInput(Machine);

impl Peer for WholeInInput {
    const CRATE: &'static str = "regorus";
    const CONFIGURATION: &'static str = "RVM, input: a member's facts, prepared";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        Self(Machine::members_in_input(WHOLE, whole(world)))
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows(question)
    }
}

pub(crate) struct UnitedInData(Machine);

impl Peer for UnitedInData {
    const CRATE: &'static str = "regorus";
    const CONFIGURATION: &'static str = "RVM, data: everybody's united sets";
    const PART: Part = Part::Rest;

    fn set_up(world: &World) -> Self {
        Self(Machine::members_in_data(UNITED, united(world)))
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows(question)
    }
}

pub(crate) struct UnitedInInput(Machine);

impl Peer for UnitedInInput {
    const CRATE: &'static str = "regorus";
    const CONFIGURATION: &'static str = "RVM, input: a member's united sets, prepared";
    const PART: Part = Part::Rest;

    fn set_up(world: &World) -> Self {
        Self(Machine::members_in_input(UNITED, united(world)))
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows(question)
    }
}

pub(crate) struct Interpreted {
    policy: CompiledPolicy,
    inputs: Inputs,
}

impl Peer for Interpreted {
    const CRATE: &'static str = "regorus";
    const CONFIGURATION: &'static str = "CompiledPolicy, input: a member's facts, prepared";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        let inputs = Inputs::new("member", whole(world));
        Self { policy: compiled(WHOLE, IN_INPUT), inputs }
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        let answer = self.policy.eval_with_input(self.inputs.of(question)).expect("an answer");
        answer == Value::Bool(true)
    }
}
