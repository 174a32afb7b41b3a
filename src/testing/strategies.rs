//! Proptest strategies: for the crate's own properties, and for those of hosts.
//!
//! Everything shrinks towards something plain: `Olivia invites Ada as owner`.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;

use super::model::{Action, Choices, Crew, Job, NAMES, Step, TEAMS, Who};
use crate::domain::{
    Activation, Authorship, EmailAddress, Equals, Joining, LastOwner, Oneself, Reach, Removal,
    Role, Rules, SeatUse, SeatsFull, Span, WorkOnLeaving, WorkspaceRemoval,
};

/// Addresses that parse: plain, tagged, dotted, in other scripts, with international domains.
pub fn addresses() -> impl Strategy<Value = EmailAddress> {
    let local = prop_oneof![
        6 => "[a-z][a-z0-9]{0,11}",
        2 => "[a-z]{1,6}[.][a-z]{1,6}",
        1 => "[a-z]{1,6}[+][a-z0-9]{1,6}",
        1 => "[A-Z][a-zA-Z]{0,8}",
        1 => select(vec!["δοκιμή", "用户", "почта", "josé", "o'neill", "nguyễn"])
            .prop_map(str::to_owned),
    ];
    let domain = select(vec![
        "acme.example",
        "mail.acme.example",
        "rival.example",
        "bücher.example",
        "例え.テスト",
        "xn--bcher-kva.example",
    ]);
    (local, domain).prop_filter_map("an address", |(local, domain)| {
        EmailAddress::new(format!("{local}@{domain}")).ok()
    })
}

/// One mailbox, spelled twice: whoever owns one spelling owns the other.
pub fn same_mailbox_twice() -> impl Strategy<Value = (EmailAddress, EmailAddress)> {
    (addresses(), any::<u64>(), any::<bool>()).prop_filter_map(
        "a second spelling",
        |(address, bits, upper_domain)| {
            let (local, domain) = address.as_str().rsplit_once('@')?;
            let turn = |(n, c): (usize, char)| {
                if bits >> (n % 64) & 1 == 1 && c.is_ascii() { c.to_ascii_uppercase() } else { c }
            };
            let local: String = local.chars().enumerate().map(turn).collect();
            let domain = if upper_domain { domain.to_ascii_uppercase() } else { domain.to_owned() };
            let other = EmailAddress::new(format!("{local}@{domain}")).ok()?;
            Some((address, other))
        },
    )
}

/// What people type into a field for an address and what is none, or not only one.
pub fn not_addresses() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![
            "",
            " ",
            "@",
            "a@",
            "@b.example",
            "a@b",
            "a b@c.example",
            "a@b.example,c@d.example",
            "a@b.example;c@d.example",
            "Ada <ada@acme.example>",
            "a@b.example\nBcc: c@d.example",
            "ad\u{131}@acme.example",
            "\u{212a}ate@acme.example",
            "ada@acme\u{3002}example",
            "ａda@acme.example",
            "ada\u{200b}@acme.example",
            "ada@[127.0.0.1]",
        ])
        .prop_map(str::to_owned),
        "[a-z]{250,300}@acme[.]example",
        "[^@]{0,40}",
    ]
}

/// Names of people: short, long, in several scripts, with marks that combine.
pub fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Z][a-z]{1,10}",
        2 => "[A-Z][a-z]{1,8} [A-Z][a-z]{1,12}",
        1 => select(vec!["José Núñez", "Иван Петров", "山田 太郎", "محمد", "Zoë", "D'Arcy", "İpek"])
            .prop_map(str::to_owned),
        1 => "[a-z]{100,120}",
    ]
}

