//! `gatehouse`: policies are Rust closures; the host brings the facts.
//!
//! As its documentation advises for hot paths: checkers are built once, names and reasons are
//! `'static`, policies that read no backend share `EvaluationSession::shared_empty()`, and the
//! `tracing` feature is off. The host keeps members in a hash map and hands over a reference. The
//! futures are ready at once, so they are polled once and need no executor.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use gatehouse::{
    EvalCtx, EvaluationSession, GrantResult, PermissionChecker, Policy, PolicyBuilder,
    PolicyDomain, VetoPolicy, VetoResult,
};
use hashbrown::HashMap;
use uuid::Uuid;

use crate::peer::{Part, Peer};
use crate::world::{PermissionSet, Question, World};

/// What the host knows about a member.
struct Facts {
    active: bool,
    keeps: bool,
    role: usize,
    teams: [usize; 2],
    raised: PermissionSet,
    denied: PermissionSet,
}

/// What roles and teams give.
#[derive(Clone)]
struct Gifts {
    roles: Arc<[PermissionSet]>,
    teams: Arc<[PermissionSet]>,
}

impl Gifts {
    fn new(world: &World) -> Self {
        let roles = world.roles.iter().map(|it| it.gives).collect();
        Self { roles, teams: world.teams.iter().map(|it| it.gives).collect() }
    }

    fn by_role(&self, member: &Facts, permission: usize) -> bool {
        self.roles[member.role].has(permission)
    }

    fn by_team(&self, member: &Facts, permission: usize) -> bool {
        member.teams.iter().any(|it| self.teams[*it].has(permission))
    }

    fn given(&self, member: &Facts, permission: usize) -> bool {
        self.by_role(member, permission)
            || self.by_team(member, permission)
            || member.raised.has(permission)
    }
}

fn denied(member: &Facts, permission: usize) -> bool {
    member.denied.has(permission) && !member.keeps
}

struct Directory;

impl PolicyDomain for Directory {
    type Subject = Facts;
    type Action = usize;
    type Resource = ();
    type Context = ();
}

struct Host {
    members: HashMap<Uuid, Facts>,
    checker: PermissionChecker<Directory>,
}

impl Host {
    fn new(world: &World, checker: PermissionChecker<Directory>) -> Self {
        let facts = world.members.iter().map(|member| {
            let facts = Facts {
                active: member.active,
                keeps: world.roles[member.role].keeps,
                role: member.role,
                teams: member.teams,
                raised: member.raised,
                denied: member.denied,
            };
            (member.id, facts)
        });
        Self { members: facts.collect(), checker }
    }

    #[inline]
    fn allows(&self, question: &Question) -> bool {
        let action = usize::from(question.permission);
        let session = EvaluationSession::shared_empty();
        let bound = self.checker.bind(session, &self.members[&question.user], &action, &());
        bound.check(&()).now_or_never().expect("nothing to wait for").is_granted()
    }
}

/// A policy for each reason there is.
pub(crate) struct EachReason(Host);

impl Peer for EachReason {
    const CRATE: &'static str = "gatehouse";
    const CONFIGURATION: &'static str = "PolicyBuilder: 2 vetoes, 3 grants";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        let (roles, teams) = (Gifts::new(world), Gifts::new(world));
        let mut checker = PermissionChecker::new();
        let inactive = PolicyBuilder::<Directory>::new("Inactive").subjects(|it| !it.active);
        checker.add_veto(inactive.build_veto());
        let denied = PolicyBuilder::<Directory>::new("Denied")
            .when(|it, permission, (), ()| denied(it, *permission));
        checker.add_veto(denied.build_veto());
        let role = PolicyBuilder::<Directory>::new("Role")
            .when(move |it, permission, (), ()| roles.by_role(it, *permission));
        checker.add_policy(role.build());
        let team = PolicyBuilder::<Directory>::new("Team")
            .when(move |it, permission, (), ()| teams.by_team(it, *permission));
        checker.add_policy(team.build());
        let raised = PolicyBuilder::<Directory>::new("Raised")
            .when(|it, permission, (), ()| it.raised.has(*permission));
        checker.add_policy(raised.build());
        Self(Host::new(world, checker))
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows(question)
    }
}

