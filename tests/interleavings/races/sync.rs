//! A directory announces somebody, or they are brought along, while they sign on for the first time.

use tenure::commands::{Adopt, AdoptAs, Arrive, LinkIdentity, Provision};
use tenure::domain::{ExternalIdentity, Profile, Record, Refusal, StatusName, UserId};
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

/// How Nora is there: once, and active.
async fn is_there_once(stage: &Stage, user: UserId) -> Result<(), String> {
    let scope = stage.organization.into();
    let filter = PeopleFilter { prefix: Some("nora@".to_owned()), ..PeopleFilter::default() };
    let there = stage.find(Find::People { scope, filter, after: None, limit: 10 }).await;
    let [Record::Membership(it)] = there.as_slice() else {
        return Err(format!("nora is there {} times", there.len()));
    };
    holds(it.status.name() == StatusName::Active, format!("nora is {}", it.status.name()))?;
    holds(it.user == Some(user), "somebody else is there as nora")
}

pub(super) async fn somebody_is_announced_while_signing_on(stage: &Stage) -> Tally {
    let (user, arrive) = signs_on(stage, "nora@elsewhere.example").await;
    let announce = Provision {
        organization: stage.organization,
        identity: identity(),
        email: Some(Company::email("nora")),
        role: "agent".parse().unwrap(),
        profile: Profile::default(),
        external_id: None,
    };
    let parties =
        [asks(stage.company.principal("provisioner"), announce), asks(Principal::System, arrive)];
    let look = async |after: &After<'_, ()>| {
        holds(after.won(1), "nothing stood against signing on")?;
        if let Some(told) = after.refusal(0) {
            let here = *told == Refusal::AlreadyMember(StatusName::Active);
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