/// Custom roles as an administrator may think of them, sensible or not.
pub fn roles() -> impl Strategy<Value = Role> {
    use super::cast::Desk;
    use crate::access::Management;
    let permissions = proptest::collection::btree_set(0..14_usize, 0..6);
    let reach = select(vec![Reach::OWN, Reach::TEAM, Reach::ALL]);
    let rank = prop_oneof![0..120_u16, select(vec![0, 40, 79, 80, 81, 99, 100, 101])];
    (0..6_u8, rank, permissions, reach, any::<[bool; 4]>()).prop_filter_map(
        "a role",
        |(number, rank, permissions, reach, [keeps, free, customer, assigns])| {
            let mut role = Role::new(&format!("custom-{number}"), rank).ok()?;
            for permission in permissions {
                let desk = <Desk as crate::Permission>::ALL.get(permission).copied();
                let managing = [
                    Management::Billing,
                    Management::ChangeRoles,
                    Management::Invite,
                    Management::ManageRoles,
                    Management::OfferOwnership,
                ];
                role = match (desk, managing.get(permission.saturating_sub(9))) {
                    (Some(desk), _) => role.with(desk, reach.clone()),
                    (None, Some(managing)) => role.with(*managing, reach.clone()),
                    (None, None) => role,
                };
            }
            role.keeps_organization = keeps && rank % 8 == 1;
            if free {
                role = role.free();
            }
            if customer {
                role = role.customer();
            }
            if assigns {
                role = role.assigns(["agent", "customer"]).ok()?;
            }
            Some(role)
        },
    )
}

/// What hosts choose where products differ; every choice is met.
pub fn rules() -> impl Strategy<Value = Rules> {
    let customer = "customer".parse().ok();
    let joining = prop_oneof![
        Just(Joining::InvitationOnly),
        Just(customer.map_or(Joining::InvitationOnly, |role| Joining::Open { role })),
    ];
    let going = (
        select(vec![Removal::Either, Removal::Reversible, Removal::Irreversible]),
        select(vec![WorkOnLeaving::Either, WorkOnLeaving::Unassign]),
        select(vec![Oneself::MayLeave, Oneself::Forbidden]),
        select(vec![Authorship::Kept, Authorship::MovesToSuccessor]),
        select(vec![WorkspaceRemoval::WorkspaceOnly, WorkspaceRemoval::Everywhere]),
        select(vec![LastOwner::Refused, LastOwner::ClosesOrganization]),
    );
    let coming = (
        select(vec![SeatUse::Active, SeatUse::ActiveAndPending, SeatUse::Everyone]),
        select(vec![SeatsFull::Refuse, SeatsFull::Grow]),
        select(vec![Activation::OnAccepting, Activation::AfterPassword]),
        select(vec![Equals::OnlyAbove, Equals::ManageEquals]),
        1..60_u16,
        any::<bool>(),
    );
    (going, coming, joining).prop_map(|(going, coming, joining)| Rules {
        removal: going.0,
        work_on_leaving: going.1,
        oneself: going.2,
        authorship: going.3,
        workspace_removal: going.4,
        last_owner: going.5,
        seats: coming.0,
        seats_full: coming.1,
        activation: coming.2,
        equals: coming.3,
        invitation_lifetime: Span::days(coming.4),
        longest_grant: Span::days(coming.4),
        edit_pending: coming.5,
        joining,
        ..Rules::default()
    })
}

/// The choices that a story of the [model](super::model) is about.
pub fn choices() -> impl Strategy<Value = Choices> {
    (
        select(vec![SeatUse::Active, SeatUse::ActiveAndPending, SeatUse::Everyone]),
        prop_oneof![3 => Just(SeatsFull::Refuse), 1 => Just(SeatsFull::Grow)],
        select(vec![Equals::ManageEquals, Equals::OnlyAbove]),
        prop_oneof![5 => Just(Oneself::MayLeave), 1 => Just(Oneself::Forbidden)],
        prop_oneof![
            6 => Just(Removal::Either),
            1 => Just(Removal::Reversible),
            1 => Just(Removal::Irreversible),
        ],
        prop_oneof![1 => Just(None), 2 => (2..7_u32).prop_map(Some)],
    )
        .prop_map(|(seats, full, equals, oneself, removal, limit)| Choices {
            seats,
            full,
            equals,
            oneself,
            removal,
            limit,
        })
}

/// Who of a story has a user before being invited.
pub fn users() -> impl Strategy<Value = BTreeSet<Who>> {
    proptest::collection::btree_set((4..NAMES.len()).prop_map(Who), 0..3)
}

fn anybody() -> impl Strategy<Value = Who> {
    prop_oneof![1 => Just(Who(0)), 8 => (1..NAMES.len()).prop_map(Who)]
}

/// Mostly those who may something.
fn somebody_who_acts() -> impl Strategy<Value = Who> {
    prop_oneof![5 => Just(Who(0)), 4 => Just(Who(1)), 2 => anybody()]
}

