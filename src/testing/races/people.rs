//! I3, I4, I6 and I7: one person once, one link once, and nobody in who is out.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::commands::{
    AcceptInvitation, ChangeTeamMembers, ChangeTeamsOf, CreateRole, CreateTeam, Deactivate,
    DeleteRole, DeleteTeam, Invite, Reactivate, RegisterUser, ResendInvitation, RevokeInvitation,
    VerifyEmail, WorkOnReturn,
};
use crate::domain::{
    Claim, DeactivatedBecause, EmailAddress, Need, Realm, Refusal, Role, StatusName, Thing, UserId,
};
use crate::ports::Find;
use crate::testing::cast::Company;
use crate::{Error, SessionStamp};

use super::arena::Arena;

/// One mailbox, as different people type it.
fn spelled(name: &str, n: usize) -> EmailAddress {
    let text = match n % 5 {
        0 => format!("{name}@acme.example"),
        1 => format!("{}@acme.example", name.to_uppercase()),
        2 => format!("{name}@ACME.example"),
        3 => format!("{}@Acme.EXAMPLE", name.to_uppercase()),
        _ => format!(" {name}@acme.Example "),
    };
    text.parse().unwrap()
}

fn deactivates(a: &Arena, membership: crate::domain::MembershipId) -> Deactivate {
    let because = DeactivatedBecause::Left;
    Deactivate { scope: a.organization.into(), membership, because, handover: None }
}

pub(super) async fn one_address_is_invited_ten_times(a: &mut Arena, round: u32) {
    let name = format!("p{round}");
    let invite = |n| Invite::new(a.organization, spelled(&name, n), "agent".parse().unwrap());
    let asks = |n| a.asks(n, a.user(["olivia", "ada", "amir"][n / 2 % 3]), invite(n));
    let refusals = a.winners(&a.command((0..10).map(asks).collect()).await, 1);
    let here = |it: &Refusal| *it == Refusal::AlreadyMember(StatusName::Invited);
    a.holds(refusals.iter().all(here), &format!("losers are told {refusals:?}"));
    let claim =
        Claim::MembershipEmail(a.organization.into(), spelled(&name, 0).canonical().clone());
    let holder = a.state(vec![Need::Holder(claim.clone())]).await.holder(&claim);
    a.clear(a.user("olivia"), &[holder.unwrap().into()]).await;
}

pub(super) async fn an_invitation_is_accepted_and_revoked(a: &mut Arena, round: u32) {
    let name = format!("p{round}");
    let it = a.invites(a.user("olivia"), &name, "agent").await;
    let (organization, invitation) = (a.organization, it.invitation);
    let contenders = vec![
        a.asks(0, a.link(&name).await, AcceptInvitation::new(organization, invitation)),
        a.asks(1, a.user("ada"), RevokeInvitation { scope: organization.into(), invitation }),
    ];
    let answers = a.command(contenders).await;
    let refusals = a.winners(&answers, 1);
    let closed = matches!(refusals[..], [Refusal::InvitationClosed(_)]);
    a.holds(closed, &format!("the loser is told {refusals:?}"));
    let left = if answers[0].is_ok() { StatusName::Active } else { StatusName::Removed };
    a.holds(a.status(it.membership).await == left, "the winner's answer is not what is left");
    a.clear(a.user("olivia"), &[it.membership]).await;
}

pub(super) async fn an_invitation_is_accepted_twice(a: &mut Arena, round: u32) {
    let name = format!("p{round}");
    let it = a.invites(a.user("olivia"), &name, "agent").await;
    let link = a.link(&name).await;
    let accept = || AcceptInvitation::new(a.organization, it.invitation);
    let asks = |n| a.asks(n, link.clone(), accept());
    let refusals = a.winners(&a.command((0..4).map(asks).collect()).await, 1);
    let known = |it: &Refusal| matches!(it, Refusal::InvitationClosed(_) | Refusal::Taken(_));
    a.holds(refusals.iter().all(known), &format!("losers are told {refusals:?}"));
    a.clear(a.user("olivia"), &[it.membership]).await;
}

