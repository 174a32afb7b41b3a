//! Handovers: whom they concern, what their batches did, and who is in a team to get its work.

use std::collections::BTreeSet;

use super::samples::{
    at, batch, email, handover, handover_receipt, id, invitation, membership, organizations, part,
    removed, shuffled, team, teams, user, users, workspace, workspaces,
};
use super::subject::Subject;
use crate::domain::{
    ChangeSet, DeactivatedBecause, Handover, HandoverStatus, Invitation, Membership, MembershipId,
    MembershipStatus, Need, OrganizationId, PendingBecause, Profile, Receivers, Record, Scope,
    UserId,
};
use crate::ports::Find;

const LIMITS: [u32; 5] = [1, 2, 3, 7, 100];

fn person(number: u128, of: u128) -> Membership {
    membership(id(number), id::<OrganizationId>(of))
}

fn record(it: &Membership) -> Record {
    Record::Membership(Box::new(it.clone()))
}

fn planned(it: &Handover) -> Record {
    Record::Handover(Box::new(it.clone()))
}

fn north() -> Scope {
    Scope::workspace(id(1), id(1))
}

pub(super) async fn a_handover_comes_with_whoever_it_is_from(s: Subject) {
    let (user_id, address) = (Some(id::<UserId>(1)), Some(email("Ada@Example.com")));
    let ada = Membership { user: user_id, email: address, teams: [id(1)].into(), ..person(1, 1) };
    let by_user =
        Membership { user: user_id, invitation: Some(id(1)), ..membership(id(2), north()) };
    let by_address =
        Membership { email: Some(email("ada@EXAMPLE.com")), teams: [id(2)].into(), ..person(3, 1) };
    let gone = Membership { status: removed(), user: user_id, ..person(4, 1) };
    let elsewhere = Membership { user: user_id, ..person(5, 2) };
    let receiver = Membership { user: Some(id(2)), teams: [id(3)].into(), ..person(6, 1) };
    let offer = Invitation { memberships: vec![id(2)], ..invitation(id(1), id(1)) };
    let theirs = [
        record(&ada),
        record(&by_user),
        record(&by_address),
        Record::User(Box::new(user(1, 1))),
        Record::Workspace(Box::new(workspace(1, 1))),
        Record::Invitation(Box::new(offer)),
        Record::Team(Box::new(team(id(1), id(1)))),
        Record::Team(Box::new(team(id(2), id(1)))),
    ];
    s.put(organizations([1, 2]).into_iter().chain(users([2])).chain(teams([3]))).await;
    s.put(theirs.clone()).await;
    s.put([&gone, &elsewhere, &receiver].map(record)).await;
    let to = vec![part(Receivers::one(receiver.id))];
    let it = planned(&Handover { parts: to, ..handover(1, 1, 1) });
    let of_nobody = planned(&Handover { from: id(404), ..handover(2, 1, 1) });
    s.put([&it, &of_nobody].map(Clone::clone)).await;
    s.put([Record::HandoverReceipt(Box::new(handover_receipt(id(1), 0)))]).await;

    let expected: Vec<_> = theirs.iter().chain([&it]).collect();
    s.loads(Need::Record(it.key()), &expected).await;
    s.loads(Need::Record(of_nobody.key()), &[&of_nobody]).await;
    let ada = record(&Membership { status: removed(), ..ada });
    s.put([ada.clone()]).await;
    let expected: Vec<_> = theirs.iter().skip(1).chain([&ada, &it]).collect();
    s.loads(Need::Record(it.key()), &expected).await;
}

/// The memberships that the handovers below concern.
const ADA: u128 = 1;
const ADA_BY_USER: u128 = 2;
const ADA_BY_ADDRESS: u128 = 3;
const ADA_ONCE: u128 = 4;
const ADA_ELSEWHERE: u128 = 5;
const BOB: u128 = 6;
const CARL: u128 = 7;
const NOBODY: u128 = 404;

fn people() -> Vec<Membership> {
    let (user, address) = (Some(id::<UserId>(1)), Some(email("Ada@Example.com")));
    vec![
        Membership { user, email: address.clone(), teams: [id(1)].into(), ..person(ADA, 1) },
        Membership { user, ..membership(id(ADA_BY_USER), north()) },
        Membership {
            email: Some(email("ada@EXAMPLE.com")),
            ..membership(id(ADA_BY_ADDRESS), Scope::workspace(id(1), id(2)))
        },
        Membership { user, status: removed(), ..person(ADA_ONCE, 1) },
        Membership { user, email: address, ..person(ADA_ELSEWHERE, 2) },
        Membership { user: Some(id(2)), email: Some(email("b@example.com")), ..person(BOB, 1) },
        // Without a user and an address, like nobody else.
        person(CARL, 1),
        person(8, 1),
    ]
}

