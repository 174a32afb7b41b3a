//! I3, I4, I6 and I7: one person once, one link once, and nobody in who is out.

use futures_util::FutureExt as _;
use tenure::commands::{
    ChangeTeamMembers, CreateTeam, Deactivate, DeleteTeam, Invite, Reactivate, RegisterUser,
    ResendInvitation, RevokeInvitation, WorkOnReturn,
};
use tenure::domain::{
    Claim, DeactivatedBecause, EmailAddress, MembershipId, Need, Refusal, StatusName, Thing, UserId,
};
use tenure::ports::Find;
use tenure::testing::cast::Company;
use tenure::{Principal, Realm, SessionStamp};

use crate::gate::Steps;
use crate::stage::{Stage, asks, party};
use crate::tally::{After, Kind, Tally, holds};

fn deactivates(stage: &Stage, membership: MembershipId) -> Deactivate {
    Deactivate::new(stage.organization, membership, DeactivatedBecause::Left)
}

/// One mailbox, as two people type it.
fn spellings() -> [EmailAddress; 2] {
    ["nora@acme.example", "NORA@Acme.EXAMPLE"].map(|text| text.parse().unwrap())
}

pub(super) async fn an_invitation_is_accepted_twice(stage: &Stage) -> Tally {
    let invited = stage.invites("olivia", "nora").await;
    let link = stage.link("nora").await;
    let accept = tenure::commands::AcceptInvitation::new(stage.organization, invited.invitation);
    let parties = [(); 2].map(|()| asks(link.clone(), accept.clone()));
    let look = async |after: &After<'_, ()>| {
        let told = after.one_won()?;
        let known = matches!(told, Refusal::InvitationClosed(_) | Refusal::Taken(_));
        holds(known, format!("the loser is told {told}"))
    };
    stage.commands(parties, look).await
}

pub(super) async fn one_address_is_invited_twice(stage: &Stage) -> Tally {
    let [one, other] = spellings();
    let invite = |email| Invite::new(stage.organization, email, "agent".parse().unwrap());
    let parties = [asks(stage.user("olivia"), invite(one)), asks(stage.user("ada"), invite(other))];
    let look = async |after: &After<'_, ()>| {
        let told = after.one_won()?;
        let here = *told == Refusal::AlreadyMember(StatusName::Invited);
        holds(here, format!("the loser is told {told}"))
    };
    stage.commands(parties, look).await
}

pub(super) async fn one_address_is_claimed_in_two_spellings(stage: &Stage) -> Tally {
    let [one, other] = spellings();
    let users: [UserId; 2] = [stage.house().new_id(), stage.house().new_id()];
    let register = |n: usize, email| {
        asks(Principal::System, RegisterUser::verified(users[n], Realm::Shared, email))
    };
    let parties = [register(0, one), register(1, other)];
    let look = async |after: &After<'_, ()>| {
        let told = after.one_won()?;
        holds(*told == Refusal::Taken("address"), format!("the loser is told {told}"))?;
        let claim = Claim::Email(Realm::Shared, Company::email("nora").canonical().clone());
        let holder = after.stage.state(vec![Need::Holder(claim.clone())]).await.holder(&claim);
        let winner = users[usize::from(after.won(1))];
        holds(holder == Some(winner.uuid()), "the address is not the winner's")
    };
    stage.every_order(Kind::Serial, parties, look).await
}

pub(super) async fn an_invitation_is_accepted_and_revoked(stage: &Stage) -> Tally {
    let (accepts, it) = stage.accepts("olivia", "nora").await;
    let scope = stage.organization.into();
    let revoke = RevokeInvitation { scope, invitation: it.invitation };
    let look = async |after: &After<'_, ()>| {
        let told = after.one_won()?;
        let closed = matches!(told, Refusal::InvitationClosed(_));
        holds(closed, format!("the loser is told {told}"))?;
        let left = if after.won(0) { StatusName::Active } else { StatusName::Removed };
        let status = after.stage.status(it.membership).await;
        holds(status == left, format!("the invited person is {status}"))
    };
    stage.commands([accepts, asks(stage.user("ada"), revoke)], look).await
}