/// The fewest policies with which a denial is still a veto.
pub(crate) struct VetoAndGrant(Host);

impl Peer for VetoAndGrant {
    const CRATE: &'static str = "gatehouse";
    const CONFIGURATION: &'static str = "PolicyBuilder: 1 veto, 1 grant";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        let gifts = Gifts::new(world);
        let mut checker = PermissionChecker::new();
        let denied = PolicyBuilder::<Directory>::new("Denied")
            .when(|it, permission, (), ()| !it.active || denied(it, *permission));
        checker.add_veto(denied.build_veto());
        let given = PolicyBuilder::<Directory>::new("Given")
            .when(move |it, permission, (), ()| gifts.given(it, *permission));
        checker.add_policy(given.build());
        Self(Host::new(world, checker))
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows(question)
    }
}

/// The same, written by hand: results without the reasons that would have to be allocated.
pub(crate) struct CustomVetoAndGrant(Host);

struct Denied;

#[async_trait]
impl VetoPolicy<Directory> for Denied {
    async fn evaluate(&self, ctx: &EvalCtx<'_, Directory>) -> VetoResult {
        if !ctx.subject.active || denied(ctx.subject, *ctx.action) {
            VetoResult::forbid("Denied", "")
        } else {
            VetoResult::pass("Denied", "")
        }
    }

    fn policy_type(&self) -> Cow<'static, str> {
        Cow::Borrowed("Denied")
    }
}

struct Given(Gifts);

#[async_trait]
impl Policy<Directory> for Given {
    async fn evaluate(&self, ctx: &EvalCtx<'_, Directory>) -> GrantResult {
        if self.0.given(ctx.subject, *ctx.action) {
            GrantResult::granted("Given", None)
        } else {
            GrantResult::not_applicable("Given", "")
        }
    }

    fn policy_type(&self) -> Cow<'static, str> {
        Cow::Borrowed("Given")
    }
}

impl Peer for CustomVetoAndGrant {
    const CRATE: &'static str = "gatehouse";
    const CONFIGURATION: &'static str = "custom Policy: 1 veto, 1 grant, no reasons";
    const PART: Part = Part::Whole;

    fn set_up(world: &World) -> Self {
        let mut checker = PermissionChecker::new();
        checker.add_veto(Denied);
        checker.add_policy(Given(Gifts::new(world)));
        Self(Host::new(world, checker))
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows(question)
    }
}

/// One policy that decides everything, so that the crate has nothing to combine; that a denial wins
/// is then the host's own line of Rust.
pub(crate) struct OnePolicy(Host);

struct Everything(Gifts);

#[async_trait]
impl Policy<Directory> for Everything {
    async fn evaluate(&self, ctx: &EvalCtx<'_, Directory>) -> GrantResult {
        let (it, permission) = (ctx.subject, *ctx.action);
        if it.active && self.0.given(it, permission) && !denied(it, permission) {
            GrantResult::granted("Everything", None)
        } else {
            GrantResult::not_applicable("Everything", "")
        }
    }

    fn policy_type(&self) -> Cow<'static, str> {
        Cow::Borrowed("Everything")
    }
}

impl Peer for OnePolicy {
    const CRATE: &'static str = "gatehouse";
    const CONFIGURATION: &'static str = "custom Policy: 1 grant that is the whole rule, no reasons";
    const PART: Part = Part::Rest;

    fn set_up(world: &World) -> Self {
        let mut checker = PermissionChecker::new();
        checker.add_policy(Everything(Gifts::new(world)));
        Self(Host::new(world, checker))
    }

    #[inline]
    fn allows(&mut self, question: &Question) -> bool {
        self.0.allows(question)
    }
}
