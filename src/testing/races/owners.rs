//! I1: somebody keeps the organization, whoever goes at once.

use crate::commands::{AcceptOwnership, Leave, OfferOwnership, RemoveMember};
use crate::domain::{Refusal, RemovedBecause, StatusName};

use super::arena::Arena;

pub(super) async fn two_owners_demote_each_other(a: &mut Arena, _: u32) {
    a.two_owners().await;
    let contenders = vec![
        a.asks(0, a.user("olivia"), a.makes("ada", "admin")),
        a.asks(1, a.user("ada"), a.makes("olivia", "admin")),
    ];
    let refusals = a.winners(&a.command(contenders).await, 1);
    let outranked = matches!(refusals[..], [Refusal::Outranked { .. }]);
    a.holds(outranked, &format!("the loser is an admin now, and is told {refusals:?}"));
}

pub(super) async fn two_owners_leave_together(a: &mut Arena, _: u32) {
    a.two_owners().await;
    let leaves = |name: &str| Leave {
        scope: a.organization.into(),
        membership: a.membership(name),
        because: RemovedBecause::Left,
        handover: None,
    };
    let contenders = vec![
        a.asks(0, a.user("olivia"), leaves("olivia")),
        a.asks(1, a.user("ada"), leaves("ada")),
    ];
    let answers = a.command(contenders).await;
    let refusals = a.winners(&answers, 1);
    a.holds(refusals == [Refusal::LastOwner], &format!("the loser is told {refusals:?}"));
    let (gone, stays) = if answers[0].is_ok() { ("olivia", "ada") } else { ("ada", "olivia") };
    let by = a.user(stays);
    a.returns(by, gone, "owner").await;
}

pub(super) async fn ownership_is_accepted_while_whoever_offered_it_is_removed(
    a: &mut Arena,
    round: u32,
) {
    a.two_owners().await;
    let organization = a.organization;
    let offer = OfferOwnership {
        organization,
        membership: a.membership("bob"),
        role: "owner".parse().unwrap(),
        then_become: round.is_multiple_of(2).then(|| "agent".parse().unwrap()),
    };
    a.does(a.user("olivia"), offer).await;
    let removes = RemoveMember {
        scope: organization.into(),
        membership: a.membership("olivia"),
        handover: None,
    };
    let contenders = vec![
        a.asks(0, a.user("bob"), AcceptOwnership { organization }),
        a.asks(1, a.user("ada"), removes),
    ];
    let answers = a.command(contenders).await;
    a.holds(answers[1].is_ok(), "nothing stood against the removal");
    a.holds(a.status(a.membership("olivia")).await == StatusName::Removed, "she is still there");
    if let Err(error) = &answers[0] {
        a.holds(error.refusal() == Some(&Refusal::OfferVoid), &format!("bob is told {error}"));
    } else {
        a.does(a.user("ada"), a.makes("bob", "agent")).await;
    }
    let by = a.user("ada");
    a.returns(by, "olivia", "owner").await;
}
