//! What handovers cost: each batch little, and each question as much as it finds.

use super::cast::*;
use super::*;
use crate::domain::Handover;

/// Hands over, batch by batch, on a connection of its own; says how many rows each write changed.
fn rows_changed(file: &rusqlite::Connection, changes: &ChangeSet) -> u64 {
    let before = file.total_changes();
    super::super::write::all(file, changes).unwrap();
    file.total_changes() - before
}

fn record(it: &Handover) -> Record {
    Record::Handover(Box::new(it.clone()))
}

#[test]
fn a_batch_writes_its_receipt_and_the_handover_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    drop(store(&folder));
    let file = rusqlite::Connection::open(folder.path().join("people.db")).unwrap();
    let mut it = handover(8, 10, &[11, 12, 13]);
    assert_eq!(rows_changed(&file, &put(record(&it))), 1 + 4);
    for number in 0..3 {
        it.batches = number + 1;
        let receipt = Record::HandoverReceipt(Box::new(handover_receipt(8, number, 500)));
        let both = ChangeSet { put: vec![record(&it), receipt], ..ChangeSet::default() };
        assert_eq!(rows_changed(&file, &both), 2);
    }
    it.parts.clear();
    assert_eq!(rows_changed(&file, &put(record(&it))), 1 + 3);
    let delete = ChangeSet { delete: vec![record(&it).key()], ..ChangeSet::default() };
    assert_eq!(rows_changed(&file, &delete), 1 + 1);
}

#[test]
fn a_question_costs_the_same_among_few_and_many() {
    let costs = |count: u128| {
        let folder = TempDir::new().unwrap();
        let store = store(&folder);
        let mut members = vec![member(10, "Ada", "ada@example.com")];
        members.push(Membership {
            scope: Scope::workspace(acme(), WorkspaceId::new(id(2))),
            ..member(11, "Ada", "ada@example.com")
        });
        for n in 0..count {
            let name = format!("Person {}", n.wrapping_mul(7_919) % count);
            let mut it = member(1_000 + n, &name, &format!("p{n}@example.com"));
            it.teams.insert(TeamId::new(id(6)));
            members.push(it);
        }
        let mut changes =
            ChangeSet { put: members.iter().map(person).collect(), ..ChangeSet::default() };
        for n in 0..count {
            let (from, to) = if n % 2 == 0 { (10, 1_000) } else { (1_000 + n, 11) };
            changes.put.push(record(&handover(100_000 + n, from, &[to])));
            let receipt = handover_receipt(7, u32::try_from(n).unwrap(), 1);
            changes.put.push(Record::HandoverReceipt(Box::new(receipt)));
        }
        block_on(store.commit(changes)).unwrap();
        let cost = |ask: &dyn Fn() -> usize| {
            let before = store.steps();
            assert_eq!(ask(), 20);
            store.steps() - before
        };
        let load = |need: Need| block_on(store.load(&[need])).unwrap().len();
        let find = |question: &Find| block_on(store.find(question)).unwrap().len();
        let handover = crate::domain::HandoverId::new(id(7));
        let receipts = Find::HandoverReceipts { handover, after: Some(9), limit: 20 };
        let due = Find::DueHandovers { now: NOW, limit: 20 };
        [
            cost(&|| load(Need::Handovers(MembershipId::new(id(10)), 20))),
            cost(&|| load(Need::TeamMembers(acme(), TeamId::new(id(6)), 20))),
            cost(&|| find(&receipts)),
            cost(&|| find(&due)),
        ]
    };
    let (few, many) = (costs(200), costs(4_000));
    println!("steps for a page of 20: {few:?} {many:?}");
    assert_eq!(few, many);
}
