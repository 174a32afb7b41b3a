//! Guards: a commit only if what it was decided on still stands.

use super::samples::{Guarded, entry, id, team};
use super::subject::{Subject, puts};
use crate::domain::{ChangeSet, Guard, Key, Record, Stream};

fn guarded(guards: impl IntoIterator<Item = Guard>, put: Record) -> ChangeSet {
    ChangeSet { guards: guards.into_iter().collect(), ..puts([put]) }
}

pub(super) async fn a_guard_holds_only_for_the_right_version(s: Subject) {
    s.put(Guarded::ground()).await;
    for kind in Guarded::ALL {
        for wrong in [1, 7] {
            let because = format!("there is no {kind:?} at all");
            s.conflicts(guarded([kind.guard(wrong)], kind.record(8, 1)), &because).await;
        }
        s.same(&s.record(kind.key()).await, &None, "what a conflict would have put");
        s.put([kind.record(7, 0)]).await;
        for wrong in [1, 6, 8, u64::from(u32::MAX)] {
            let because = format!("the {kind:?} is at 7 and not at {wrong}");
            s.conflicts(guarded([kind.guard(wrong)], kind.record(8, 1)), &because).await;
        }
        s.same(&s.record(kind.key()).await, &Some(kind.record(7, 0)), "what conflicts left alone");
        s.commit(guarded([kind.guard(7)], kind.record(8, 2))).await;
        s.same(&s.record(kind.key()).await, &Some(kind.record(8, 2)), "what the right guard put");
        let because = format!("the {kind:?} has moved on to 8");
        s.conflicts(guarded([kind.guard(7)], kind.record(8, 3)), &because).await;
        s.commit(ChangeSet { delete: vec![kind.key()], ..guarded([kind.guard(8)], other()) }).await;
        let because = format!("the {kind:?} was deleted");
        s.conflicts(guarded([kind.guard(8)], kind.record(9, 3)), &because).await;
    }
}

fn other() -> Record {
    Record::Team(Box::new(team(id(1), id(1))))
}

pub(super) async fn a_guard_of_no_version_holds_only_for_what_does_not_exist(s: Subject) {
    s.put(Guarded::ground()).await;
    for kind in Guarded::ALL {
        s.commit(guarded([kind.guard(0)], kind.record(1, 1))).await;
        let because = format!("the {kind:?} exists");
        s.conflicts(guarded([kind.guard(0)], kind.record(1, 2)), &because).await;
        s.same(&s.record(kind.key()).await, &Some(kind.record(1, 1)), "who was first");
        s.commit(ChangeSet { delete: vec![kind.key()], ..ChangeSet::default() }).await;
        s.commit(guarded([kind.guard(0)], kind.record(1, 3))).await;
    }
}

pub(super) async fn one_broken_guard_among_many_is_a_conflict(s: Subject) {
    s.put(Guarded::ground()).await;
    for kind in Guarded::ALL {
        s.put([kind.record(3, 0)]).await;
    }
    for broken in 0..Guarded::ALL.len() {
        let mut guards = Guarded::ALL.map(|kind| kind.guard(3));
        guards[broken] = Guarded::ALL[broken].guard(2);
        let everything = ChangeSet {
            guards: guards.to_vec(),
            append: vec![entry(Stream::Organization(id(70)), 4, &[])],
            ..puts(Guarded::ALL.map(|kind| kind.record(4, 1)))
        };
        let because = format!("the guard of {:?} is broken", Guarded::ALL[broken]);
        s.conflicts(everything, &because).await;
        for kind in Guarded::ALL {
            s.same(&s.record(kind.key()).await, &Some(kind.record(3, 0)), "after a conflict");
        }
        let key = Key::Entry(Stream::Organization(id(70)), crate::domain::Revision::new(4));
        s.same(&s.record(key).await, &None, "the entry of a conflict");
    }
    let guards = Guarded::ALL.map(|kind| kind.guard(3)).to_vec();
    s.commit(ChangeSet { guards, ..puts(Guarded::ALL.map(|kind| kind.record(4, 1))) }).await;
}
