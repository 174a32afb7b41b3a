//! Roles, lent and given while they change.

use tenure::commands::{CreateRole, DeleteRole, GiveGrant};
use tenure::domain::{Lasting, Refusal, Role, Span, Thing};

use crate::stage::{Stage, asks};
use crate::tally::{After, Tally, holds};

fn lends_bob(stage: &Stage) -> GiveGrant {
    let (lasting, reason) = (Lasting::For(Span::hours(1)), "a holiday".parse().unwrap());
    let role = "admin".parse().unwrap();
    GiveGrant::role(stage.organization, stage.membership("bob"), role, lasting, reason)
}

pub(super) async fn a_role_is_lent_while_its_holder_is_demoted(stage: &Stage) -> Tally {
    let parties = [
        asks(stage.user("ada"), lends_bob(stage)),
        asks(stage.user("olivia"), stage.makes("bob", "viewer")),
    ];
    let look = async |after: &After<'_, ()>| {
        holds(after.won(1), "nothing stood against the demotion")?;
        if let Some(told) = after.refusal(0) {
            let told_why = matches!(told, Refusal::RuleForbids { rule: "I2", .. });
            holds(told_why, format!("whoever lends too late is told {told}"))?;
        }
        let bob = after.stage.member(after.stage.membership("bob")).await;
        holds(bob.role.as_str() == "viewer", format!("bob was demoted, and is {}", bob.role))?;
        holds(bob.grants.is_empty(), "more is lent to somebody who may not have it")
    };
    stage.commands(parties, look).await
}

pub(super) async fn a_role_is_lent_while_its_giver_is_demoted(stage: &Stage) -> Tally {
    let parties = [
        asks(stage.user("ada"), lends_bob(stage)),
        asks(stage.user("olivia"), stage.makes("ada", "agent")),
    ];
    let look = async |after: &After<'_, ()>| {
        holds(after.won(1), "nothing stood against the demotion")?;
        let Some(told) = after.refusal(0) else {
            return holds(after.committed == [0, 1], "somebody lends what they have no more");
        };
        let told_why = matches!(told, Refusal::MissingPermission(_));
        holds(told_why, format!("whoever lends too late is told {told}"))
    };
    stage.commands(parties, look).await
}

pub(super) async fn a_role_is_deleted_while_it_is_given(stage: &Stage) -> Tally {
    let organization = stage.organization;
    let role = Role::new("night-watch", 10).unwrap();
    let role = stage.does(stage.user("olivia"), CreateRole { organization, role }).await;
    let parties = [
        asks(stage.user("olivia"), DeleteRole { organization, role }),
        asks(stage.user("olivia"), stage.makes("bob", "night-watch")),
    ];
    let look = async |after: &After<'_, ()>| {
        let told = after.one_won()?;
        let known = if after.won(0) {
            *told == Refusal::NotFound(Thing::Role)
        } else {
            matches!(told, Refusal::RoleInUse { .. })
        };
        holds(known, format!("the loser is told {told}"))
    };
    stage.commands(parties, look).await
}