/// In the other organization.
fn elsewhere(it: Handover) -> Handover {
    let organization = id(2);
    Handover { organization, scope: Scope::from(organization), ..it }
}

/// A handover that changes: as it was planned, and as it is.
fn changing(number: u64) -> (Handover, Handover) {
    use HandoverStatus::{Cancelled, Done, Paused, Returned, Stuck};
    let to = |number| vec![part(Receivers::one(id(number)))];
    let several = |number| {
        vec![part(Receivers::Nobody), part(Receivers::LeastLoaded(vec![id(8), id(number)]))]
    };
    let from = |number| Handover {
        from: id(number),
        parts: vec![part(Receivers::Nobody)],
        ..handover(1, 1, 1)
    };
    let here = from(BOB);
    let it = match number % 19 {
        0 => elsewhere(from(ADA_ELSEWHERE)),
        1 => elsewhere(Handover { parts: to(ADA_ELSEWHERE), ..from(NOBODY) }),
        2 => from(ADA_BY_USER),
        3 => from(ADA_BY_ADDRESS),
        4 => from(ADA_ONCE),
        5 => Handover { parts: to(ADA_ONCE), ..here },
        6 => Handover { parts: to(ADA), ..here },
        7 => Handover { parts: several(ADA_BY_USER), status: Paused, ..here },
        8 => Handover { parts: several(ADA_BY_ADDRESS), status: Stuck, ..here },
        // It is over for whoever got something, and never for whoever it is from.
        9 => Handover { parts: to(ADA), status: Done, ..here },
        10 => Handover { parts: several(ADA), status: Returned, ..here },
        11 => Handover { status: Done, ..from(ADA) },
        // It is over once the batch that is asked is.
        12 => {
            Handover { parts: to(ADA), status: Cancelled, asked: Some(batch(id(1), None)), ..here }
        }
        13 => Handover { status: Cancelled, asked: Some(batch(id(1), Some(id(ADA)))), ..here },
        14 => Handover { parts: several(CARL), ..here },
        15 => from(CARL),
        16 => from(8),
        17 => from(NOBODY),
        _ => here,
    };
    let before = match number % 4 {
        0 => Handover { parts: to(ADA), ..it.clone() },
        1 => Handover { parts: to(CARL), status: HandoverStatus::Running, ..it.clone() },
        2 => Handover { asked: Some(batch(id(1), Some(id(ADA)))), ..it.clone() },
        _ => it.clone(),
    };
    (Handover { id: shuffled(number), ..before }, Handover { id: shuffled(number), ..it })
}

pub(super) async fn the_handovers_that_concern_a_person_come_with_the_last_first(s: Subject) {
    let ground = organizations([1, 2]).into_iter().chain(users([1, 2])).chain(teams([1]));
    s.put(ground.chain(workspaces([1, 2])).chain(people().iter().map(record))).await;
    let mut all = Vec::new();
    for number in 0..76 {
        let (before, it) = changing(number);
        s.put([planned(&before)]).await;
        if number % 5 == 4 {
            let delete = vec![planned(&it).key()];
            s.commit(ChangeSet { delete, ..ChangeSet::default() }).await;
            continue;
        }
        // Written again, as after each batch.
        s.put([planned(&it), planned(&it)]).await;
        all.push(it);
    }
    all.sort_by_key(|it| std::cmp::Reverse(it.id));
    let together = [ADA, ADA_BY_USER, ADA_BY_ADDRESS];
    let expected: [(u128, &[u128]); 6] = [
        (ADA, &together),
        (ADA_BY_USER, &[ADA, ADA_BY_USER]),
        (ADA_BY_ADDRESS, &[ADA, ADA_BY_ADDRESS]),
        (ADA_ONCE, &[ADA, ADA_BY_USER, ADA_ONCE]),
        (ADA_ELSEWHERE, &[ADA_ELSEWHERE]),
        (CARL, &[CARL]),
    ];
    for (named, own) in expected {
        let own: BTreeSet<MembershipId> = own.iter().map(|number| id(*number)).collect();
        let meant = all.iter().filter(|it| !it.concerns().is_disjoint(&own)).map(planned);
        let meant: Vec<_> = meant.collect();
        s.holds(meant.len() > 3, "the suite expects too little");
        for limit in LIMITS {
            let page: Vec<_> = meant.iter().take(limit as usize).collect();
            s.loads(Need::Handovers(id(named), limit), &page).await;
        }
    }
    s.loads(Need::Handovers(id(NOBODY), 100), &[]).await;
}

