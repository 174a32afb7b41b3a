//! I1: somebody keeps the organization, whoever goes at once.

use tenure::commands::{AcceptOwnership, Leave, RemoveMember};
use tenure::domain::{Refusal, RemovedBecause, StatusName};

use crate::stage::{Stage, asks};
use crate::tally::{After, Tally, holds};

pub(super) async fn two_owners_demote_each_other(stage: &Stage) -> Tally {
    stage.two_owners().await;
    let parties = [
        asks(stage.user("olivia"), stage.makes("ada", "admin")),
        asks(stage.user("ada"), stage.makes("olivia", "admin")),
    ];
    let look = async |after: &After<'_, ()>| {
        let told = after.one_won()?;
        let outranked = matches!(told, Refusal::Outranked { .. });
        holds(outranked, format!("the loser is an admin now, and is told {told}"))
    };
    stage.commands(parties, look).await
}

pub(super) async fn two_owners_leave_together(stage: &Stage) -> Tally {
    stage.two_owners().await;
    let leaves = |name: &str| Leave {
        scope: stage.organization.into(),
        membership: stage.membership(name),
        because: RemovedBecause::Left,
        handover: None,
    };
    let parties = ["olivia", "ada"].map(|name| asks(stage.user(name), leaves(name)));
    let look = async |after: &After<'_, ()>| {
        let told = after.one_won()?;
        holds(*told == Refusal::LastOwner, format!("the loser is told {told}"))
    };
    stage.commands(parties, look).await
}

pub(super) async fn ownership_is_accepted_while_whoever_offered_it_is_removed(
    stage: &Stage,
) -> Tally {
    stage.two_owners().await;
    stage.offers("bob").await;
    let organization = stage.organization;
    let membership = stage.membership("olivia");
    let removes = RemoveMember { scope: organization.into(), membership, handover: None };
    let parties = [
        asks(stage.user("bob"), AcceptOwnership { organization }),
        asks(stage.user("ada"), removes),
    ];
    let look = async |after: &After<'_, ()>| {
        holds(after.won(1), "nothing stood against the removal")?;
        let status = after.stage.status(membership).await;
        holds(status == StatusName::Removed, format!("whoever was removed is {status}"))?;
        if let Some(told) = after.refusal(0) {
            return holds(*told == Refusal::OfferVoid, format!("bob is told {told}"));
        }
        holds(after.committed == [0, 1], "an offer counts after whoever made it has gone")?;
        let role = after.stage.member(after.stage.membership("bob")).await.role;
        holds(role.as_str() == "owner", format!("bob was told that he owns it, and is {role}"))
    };
    stage.commands(parties, look).await
}
