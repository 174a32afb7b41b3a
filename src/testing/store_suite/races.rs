//! Races: of commits that name the same guard, claim or audit position, exactly one succeeds.

use uuid::Uuid;

use super::samples::{Guarded, entry, id, organizations};
use super::subject::{Subject, puts};
use crate::domain::{ChangeSet, Claim, Entry, Key, Need, Record, Revision, Stream, TeamId};

const ROUNDS: u64 = 50;
const FEW: u64 = 10;
const JOINED: u32 = 8;
const THREADS: u32 = 4;

/// Runs every round twice: in one task, and between threads if the store may be used from them.
/// Rounds count from 1; contenders from 0.
async fn rounds<'s, Fut: Future<Output = ()> + 's>(
    s: &'s Subject,
    count: u64,
    contender: impl Fn(u64, u32) -> ChangeSet,
    won: impl Fn(u64, u32) -> Fut,
) {
    let mut round = 0;
    for threads in s.ways() {
        let contenders = if *threads { THREADS } else { JOINED };
        for _ in 0..count {
            round += 1;
            let all = (0..contenders).map(|number| contender(round, number)).collect();
            let winner = s.race(all, *threads).await;
            won(round, u32::try_from(winner).unwrap_or(u32::MAX)).await;
        }
    }
}

pub(super) async fn one_of_many_with_the_same_guard_wins(s: Subject) {
    let s = &s;
    s.put(Guarded::ground()).await;
    for kind in Guarded::ALL {
        let contender = |round: u64, number| ChangeSet {
            guards: vec![kind.guard(round - 1)],
            ..puts([kind.record(round, number)])
        };
        let won = |round, winner| async move {
            let found = s.record(kind.key()).await;
            s.same(&found, &Some(kind.record(round, winner)), "what the winner wrote");
        };
        rounds(s, ROUNDS, contender, won).await;
    }
}

pub(super) async fn one_of_many_that_put_the_same_new_record_wins(s: Subject) {
    let s = &s;
    s.put(Guarded::ground()).await;
    for kind in Guarded::ALL {
        let contender =
            |_, number| ChangeSet { guards: vec![kind.guard(0)], ..puts([kind.record(1, number)]) };
        let won = |_, winner| async move {
            let found = s.record(kind.key()).await;
            s.same(&found, &Some(kind.record(1, winner)), "what the winner wrote");
            s.commit(ChangeSet { delete: vec![kind.key()], ..ChangeSet::default() }).await;
        };
        rounds(s, FEW, contender, won).await;
    }
}

pub(super) async fn one_of_many_with_the_same_claim_wins(s: Subject) {
    let s = &s;
    let holder = |number: u32| Uuid::from_u128(u128::from(number) + 1);
    let teams = |number: u32| {
        Record::Team(Box::new(super::samples::team(TeamId::new(holder(number)), id(1))))
    };
    s.put(organizations([1]).into_iter().chain((0..JOINED).map(teams))).await;
    let claim = |round: u64| Claim::TeamName(id(1), format!("team {round}"));
    let contender = |round, number| ChangeSet {
        claim: vec![(claim(round), holder(number))],
        ..ChangeSet::default()
    };
    let won = |round, winner| async move {
        let found = s.load([Need::Holder(claim(round))]).await;
        let expected = vec![claim(round).holder(holder(winner))];
        s.same(&found.into_keys().collect(), &expected, "who holds the claim");
    };
    rounds(s, ROUNDS, contender, won).await;
}

pub(super) async fn one_of_many_with_the_same_audit_position_wins(s: Subject) {
    let s = &s;
    s.put(organizations([1])).await;
    let stream = Stream::Organization(id(1));
    let contender = |round, number| {
        let (said, detail) = entry(stream, round, &[id(u128::from(number))]);
        ChangeSet { append: vec![(said, detail)], ..ChangeSet::default() }
    };
    let won = |round, winner| async move {
        let found = s.record(Key::Entry(stream, Revision::new(round))).await;
        let Some(Record::Entry(found)) = found else { s.breaks("nothing stands where one won") };
        let (expected, _) = entry(stream, round, &[id(u128::from(winner))]);
        s.same::<Entry>(&found.entry, &expected, "the entry of the winner");
    };
    rounds(s, ROUNDS, contender, won).await;
}