pub(super) async fn an_invitation_is_accepted_and_sent_again(a: &mut Arena, round: u32) {
    let name = format!("p{round}");
    let it = a.invites(a.user("olivia"), &name, "agent").await;
    let (organization, invitation) = (a.organization, it.invitation);
    let old = a.link(&name).await;
    let contenders = vec![
        a.asks(0, old.clone(), AcceptInvitation::new(organization, invitation)),
        a.asks(1, a.user("ada"), ResendInvitation { scope: organization.into(), invitation }),
    ];
    let answers = a.command(contenders).await;
    let refusals = a.winners(&answers, 1);
    let told = if answers[0].is_ok() {
        matches!(refusals[..], [Refusal::InvitationClosed(_)])
    } else {
        refusals == [Refusal::Superseded]
    };
    a.holds(told, &format!("the loser is told {refusals:?}"));
    a.company.directory.maintain().await.unwrap();
    let letters = a.company.postbox.take().len();
    a.holds(letters == usize::from(answers[1].is_ok()), "only an open invitation is sent again");
    a.clear(a.user("olivia"), &[it.membership]).await;
}

pub(super) async fn the_inviter_is_deactivated_while_somebody_accepts(a: &mut Arena, round: u32) {
    let name = format!("p{round}");
    let it = a.invites(a.user("ada"), &name, "agent").await;
    let accept = AcceptInvitation::new(a.organization, it.invitation);
    let contenders = vec![
        a.asks(0, a.link(&name).await, accept),
        a.asks(1, a.user("olivia"), deactivates(a, a.membership("ada"))),
        a.asks(2, a.user("amir"), deactivates(a, it.membership)),
    ];
    let answers = a.command(contenders).await;
    a.holds(answers[1].is_ok(), "nothing stood against deactivating the inviter");
    let left = match (answers[0].is_ok(), answers[2].is_ok()) {
        (true, true) => StatusName::Deactivated,
        (true, false) => StatusName::Active,
        (false, _) => StatusName::Removed,
    };
    let status = a.status(it.membership).await;
    a.holds(status == left, &format!("{answers:?} leave somebody {status}"));
    let (scope, membership) = (a.organization.into(), a.membership("ada"));
    a.does(a.user("olivia"), Reactivate { scope, membership, work: WorkOnReturn::StaysWhereItIs })
        .await;
    a.clear(a.user("olivia"), &[it.membership]).await;
}

pub(super) async fn one_address_is_claimed_in_several_spellings(a: &mut Arena, round: u32) {
    let name = format!("p{round}");
    let users: Vec<UserId> = (0..5).map(|_| a.company.directory.new_id()).collect();
    let register = |n: usize| RegisterUser::verified(users[n], Realm::Shared, spelled(&name, n));
    let mut contenders = Vec::new();
    for (n, user) in users.iter().copied().enumerate() {
        if n < 2 {
            // Attack 02: registered before, and not proved.
            let unproved = RegisterUser { email_is_verified: false, ..register(n) };
            a.does(crate::Principal::System, unproved).await;
            let (realm, email) = (Realm::Shared, spelled(&name, n));
            let verify = VerifyEmail { user, realm, email };
            contenders.push(a.asks(n, crate::Principal::System, verify));
        } else {
            contenders.push(a.asks(n, crate::Principal::System, register(n)));
        }
    }
    let answers = a.contend(contenders).await;
    a.are_answers(&answers);
    let refusals = a.winners(&answers, 1);
    let taken = |it: &Refusal| *it == Refusal::Taken("address");
    a.holds(refusals.iter().all(taken), &format!("losers are told {refusals:?}"));
    let winner = answers.iter().position(Result::is_ok).unwrap();
    let email = Company::email(&name);
    let found = a.company.directory.user_by_email(Realm::Shared, &email).await.unwrap();
    a.holds(found.map(|it| it.id) == Some(users[winner]), "the address is not the winner's");
}