pub(super) async fn an_invitation_is_accepted_and_sent_again(stage: &Stage) -> Tally {
    let (accepts, it) = stage.accepts("olivia", "nora").await;
    let scope = stage.organization.into();
    let resend = ResendInvitation { scope, invitation: it.invitation };
    let look = async |after: &After<'_, ()>| {
        let told = after.one_won()?;
        let known = if after.won(0) {
            matches!(told, Refusal::InvitationClosed(_))
        } else {
            *told == Refusal::Superseded
        };
        holds(known, format!("the loser is told {told}"))
    };
    stage.commands([accepts, asks(stage.user("ada"), resend)], look).await
}

pub(super) async fn the_inviter_is_deactivated_while_somebody_accepts(stage: &Stage) -> Tally {
    let (accepts, it) = stage.accepts("ada", "nora").await;
    let leaves = deactivates(stage, stage.membership("ada"));
    let look = async |after: &After<'_, ()>| {
        holds(after.won(1), "nothing stood against deactivating the inviter")?;
        let left = if after.won(0) { StatusName::Active } else { StatusName::Removed };
        let status = after.stage.status(it.membership).await;
        holds(status == left, format!("{:?} leave somebody {status}", after.answers))?;
        let in_time = !after.won(0) || after.committed == [0, 1];
        holds(in_time, "a link works after whoever sent it is out")
    };
    stage.commands([accepts, asks(stage.user("olivia"), leaves)], look).await
}

pub(super) async fn somebody_is_deactivated_while_signing_in(stage: &Stage) -> Tally {
    let (organization, bob) = (stage.organization, stage.user("bob"));
    let membership = stage.membership("bob");
    let signs_in = party(Steps::Calls, move |seat| {
        async move { seat.directory.open_session(bob, organization).await.map(Some) }.boxed()
    });
    let leaves = asks(stage.user("olivia"), deactivates(stage, membership));
    let leaves = party(Steps::Calls, move |seat| {
        let leaving = (leaves.does)(seat);
        async move { leaving.await.map(|()| None::<SessionStamp>) }.boxed()
    });
    let look = async |after: &After<'_, Option<SessionStamp>>| {
        holds(after.won(1), "nothing stood against the deactivation")?;
        let stage = after.stage;
        let status = stage.status(membership).await;
        holds(status == StatusName::Deactivated, format!("whoever is out is {status}"))?;
        let Ok(stamp) = &after.answers[0] else {
            let absent = after.refusal(0) == Some(&Refusal::NotFound(Thing::Organization));
            return holds(absent, format!("bob is told {:?}", after.answers[0]));
        };
        let stamp = stamp.unwrap();
        let stands = stage.house().session_holds(&stamp).await.unwrap();
        holds(!stands, "I7: a session outlives its membership")?;
        let work = WorkOnReturn::StaysWhereItIs;
        let back = Reactivate { scope: organization.into(), membership, work };
        stage.house().execute(stage.company.principal("olivia"), back).await.unwrap();
        let stands = stage.house().session_holds(&stamp).await.unwrap();
        holds(!stands, "I7: a session comes back with its membership")
    };
    stage.every_order(Kind::Serial, [signs_in, leaves], look).await
}

pub(super) async fn a_team_is_deleted_while_somebody_joins_it(stage: &Stage) -> Tally {
    let organization = stage.organization;
    let team = CreateTeam {
        organization,
        name: "Nights".parse().unwrap(),
        description: None,
        members: Vec::new(),
    };
    let team = stage.does(stage.user("olivia"), team).await;
    let bob = stage.membership("bob");
    let (join, leave) = (vec![bob], Vec::new());
    let parties = [
        asks(stage.user("olivia"), DeleteTeam { organization, team }),
        asks(
            stage.user("ada"),
            ChangeTeamMembers { organization, team, join, leave, handover: None },
        ),
    ];
    let look = async |after: &After<'_, ()>| {
        holds(after.won(0), "nothing stood against the deletion")?;
        let teams = after.stage.find(Find::Teams { organization, after: None, limit: 10 }).await;
        holds(teams.is_empty(), "a deleted team is listed")?;
        let Some(told) = after.refusal(1) else {
            return holds(after.committed == [1, 0], "somebody joined a team that is gone");
        };
        let absent = *told == Refusal::NotFound(Thing::Team);
        holds(absent, format!("whoever joins too late is told {told}"))
    };
    stage.commands(parties, look).await
}