pub(super) async fn receipts_of_a_handover_are_listed_by_number(s: Subject) {
    let numbers = [0, 1, 2, 9, 10, 11, 99, 100, 255, 256, 65_536, 1 << 31, u32::MAX];
    let all = [1, 2, 3].map(|number| planned(&handover(number, 1, 1)));
    s.put(organizations([1]).into_iter().chain(all)).await;
    let receipt = |of, number| Record::HandoverReceipt(Box::new(handover_receipt(id(of), number)));
    for of in [2, 1, 3] {
        // In another order than that of the numbers.
        for turn in 0..numbers.len() {
            s.put([receipt(of, numbers[turn * 5 % numbers.len()])]).await;
        }
    }
    let ask = |after, limit| Find::HandoverReceipts { handover: id(1), after, limit };
    let place = |it: &Record| {
        if let Record::HandoverReceipt(it) = it { it.batch.number } else { 0 }
    };
    let expected = numbers.map(|number| receipt(1, number));
    s.pages(&expected, &LIMITS, ask, place).await;
    s.same(&s.find(ask(Some(5), 100)).await, &expected[3..].to_vec(), "what is behind no receipt");
    let delete = vec![expected[0].key(), expected[12].key()];
    s.commit(ChangeSet { delete, ..ChangeSet::default() }).await;
    s.same(&s.find(ask(None, 100)).await, &expected[1..12].to_vec(), "what was not deleted");
    s.same(&s.record(expected[1].key()).await, &Some(expected[1].clone()), "one receipt");
}

pub(super) async fn the_active_members_of_a_team_come_by_id(s: Subject) {
    let since = at(1);
    let (teams, [place]) = (teams([1, 2]), workspaces([1]));
    s.put(organizations([1, 2])).await;
    s.put(teams.iter().chain([&place]).cloned()).await;
    let mut expected: Vec<(MembershipId, Vec<Record>)> = Vec::new();
    for number in 0..40_u64 {
        let login = Record::User(Box::new(user(u128::from(number) + 1, 1)));
        let member = Membership {
            user: Some(id(u128::from(number) + 1)),
            teams: [id(1)].into(),
            // By name they stand in another order.
            profile: Profile::named(&format!("Person {number:02}")).unwrap(),
            ..membership(shuffled(number), id::<OrganizationId>(1))
        };
        s.put([record(&member), login.clone()]).await;
        let it = match number % 10 {
            0 => Membership { scope: north(), ..member },
            1 => Membership { teams: [].into(), ..member },
            2 => Membership { status: removed(), ..member },
            3 => {
                let because = PendingBecause::Invitation;
                Membership { status: MembershipStatus::Pending { because, since }, ..member }
            }
            4 => {
                let because = DeactivatedBecause::Leave;
                Membership { status: MembershipStatus::Deactivated { because, since }, ..member }
            }
            5 => Membership { teams: [id(2)].into(), ..member },
            6 => Membership { teams: [id(1), id(2)].into(), ..member },
            _ => member,
        };
        s.put([record(&it)]).await;
        if number % 10 < 6 {
            continue;
        }
        let mut with = vec![record(&it), login, teams[0].clone()];
        if number % 10 == 6 {
            with.push(teams[1].clone());
        } else if number % 10 == 7 {
            // In a workspace, too: that comes with them, and counts for nothing.
            let also = membership(shuffled(number + 100), north());
            let also = Membership { user: it.user, teams: [id(1)].into(), ..also };
            s.put([record(&also)]).await;
            with.extend([record(&also), place.clone()]);
        }
        expected.push((it.id, with));
    }
    expected.sort_by_key(|(id, _)| *id);
    for limit in LIMITS {
        let page = expected.iter().take(limit as usize).flat_map(|(_, with)| with);
        s.loads(Need::TeamMembers(id(1), id(1), limit), &page.collect::<Vec<_>>()).await;
    }
    s.loads(Need::TeamMembers(id(1), id(404), 9), &[]).await;
    s.loads(Need::TeamMembers(id(3), id(1), 9), &[]).await;
}
