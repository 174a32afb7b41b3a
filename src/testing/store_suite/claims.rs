//! Claims: what at most one thing holds.

use uuid::Uuid;

use super::samples::{email, id, identity, membership, organizations, team, user};
use super::subject::{Subject, puts};
use crate::domain::{
    ChangeSet, Claim, ExternalId, Key, Need, OrganizationId, Realm, Record, Scope,
};

const ADA: Uuid = Uuid::from_u128(11);
const BOB: Uuid = Uuid::from_u128(12);

/// Claims of every kind, many of which are nearly the same.
fn claims() -> Vec<Claim> {
    let address = |text| email(text).canonical().clone();
    let ada = address("ada@example.com");
    let (one, two): (OrganizationId, OrganizationId) = (id(1), id(2));
    let external = |text| ExternalId::new(text).unwrap();
    vec![
        Claim::Email(Realm::Shared, ada.clone()),
        Claim::Email(Realm::Shared, address("ada+desk@example.com")),
        Claim::Email(Realm::Organization(one), ada.clone()),
        Claim::Email(Realm::Organization(two), ada.clone()),
        Claim::Identity(Realm::Shared, identity("https://a", "x")),
        Claim::Identity(Realm::Shared, identity("https://a", "X")),
        Claim::Identity(Realm::Shared, identity("https://ax", "x")),
        Claim::Identity(Realm::Shared, identity("https://a", "xx")),
        Claim::Identity(Realm::Organization(one), identity("https://a", "x")),
        Claim::MembershipEmail(one.into(), ada.clone()),
        Claim::MembershipEmail(two.into(), ada.clone()),
        Claim::MembershipEmail(Scope::workspace(one, id(1)), ada.clone()),
        Claim::MembershipEmail(Scope::workspace(one, id(2)), ada),
        Claim::MembershipUser(one.into(), id(11)),
        Claim::MembershipUser(one.into(), id(12)),
        Claim::MembershipUser(Scope::workspace(one, id(1)), id(11)),
        Claim::Announced(one, identity("https://a", "x")),
        Claim::Announced(two, identity("https://a", "x")),
        Claim::ExternalId(one, external("0017")),
        Claim::ExternalId(one, external("17")),
        Claim::ExternalId(one, external("a")),
        Claim::ExternalId(one, external("A")),
        Claim::ExternalId(two, external("17")),
        Claim::TeamName(one, "billing".to_owned()),
        Claim::TeamName(one, "billing's \"best\" 北".to_owned()),
        Claim::TeamName(two, "billing".to_owned()),
    ]
}

/// Puts what could hold a claim: a user, a membership and a team for each identity.
async fn holders(s: &Subject) {
    let all = [ADA, BOB].into_iter().flat_map(|it| {
        let number = it.as_u128();
        [
            Record::User(Box::new(user(number, 1))),
            Record::Membership(Box::new(membership(id(number), id::<OrganizationId>(1)))),
            Record::Team(Box::new(team(id(number), id(1)))),
        ]
    });
    s.put(organizations([1]).into_iter().chain(all)).await;
}

fn change(release: &[(&Claim, Uuid)], claim: &[(&Claim, Uuid)]) -> ChangeSet {
    let owned = |pairs: &[(&Claim, Uuid)]| {
        pairs.iter().map(|(claim, holder)| ((*claim).clone(), *holder)).collect()
    };
    ChangeSet { release: owned(release), claim: owned(claim), ..ChangeSet::default() }
}

async fn holder(s: &Subject, claim: &Claim) -> Option<Key> {
    let found = s.load([Need::Holder(claim.clone())]).await;
    s.holds(found.len() < 2, &format!("{claim:?} has two holders: {found:?}"));
    found.into_keys().next()
}

pub(super) async fn a_claim_is_held_until_it_is_released(s: Subject) {
    holders(&s).await;
    for claim in &claims() {
        s.same(&holder(&s, claim).await, &None, "the holder of a claim never made");
        s.commit(change(&[], &[(claim, ADA)])).await;
        for again in [ADA, BOB] {
            s.is_claimed(change(&[], &[(claim, again)]), claim, "as it is held already").await;
        }
        s.same(&holder(&s, claim).await, &Some(claim.holder(ADA)), "the holder");
        s.commit(change(&[(claim, ADA)], &[])).await;
        s.same(&holder(&s, claim).await, &None, "the holder of a claim released");
        s.commit(change(&[(claim, ADA)], &[])).await;
        s.commit(change(&[], &[(claim, BOB)])).await;
        s.same(&holder(&s, claim).await, &Some(claim.holder(BOB)), "the next holder");
    }
}

pub(super) async fn claims_that_differ_do_not_touch(s: Subject) {
    holders(&s).await;
    let claims = claims();
    for (number, claim) in claims.iter().enumerate() {
        s.commit(change(&[], &[(claim, [ADA, BOB][number % 2])])).await;
    }
    for (number, claim) in claims.iter().enumerate() {
        let expected = claim.holder([ADA, BOB][number % 2]);
        s.same(&holder(&s, claim).await, &Some(expected), &format!("the holder of {claim:?}"));
    }
    for (number, claim) in claims.iter().enumerate().skip(1) {
        s.commit(change(&[(claim, [ADA, BOB][number % 2])], &[])).await;
    }
    let first = holder(&s, &claims[0]).await;
    s.same(&first, &Some(claims[0].holder(ADA)), "the holder, when all others are released");
}

pub(super) async fn releases_come_before_claims(s: Subject) {
    holders(&s).await;
    for pair in claims().chunks(2) {
        let [one, other] = pair else { continue };
        s.commit(change(&[], &[(one, ADA), (other, BOB)])).await;
        s.commit(change(&[(one, ADA), (other, BOB)], &[(one, BOB), (other, ADA)])).await;
        s.same(&holder(&s, one).await, &Some(one.holder(BOB)), "after an exchange");
        s.same(&holder(&s, other).await, &Some(other.holder(ADA)), "after an exchange");
        s.commit(change(&[(one, BOB)], &[(one, BOB)])).await;
        s.same(&holder(&s, one).await, &Some(one.holder(BOB)), "released and claimed at once");
    }
}

pub(super) async fn a_release_by_a_stranger_frees_nothing(s: Subject) {
    holders(&s).await;
    for claim in &claims() {
        s.commit(change(&[], &[(claim, ADA)])).await;
        s.commit(change(&[(claim, BOB)], &[])).await;
        s.same(&holder(&s, claim).await, &Some(claim.holder(ADA)), "after a stranger's release");
        let theft = change(&[(claim, BOB)], &[(claim, BOB)]);
        s.is_claimed(theft, claim, "as a stranger's release frees nothing").await;
        s.same(&holder(&s, claim).await, &Some(claim.holder(ADA)), "after a stranger's claim");
    }
}

pub(super) async fn a_claim_is_made_once_in_one_change_set(s: Subject) {
    holders(&s).await;
    for claim in &claims() {
        let twice = change(&[], &[(claim, ADA), (claim, BOB)]);
        s.is_claimed(twice, claim, "as two may not make it").await;
        s.same(&holder(&s, claim).await, &None, "the holder, when two tried");
    }
    let last = claims().pop().unwrap();
    let put = Record::Team(Box::new(team(id(77), id(1))));
    s.commit(change(&[], &[(&last, ADA)])).await;
    let late = ChangeSet { claim: vec![(last.clone(), BOB)], ..puts([put.clone()]) };
    s.is_claimed(late, &last, "as it is held already").await;
    s.same(&s.record(put.key()).await, &None, "what stood beside a claim that failed");
}
