//! More for a while, and duties kept apart: whoever is first counts, and the other is told.

use crate::commands::{
    ChangeRules, CreateRole, DeleteRole, GiveGrant, OverridePermission, RevokeGrant,
};
use crate::domain::{Lasting, Override, Reach, Refusal, Role, Rules, Separation, Span, Thing};
use crate::testing::cast::Desk;

use super::arena::Arena;

fn lends(a: &Arena, name: &str, role: &str) -> GiveGrant {
    let (lasting, reason) = (Lasting::For(Span::hours(1)), "a holiday".parse().unwrap());
    GiveGrant::role(a.organization, a.membership(name), role.parse().unwrap(), lasting, reason)
}

/// What is lent to somebody is taken back; how much that was.
async fn takes_back(a: &Arena, name: &str) -> usize {
    let (scope, membership) = (a.organization.into(), a.membership(name));
    let grants = a.member(membership).await.grants;
    for grant in grants.keys().copied() {
        a.does(a.user("olivia"), RevokeGrant { scope, membership, grant }).await;
    }
    grants.len()
}

pub(super) async fn a_role_is_lent_while_its_giver_or_its_holder_is_demoted(
    a: &mut Arena,
    round: u32,
) {
    let holder_falls = round.is_multiple_of(2);
    let (falls, to) = if holder_falls { ("bob", "viewer") } else { ("ada", "agent") };
    let contenders = vec![
        a.asks(0, a.user("ada"), lends(a, "bob", "admin")),
        a.asks(1, a.user("olivia"), a.makes(falls, to)),
        a.asks(2, a.user("amir"), lends(a, "berta", "viewer")),
    ];
    let answers = a.command(contenders).await;
    a.holds(answers[1].is_ok(), "nothing stood against the demotion");
    a.holds(answers[2].is_ok(), "what is lent to Berta has nothing to do with it");
    if let Some(refusal) = answers[0].as_ref().err().and_then(crate::Error::refusal) {
        let told = if holder_falls {
            matches!(refusal, Refusal::RuleForbids { rule: "I2", .. })
        } else {
            matches!(refusal, Refusal::MissingPermission(_))
        };
        a.holds(told, &format!("whoever lends too late is told {refusal}"));
    }
    let lent = takes_back(a, "bob").await;
    let expected = usize::from(answers[0].is_ok() && !holder_falls);
    a.holds(lent == expected, &format!("{lent} roles are lent to bob, and {expected} may be"));
    takes_back(a, "berta").await;
    let was = if holder_falls { "agent" } else { "admin" };
    a.does(a.user("olivia"), a.makes(falls, was)).await;
}

pub(super) async fn a_role_is_deleted_while_it_is_lent(a: &mut Arena, _: u32) {
    let organization = a.organization;
    let role = Role::new("night-watch", 10).unwrap();
    let role = a.does(a.user("olivia"), CreateRole { organization, role }).await;
    let delete = || DeleteRole { organization, role: role.clone() };
    let contenders = vec![
        a.asks(0, a.user("olivia"), delete()),
        a.asks(1, a.user("olivia"), lends(a, "bob", "night-watch")),
    ];
    let answers = a.command(contenders).await;
    let refusals = a.winners(&answers, 1);
    let told = match &refusals[..] {
        [Refusal::RoleGranted { grants, .. }] => *grants == 1,
        [refusal] => *refusal == Refusal::NotFound(Thing::Role),
        _ => false,
    };
    a.holds(told, &format!("the loser is told {refusals:?}"));
    let lent = takes_back(a, "bob").await;
    a.holds(lent == usize::from(answers[1].is_ok()), "a role that is gone is lent");
    if answers[1].is_ok() {
        a.does(a.user("olivia"), delete()).await;
    }
}

/// Half the time the pair is kept apart before, and half the time that is one of the contenders.
pub(super) async fn two_duties_come_together_at_once(a: &mut Arena, round: u32) {
    let organization = a.organization;
    let before = a.state(Vec::new()).await.organization(organization).unwrap().rules.clone();
    let pair = Separation::Roles("viewer".parse().unwrap(), "customer".parse().unwrap());
    let keeps = ChangeRules {
        organization,
        rules: Rules { separation: vec![pair.clone()], ..before.clone() },
    };
    let already = round.is_multiple_of(2);
    let mut contenders = vec![a.asks(0, a.user("ada"), lends(a, "berta", "customer"))];
    if already {
        a.does(a.user("olivia"), keeps).await;
        contenders.push(a.asks(1, a.user("amir"), a.makes("berta", "viewer")));
    } else {
        a.does(a.user("olivia"), a.makes("berta", "viewer")).await;
        contenders.push(a.asks(1, a.user("olivia"), keeps));
    }
    // Others change something at the same time: whoever looks at everybody looks again.
    let (scope, membership) = (organization.into(), a.membership("bob"));
    let (permission, to) = (Desk::ViewAnalytics.into(), Some(Override::Raise(Reach::OWN)));
    let raises = OverridePermission { scope, membership, permission, to };
    contenders.push(a.asks(2, a.user("amir"), raises.clone()));
    let answers = a.command(contenders).await;
    let refusals = a.winners(&answers, 2);
    let who = Some(a.membership("berta"));
    let conflict = Refusal::DutiesConflict { pair, who };
    a.holds(refusals == [conflict], &format!("the loser is told {refusals:?}"));
    let lent = takes_back(a, "berta").await;
    a.holds(lent == usize::from(answers[0].is_ok()), "the answer is not what is left");
    a.does(a.user("olivia"), OverridePermission { to: None, ..raises }).await;
    let rules = a.state(Vec::new()).await.organization(organization).unwrap().rules.clone();
    if rules != before {
        a.does(a.user("olivia"), ChangeRules { organization, rules: before }).await;
    }
    if a.member(a.membership("berta")).await.role.as_str() != "agent" {
        a.does(a.user("olivia"), a.makes("berta", "agent")).await;
    }
}
