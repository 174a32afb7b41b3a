//! How systems like this one were broken, tried here: one test for each class of weakness that the
//! crate's features touch, named after the class.
//!
//! `Proved` says which bug was planted to see the test fail, and that it did.
//!
//! Not here, because the crate has no such feature: 30 (it counts no failed sign-ins: checking
//! passwords is the host's) and 38 (it renders no address of its own: see the test of that number).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    clippy::wildcard_imports,
    clippy::needless_pass_by_value,
    clippy::format_push_string,
    clippy::format_collect,
    missing_docs,
    dead_code,
    reason = "a test fails by panicking; the stage is shared with other tests"
)]

#[path = "../shared/stage.rs"]
mod stage;

mod escalation;
mod identities;
mod links;
mod secrets;
mod tenants;

use tenure::adapters::memory::MemoryStore;
use tenure::commands::*;
use tenure::domain::*;
use tenure::testing::cast::{Company, roles};
use tenure::{Error, Intent, Principal, Role, Rules};

/// Acme Help with the usual cast.
async fn acme() -> Company {
    Company::found(MemoryStore::new()).await
}

/// Acme Help under other rules.
async fn acme_under(rules: Rules) -> Company {
    Company::found_with(MemoryStore::new(), roles(), rules, None).await
}

/// Acme Help with more roles.
async fn acme_with(more: impl IntoIterator<Item = Role>) -> Company {
    let all = roles().into_iter().chain(more).collect();
    Company::found_with(MemoryStore::new(), all, Rules::default(), None).await
}

async fn does<I: Intent>(it: &Company, who: impl Into<tenure::Request>, intent: I) -> I::Output {
    it.directory.execute(who, intent).await.unwrap().output
}

async fn refused<I: Intent>(it: &Company, who: impl Into<tenure::Request>, intent: I) -> Refusal
where
    I::Output: std::fmt::Debug,
{
    match it.directory.execute(who, intent).await {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn name<T: std::str::FromStr<Err = Invalid>>(text: &str) -> T {
    text.parse().unwrap()
}

/// A person who is signed in with an address that may not be verified.
async fn user(it: &Company, email: &str, is_verified: bool) -> UserId {
    let user: UserId = it.directory.new_id();
    let command = RegisterUser {
        user,
        realm: Realm::Shared,
        email: Some(email.parse().unwrap()),
        email_is_verified: is_verified,
        identities: std::collections::BTreeSet::new(),
    };
    does(it, Principal::System, command).await;
    user
}

/// Opens a workspace at Acme and says how it is addressed.
async fn workspace(it: &Company) -> Scope {
    let organization = it.organization;
    let open = OpenWorkspace { organization, name: name("North") };
    Scope::workspace(organization, does(it, it.principal("olivia"), open).await)
}

async fn team(it: &Company, members: Vec<MembershipId>) -> TeamId {
    let organization = it.organization;
    let create = CreateTeam { organization, name: name("Front desk"), description: None, members };
    does(it, it.principal("olivia"), create).await
}
