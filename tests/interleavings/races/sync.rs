//! A directory announces somebody, or they are brought along, while they sign on for the first time.

use tenure::commands::{Adopt, AdoptAs, Arrive, LinkIdentity, Provision};
use tenure::domain::{
    EmailAddress, ExternalIdentity, Membership, Profile, Record, Refusal, StatusName, UserId,
};
use tenure::ports::{Find, PeopleFilter};
use tenure::testing::cast::{Company, register};
use tenure::{Principal, Realm};

use crate::stage::{Stage, asks};
use crate::tally::{After, Tally, holds};

fn identity() -> ExternalIdentity {
    ExternalIdentity { issuer: "acme-sso".parse().unwrap(), subject: "nora".parse().unwrap() }
}

/// Nora has a user with the identity, and will arrive with it.
async fn signs_on(stage: &Stage, email: &str) -> (UserId, Arrive) {
    let user = register(&stage.house(), email).await;
    let link = LinkIdentity { user, realm: Realm::Shared, identity: identity() };
    stage.does(Principal::System, link).await;
    let arrive = Arrive {
        organization: stage.organization,
        user,
        identity: identity(),
        profile: Profile::default(),
        email: Some(Company::email("nora")),
    };
    (user, arrive)
}

/// Nora is there once, and active.
async fn is_there_once(stage: &Stage, user: UserId) -> Result<(), String> {
    let (scope, filter) = (stage.organization.into(), PeopleFilter::default());
    let all = stage.find(Find::People { scope, filter, after: None, limit: 100 }).await;
    let is_nora = |it: &Membership| it.user == Some(user) || it.announced == Some(identity());
    let nora = all.into_iter().filter_map(|record| match record {
        Record::Membership(it) if is_nora(&it) => Some(it.status.name()),
        _ => None,
    });
    let nora: Vec<_> = nora.collect();
    holds(nora == [StatusName::Active], format!("nora is there as {nora:?}"))
}

pub(super) async fn somebody_is_announced_while_signing_on(stage: &Stage) -> Tally {
    is_announced(stage, Some(Company::email("nora"))).await
}

/// As above, by a directory that does not say the address.
pub(super) async fn somebody_is_announced_without_an_address_while_signing_on(
    stage: &Stage,
) -> Tally {
    is_announced(stage, None).await
}

async fn is_announced(stage: &Stage, email: Option<EmailAddress>) -> Tally {
    let (user, arrive) = signs_on(stage, "nora@elsewhere.example").await;
    let announce = Provision {
        organization: stage.organization,
        identity: identity(),
        email,
        role: "agent".parse().unwrap(),
        profile: Profile::default(),
        external_id: None,
    };
    let parties =
        [asks(stage.company.principal("provisioner"), announce), asks(Principal::System, arrive)];
    let look = async |after: &After<'_, ()>| {
        holds(after.won(1), "nothing stood against signing on")?;
        if let Some(told) = after.refusal(0) {
            let here = matches!(told, Refusal::AlreadyMember(_) | Refusal::Taken(_));
            holds(here, format!("the directory is told {told}"))?;
        }
        is_there_once(after.stage, user).await
    };
    stage.commands(parties, look).await
}

pub(super) async fn somebody_is_brought_along_while_signing_on(stage: &Stage) -> Tally {
    let (user, arrive) = signs_on(stage, "nora@acme.example").await;
    let adopt = Adopt {
        organization: stage.organization,
        external_id: "nora-1".parse().unwrap(),
        email: Company::email("nora"),
        role: "agent".parse().unwrap(),
        profile: Profile::default(),
        password: None,
        status: AdoptAs::Active,
    };
    let parties = [asks(Principal::System, adopt), asks(Principal::System, arrive)];
    let look = async |after: &After<'_, ()>| {
        let told = after.one_won()?;
        let here = *told == Refusal::AlreadyMember(StatusName::Active);
        holds(here, format!("the loser is told {told}"))?;
        is_there_once(after.stage, user).await
    };
    stage.commands(parties, look).await
}