fn jobs() -> impl Strategy<Value = Job> {
    prop_oneof![
        1 => Just(Job::Owner),
        2 => Just(Job::Admin),
        3 => Just(Job::Agent),
        1 => Just(Job::Viewer),
        2 => Just(Job::Customer),
    ]
}

/// One step of a story.
pub fn step() -> impl Strategy<Value = Step> {
    use Action as A;
    let crew = || (0..TEAMS.len()).prop_map(Crew);
    let managing = prop_oneof![
        5 => (anybody(), jobs()).prop_map(|(it, job)| A::Invites(it, job)),
        2 => anybody().prop_map(A::SendsAgain),
        1 => anybody().prop_map(A::TakesBack),
        3 => (anybody(), jobs()).prop_map(|(it, job)| A::Makes(it, job)),
        3 => anybody().prop_map(A::Deactivates),
        1 => anybody().prop_map(A::Blocks),
        1 => anybody().prop_map(A::Unblocks),
        3 => anybody().prop_map(A::Reactivates),
        2 => anybody().prop_map(A::Removes),
        1 => anybody().prop_map(A::SignsOut),
        1 => crew().prop_map(A::FoundsTeam),
        1 => crew().prop_map(A::DeletesTeam),
        3 => (anybody(), jobs()).prop_map(|(it, job)| A::Lends(it, job)),
        1 => anybody().prop_map(A::LendsLonger),
        1 => anybody().prop_map(A::TakesBackWhatIsLentTo),
        2 => (anybody(), crew()).prop_map(|(it, team)| A::PutsInto(it, team)),
        1 => (anybody(), crew()).prop_map(|(it, team)| A::TakesOutOf(it, team)),
        1 => anybody().prop_map(A::OffersOwnership),
        1 => anybody().prop_map(A::HandsOwnershipTo),
        1 => (0..8_u32).prop_map(A::LimitsSeatsTo),
        1 => Just(A::LiftsTheSeatLimit),
    ];
    let for_oneself = prop_oneof![
        4 => Just(A::AcceptsByNewestLink),
        1 => Just(A::AcceptsByFirstLink),
        1 => Just(A::DeclinesByNewestLink),
        1 => Just(A::Leaves),
        2 => Just(A::AcceptsOwnership),
        1 => Just(A::DeclinesOwnership),
        1 => anybody().prop_map(A::AcceptsTheInvitationOf),
        1 => anybody().prop_map(A::DeclinesTheInvitationOf),
    ];
    let who_and_action = prop_oneof![
        6 => (somebody_who_acts(), managing),
        2 => (anybody(), for_oneself),
        1 => Just((Who(0), A::SeesThePostmanCome)),
    ];
    let hours = prop_oneof![
        40 => Just(0_i16),
        3 => 1..30_i16,
        1 => 100..200_i16,
        1 => -40..0_i16,
        1 => select(vec![167_i16, 168, -168]),
    ];
    (who_and_action, hours).prop_map(|((who, action), hours)| Step { who, action, hours })
}

