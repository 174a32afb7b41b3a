//! The organization that everybody is asked about, and the answer that is right by its looks.

use std::collections::HashMap;

use uuid::Uuid;

use crate::random::Random;

/// What may be given and asked; a [`PermissionSet`] has them in this order.
pub(crate) const PERMISSIONS: [&str; 48] = [
    "tickets.view",
    "tickets.create",
    "tickets.edit",
    "tickets.delete",
    "replies.view",
    "replies.create",
    "replies.edit",
    "replies.delete",
    "notes.view",
    "notes.create",
    "notes.edit",
    "notes.delete",
    "customers.view",
    "customers.create",
    "customers.edit",
    "customers.delete",
    "companies.view",
    "companies.create",
    "companies.edit",
    "companies.delete",
    "articles.view",
    "articles.create",
    "articles.edit",
    "articles.delete",
    "macros.view",
    "macros.create",
    "macros.edit",
    "macros.delete",
    "inboxes.view",
    "inboxes.create",
    "inboxes.edit",
    "inboxes.delete",
    "reports.view",
    "reports.create",
    "reports.edit",
    "reports.delete",
    "tags.view",
    "tags.create",
    "tags.edit",
    "tags.delete",
    "webhooks.view",
    "webhooks.create",
    "webhooks.edit",
    "webhooks.delete",
    "invoices.view",
    "invoices.create",
    "invoices.edit",
    "invoices.delete",
];

pub(crate) const ROLES: usize = 8;

/// Some of [`PERMISSIONS`], a bit each.
#[derive(Clone, Copy, Default)]
pub(crate) struct PermissionSet(pub(crate) u64);

impl PermissionSet {
    pub(crate) const ALL: Self = Self((1 << PERMISSIONS.len()) - 1);

    pub(crate) const fn has(self, permission: usize) -> bool {
        self.0 >> permission & 1 == 1
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn but(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Which they are.
    pub(crate) fn each(self) -> impl Iterator<Item = usize> {
        (0..PERMISSIONS.len()).filter(move |it| self.has(*it))
    }

    /// What they are called.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        self.each().map(|it| PERMISSIONS[it])
    }

    fn any(random: &mut Random, percent: usize) -> Self {
        let chosen = (0..PERMISSIONS.len()).filter(|_| random.percent(percent));
        Self(chosen.fold(0, |set, it| set | 1 << it))
    }
}

pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) gives: PermissionSet,
    /// No override applies to those who have it. It gives everything, so a raise adds nothing, and
    /// only denials have to be left out.
    pub(crate) keeps: bool,
}

pub(crate) struct Team {
    pub(crate) name: String,
    pub(crate) gives: PermissionSet,
}

pub(crate) struct Member {
    pub(crate) id: Uuid,
    pub(crate) active: bool,
    /// Which of [`World::roles`].
    pub(crate) role: usize,
    /// Which of [`World::teams`]; never the same twice.
    pub(crate) teams: [usize; 2],
    pub(crate) raised: PermissionSet,
    pub(crate) denied: PermissionSet,
}

pub(crate) struct World {
    pub(crate) roles: Vec<Role>,
    pub(crate) teams: Vec<Team>,
    pub(crate) members: Vec<Member>,
    by_id: HashMap<Uuid, usize>,
}

/// May this user do this?
pub(crate) struct Question {
    pub(crate) user: Uuid,
    /// Which of [`PERMISSIONS`].
    pub(crate) permission: u8,
}

impl World {
    pub(crate) fn random(random: &mut Random, members: usize, teams: usize) -> Self {
        let owner = Role { name: "owner".into(), gives: PermissionSet::ALL, keeps: true };
        let others = (1..ROLES).map(|number| Role {
            name: format!("role-{number}"),
            gives: PermissionSet::any(random, 10 + 10 * number),
            keeps: false,
        });
        let roles: Vec<Role> = std::iter::once(owner).chain(others).collect();
        let teams: Vec<Team> = (0..teams)
            .map(|number| Team {
                name: format!("team-{number}"),
                gives: PermissionSet::any(random, 6),
            })
            .collect();
        let members: Vec<Member> = (0..members).map(|_| Member::any(random, teams.len())).collect();
        let by_id = members.iter().enumerate().map(|(at, it)| (it.id, at)).collect();
        Self { roles, teams, members, by_id }
    }

    /// Anybody and anything, each as likely as any other.
    pub(crate) fn questions(&self, random: &mut Random, many: usize) -> Vec<Question> {
        let question = |_| Question {
            user: self.members[random.below(self.members.len())].id,
            permission: random.below(PERMISSIONS.len()) as u8,
        };
        (0..many).map(question).collect()
    }

    /// The rule, word by word.
    pub(crate) fn allows(&self, question: &Question) -> bool {
        let member = &self.members[self.by_id[&question.user]];
        let permission = usize::from(question.permission);
        let role = &self.roles[member.role];
        let given = role.gives.has(permission)
            || member.teams.iter().any(|it| self.teams[*it].gives.has(permission))
            || member.raised.has(permission);
        let denied = member.denied.has(permission) && !role.keeps;
        member.active && given && !denied
    }

    /// What role and teams give a member together.
    pub(crate) fn given(&self, member: &Member) -> PermissionSet {
        let [first, second] = member.teams;
        let teams = self.teams[first].gives.and(self.teams[second].gives);
        self.roles[member.role].gives.and(teams)
    }
}

impl Member {
    fn any(random: &mut Random, teams: usize) -> Self {
        let first = random.below(teams);
        let second = (first + 1 + random.below(teams - 1)) % teams;
        let mut member = Self {
            id: random.uuid(),
            active: !random.percent(5),
            role: if random.percent(2) { 0 } else { 1 + random.below(ROLES - 1) },
            teams: [first, second],
            raised: PermissionSet::default(),
            denied: PermissionSet::default(),
        };
        for _ in 0..random.below(4) {
            let one = PermissionSet(1 << random.below(PERMISSIONS.len()));
            // There is one override for a member and a permission, at most.
            if random.percent(50) {
                member.raised = member.raised.and(one);
                member.denied = member.denied.but(one);
            } else {
                member.denied = member.denied.and(one);
                member.raised = member.raised.but(one);
            }
        }
        member
    }
}