pub(super) async fn somebody_is_deactivated_while_signing_in(a: &mut Arena, _: u32) {
    type SignIn = Result<Option<SessionStamp>, Error>;
    let (organization, bob) = (a.organization, a.user("bob"));
    let mut contenders: Vec<BoxFuture<'static, SignIn>> = Vec::new();
    for house in a.houses.clone() {
        contenders
            .push(async move { house.open_session(bob, organization).await.map(Some) }.boxed());
    }
    let leaves = a.asks(1, a.user("olivia"), deactivates(a, a.membership("bob")));
    contenders.push(async move { leaves.await.map(|()| None) }.boxed());
    let answers = a.contend(contenders).await;
    let gone = a.status(a.membership("bob")).await == StatusName::Deactivated;
    a.holds(gone && answers[3].is_ok(), "nothing stood against the deactivation");
    let (scope, membership) = (organization.into(), a.membership("bob"));
    for returned in [false, true] {
        for answer in &answers {
            match answer {
                Ok(None) => {}
                Ok(Some(stamp)) => {
                    let holds = a.houses[2].session_holds(stamp).await.unwrap();
                    a.holds(!holds, "I7: a session outlives its membership");
                }
                Err(error) => {
                    let absent = Refusal::NotFound(Thing::Organization);
                    a.holds(error.refusal() == Some(&absent), &format!("bob is told {error}"));
                }
            }
        }
        if !returned {
            a.does(
                a.user("olivia"),
                Reactivate { scope, membership, work: WorkOnReturn::StaysWhereItIs },
            )
            .await;
        }
    }
}

pub(super) async fn a_team_is_deleted_while_people_join_it(a: &mut Arena, round: u32) {
    let organization = a.organization;
    let team = CreateTeam {
        organization,
        name: "Nights".parse().unwrap(),
        description: None,
        members: Vec::new(),
    };
    let team = a.does(a.user("olivia"), team).await;
    let name = format!("p{round}");
    let invite = Invite::new(organization, Company::email(&name), "agent".parse().unwrap());
    let join = vec![a.membership("bob")];
    let contenders = vec![
        a.asks(0, a.user("olivia"), DeleteTeam { organization, team }),
        a.asks(
            1,
            a.user("ada"),
            ChangeTeamMembers { organization, team, join, leave: Vec::new(), handover: None },
        ),
        a.asks(
            2,
            a.user("amir"),
            ChangeTeamsOf {
                organization,
                membership: a.membership("berta"),
                join: vec![team],
                leave: Vec::new(),
                handover: None,
            },
        ),
        a.asks(1, a.user("amir"), invite.into_team(team)),
    ];
    let answers = a.command(contenders).await;
    a.holds(answers[0].is_ok(), "nothing stood against the deletion");
    for refusal in answers.iter().filter_map(|it| it.as_ref().err().and_then(Error::refusal)) {
        let absent = *refusal == Refusal::NotFound(Thing::Team);
        a.holds(absent, &format!("whoever joins too late is told {refusal}"));
    }
    let teams = a.find(Find::Teams { organization, after: None, limit: 10 }).await;
    a.holds(teams.is_empty(), "a deleted team is listed");
    let claim =
        Claim::MembershipEmail(organization.into(), Company::email(&name).canonical().clone());
    let holder = a.state(vec![Need::Holder(claim.clone())]).await.holder(&claim);
    a.holds(holder.is_some() == answers[3].is_ok(), "the invitation's answer is not what is left");
    if let Some(holder) = holder {
        a.clear(a.user("olivia"), &[holder.into()]).await;
    }
}

pub(super) async fn a_role_is_deleted_while_it_is_given(a: &mut Arena, round: u32) {
    let organization = a.organization;
    let name = format!("p{round}");
    let role = Role::new("night-watch", 10).unwrap();
    let role = a.does(a.user("olivia"), CreateRole { organization, role }).await;
    let invite = Invite::new(organization, Company::email(&name), role.clone());
    let contenders = vec![
        a.asks(0, a.user("olivia"), DeleteRole { organization, role: role.clone() }),
        a.asks(1, a.user("olivia"), a.makes("bob", "night-watch")),
        a.asks(2, a.user("olivia"), invite),
    ];
    let answers = a.command(contenders).await;
    let won = [answers[0].is_ok(), answers[1].is_ok(), answers[2].is_ok()];
    a.holds(
        won == [true, false, false] || won == [false, true, true],
        &format!("the role is gone, or held: {answers:?}"),
    );
    if answers[1].is_ok() {
        a.does(a.user("olivia"), a.makes("bob", "agent")).await;
        let email = Company::email(&name);
        let claim = Claim::MembershipEmail(organization.into(), email.canonical().clone());
        let holder = a.state(vec![Need::Holder(claim.clone())]).await.holder(&claim);
        a.clear(a.user("olivia"), &[holder.unwrap().into()]).await;
        a.does(a.user("olivia"), DeleteRole { organization, role }).await;
    }
}