/// A few steps that go together: one alone is often refused.
fn scene() -> impl Strategy<Value = Vec<Step>> {
    use Action as A;
    let scene = |steps: Vec<(Who, A)>| -> Vec<Step> {
        steps.into_iter().map(|(who, action)| Step { who, action, hours: 0 }).collect()
    };
    let (olivia, postman) = (Who(0), (Who(0), A::SeesThePostmanCome));
    let two = || (somebody_who_acts(), anybody());
    let joins = (two(), jobs()).prop_map(move |((who, it), job)| {
        vec![(who, A::Invites(it, job)), postman, (it, A::AcceptsByNewestLink)]
    });
    let joins_signed_in = (two(), jobs()).prop_map(move |((who, it), job)| {
        vec![(who, A::Invites(it, job)), (it, A::AcceptsTheInvitationOf(it))]
    });
    let declines = (two(), jobs(), any::<bool>()).prop_map(move |((who, it), job, signed_in)| {
        let link = A::DeclinesByNewestLink;
        let declines = if signed_in { A::DeclinesTheInvitationOf(it) } else { link };
        vec![(who, A::Invites(it, job)), postman, (it, declines)]
    });
    let follows_an_old_link = (two(), jobs()).prop_map(move |((who, it), job)| {
        let first = (it, A::AcceptsByFirstLink);
        vec![(who, A::Invites(it, job)), postman, (who, A::SendsAgain(it)), first]
    });
    let is_sent_again = two().prop_map(move |(who, it)| {
        vec![(who, A::SendsAgain(it)), postman, (it, A::AcceptsByNewestLink)]
    });
    let inviter_falls = (anybody(), anybody(), jobs()).prop_map(move |(who, it, job)| {
        let falls = (olivia, A::Makes(who, Job::Agent));
        vec![(who, A::Invites(it, job)), postman, falls, (it, A::AcceptsByNewestLink)]
    });
    let returns =
        two().prop_map(|(who, it)| vec![(who, A::Deactivates(it)), (who, A::Reactivates(it))]);
    let is_kept_out = (two(), any::<bool>(), jobs()).prop_map(|((who, it), leaves, job)| {
        let goes = if leaves { (it, A::Leaves) } else { (who, A::Removes(it)) };
        vec![(who, A::Blocks(it)), goes, (who, A::Invites(it, job)), (who, A::Unblocks(it))]
    });
    let owns = (anybody(), any::<bool>()).prop_map(move |(it, exchange)| {
        let offers = if exchange { A::HandsOwnershipTo(it) } else { A::OffersOwnership(it) };
        vec![(olivia, offers), (it, A::AcceptsOwnership)]
    });
    let lent = (two(), anybody(), jobs(), 0..30_i16);
    let borrows = lent.prop_map(move |((who, it), other, job, hours)| {
        let lends = Step { who: olivia, action: A::Lends(it, Job::Admin), hours: 0 };
        let invites = Step { who: it, action: A::Invites(other, job), hours };
        let falls = Step { who, action: A::Deactivates(it), hours: 0 };
        vec![lends, invites, falls]
    });
    let is_lent_longer =
        (two(), jobs(), 0..30_i16, any::<bool>()).prop_map(|((who, it), job, hours, ends)| {
            let lends = Step { who, action: A::Lends(it, job), hours: 0 };
            let longer = Step { who, action: A::LendsLonger(it), hours };
            let back = Step { who, action: A::TakesBackWhatIsLentTo(it), hours: 0 };
            if ends { vec![lends, longer, back] } else { vec![lends, longer] }
        });
    let crew = (two(), (0..TEAMS.len()).prop_map(Crew)).prop_map(|((who, it), team)| {
        vec![(who, A::FoundsTeam(team)), (who, A::PutsInto(it, team))]
    });
    let runs_out = (two(), jobs()).prop_map(|((who, it), job)| vec![(who, A::Invites(it, job))]);
    prop_oneof![
        24 => step().prop_map(|step| vec![step]),
        3 => joins.prop_map(scene),
        2 => joins_signed_in.prop_map(scene),
        1 => declines.prop_map(scene),
        1 => follows_an_old_link.prop_map(scene),
        2 => is_sent_again.prop_map(scene),
        1 => inviter_falls.prop_map(scene),
        2 => returns.prop_map(scene),
        1 => is_kept_out.prop_map(scene),
        2 => owns.prop_map(scene),
        1 => crew.prop_map(scene),
        2 => borrows,
        1 => is_lent_longer,
        1 => (runs_out.prop_map(scene), step()).prop_map(|(mut scene, step)| {
            scene.push(Step { hours: 169, ..step });
            scene
        }),
    ]
}

/// How every story begins: Ada, Bob and Carl are invited, and come if there are seats.
pub fn beginning() -> Vec<Step> {
    let step = |who, action| Step { who: Who(who), action, hours: 0 };
    vec![
        step(0, Action::Invites(Who(1), Job::Admin)),
        step(0, Action::Invites(Who(2), Job::Agent)),
        step(0, Action::Invites(Who(3), Job::Customer)),
        step(0, Action::SeesThePostmanCome),
        step(1, Action::AcceptsByNewestLink),
        step(2, Action::AcceptsByNewestLink),
        step(3, Action::AcceptsByNewestLink),
    ]
}

/// A story of this many scenes, each of one step or a few, behind the [beginning].
pub fn stories(
    scenes: impl Into<proptest::collection::SizeRange>,
) -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(scene(), scenes).prop_map(|scenes| scenes.concat())
}
