//! `find`, except people and entries: which records, in which order, page by page.

use uuid::Uuid;

use super::samples::{
    at, batch, handover, id, invitation, mail, membership, organization, organizations, removed,
    shuffled, support, team, users, workspace, workspaces,
};
use super::subject::{Subject, keys};
use crate::domain::{
    Handover, HandoverStatus, Invitation, InvitationStatus, Key, Mail, Membership, Organization,
    OrganizationId, OrganizationStatus, Record, Revision, Scope, SupportAccess, Team, Timestamp,
    Workspace,
};
use crate::ports::Find;

const LIMITS: [u32; 5] = [1, 2, 3, 7, 100];

/// That a question lists exactly these records by identity, also from a place where nothing is.
async fn lists<I: From<Uuid> + Copy>(
    s: &Subject,
    mut expected: Vec<Record>,
    ask: impl Fn(Option<I>, u32) -> Find,
    place: impl Fn(&Record) -> I,
) {
    expected.sort_by_key(Record::key);
    s.holds(expected.len() > 3, "the suite expects too little");
    s.pages(&expected, &LIMITS, &ask, place).await;
    let (low, high) = (id(0), Uuid::from_u128(u128::MAX).into());
    s.same(&s.find(ask(Some(low), 100)).await, &expected, "what stands behind the lowest identity");
    s.same(&s.find(ask(Some(high), 100)).await.len(), &0, "what stands behind the highest");
}

fn here(number: u64) -> OrganizationId {
    id(if number.is_multiple_of(4) { 2 } else { 1 })
}

pub(super) async fn memberships_of_a_user_are_those_live_by_id(s: Subject) {
    let mut expected = Vec::new();
    s.put(organizations([1]).into_iter().chain(users([1, 2]))).await;
    for number in 0..24 {
        let scope = match number % 3 {
            0 => {
                s.put(organizations([u128::from(number) + 100])).await;
                id::<OrganizationId>(u128::from(number) + 100).into()
            }
            1 => {
                s.put(workspaces([u128::from(number)])).await;
                Scope::workspace(id(1), id(u128::from(number)))
            }
            _ => id::<OrganizationId>(1).into(),
        };
        let mut it = membership(shuffled(number), scope);
        it.user = Some(id(if number % 5 == 0 { 2 } else { 1 }));
        let early = Membership { user: None, ..it.clone() };
        s.put([Record::Membership(Box::new(early))]).await;
        let mut records = vec![it.clone()];
        if number % 7 == 0 {
            records.push(Membership { status: removed(), ..it });
        } else if number % 7 == 1 {
            records.push(Membership { user: None, ..it });
        }
        for it in &records {
            s.put([Record::Membership(Box::new(it.clone()))]).await;
        }
        let last = records.pop().unwrap();
        if last.user == Some(id(1)) && last.is_live() {
            expected.push(Record::Membership(Box::new(last)));
        }
    }
    let ask = |after, limit| Find::MembershipsOf { user: id(1), after, limit };
    let place = |it: &Record| if let Record::Membership(it) = it { it.id } else { id(0) };
    lists(&s, expected, ask, place).await;
}

pub(super) async fn invitations_are_those_with_the_status_by_id(s: Subject) {
    use InvitationStatus::{Accepted, Declined, Lapsed, Open, Revoked};
    let statuses = [Open, Lapsed, Accepted, Declined, Revoked];
    s.put(organizations([1, 2])).await;
    let mut all = Vec::new();
    for number in 0..60 {
        let open = invitation(shuffled(number), here(number));
        let status = statuses[number as usize % 5];
        s.put([Record::Invitation(Box::new(open.clone()))]).await;
        all.push(Invitation { status, ..open });
    }
    s.put(all.iter().map(|it| Record::Invitation(Box::new(it.clone())))).await;
    for status in statuses {
        let meant = |it: &&Invitation| it.organization == id(1) && it.status == status;
        let expected = all.iter().filter(meant).map(|it| Record::Invitation(Box::new(it.clone())));
        let ask = |after, limit| Find::Invitations { organization: id(1), status, after, limit };
        let place = |it: &Record| if let Record::Invitation(it) = it { it.id } else { id(0) };
        lists(&s, expected.collect(), ask, place).await;
    }
}

pub(super) async fn teams_are_those_not_deleted_by_id(s: Subject) {
    s.put(organizations([1, 2])).await;
    let mut expected = Vec::new();
    for number in 0..24 {
        let it = team(shuffled(number), here(number));
        s.put([Record::Team(Box::new(it.clone()))]).await;
        if number % 3 == 0 {
            s.put([Record::Team(Box::new(Team { deleted: true, ..it }))]).await;
        } else if it.organization == id(1) {
            expected.push(Record::Team(Box::new(it)));
        }
    }
    let ask = |after, limit| Find::Teams { organization: id(1), after, limit };
    let place = |it: &Record| if let Record::Team(it) = it { it.id } else { id(0) };
    lists(&s, expected, ask, place).await;
}

pub(super) async fn workspaces_support_and_handovers_are_listed_by_id(s: Subject) {
    s.put(organizations([1, 2])).await;
    let (mut workspaces, mut supports, mut handovers) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..24 {
        let organization = here(number);
        let closed_at = (number % 3 == 0).then_some(at(1));
        let (one, two, three) = (shuffled(number), shuffled(number), shuffled(number));
        let it = Workspace { id: one, organization, closed_at, ..workspace(1, 1) };
        workspaces.push((organization, Record::Workspace(Box::new(it))));
        let it = SupportAccess { id: two, organization, revoked_at: closed_at, ..support(1, 1) };
        supports.push((organization, Record::SupportAccess(Box::new(it))));
        let status = [HandoverStatus::Running, HandoverStatus::Done, HandoverStatus::Stuck]
            [number as usize % 3];
        let it = Handover { id: three, organization, status, ..handover(1, 1, 1) };
        handovers.push((organization, Record::Handover(Box::new(it))));
    }
    for kind in [&workspaces, &supports, &handovers] {
        s.put(kind.iter().map(|(_, record)| record.clone())).await;
    }
    let of = |all: Vec<(OrganizationId, Record)>| {
        all.into_iter().filter(|(of, _)| *of == id(1)).map(|(_, it)| it).collect::<Vec<_>>()
    };
    let organization = id(1);
    let ask = |after, limit| Find::Workspaces { organization, after, limit };
    let place = |it: &Record| if let Record::Workspace(it) = it { it.id } else { id(0) };
    lists(&s, of(workspaces), ask, place).await;
    let ask = |after, limit| Find::SupportAccesses { organization, after, limit };
    let place = |it: &Record| if let Record::SupportAccess(it) = it { it.id } else { id(0) };
    lists(&s, of(supports), ask, place).await;
    let ask = |after, limit| Find::Handovers { organization, after, limit };
    let place = |it: &Record| if let Record::Handover(it) = it { it.id } else { id(0) };
    lists(&s, of(handovers), ask, place).await;
}

/// That a question lists these records, each due at its instant, those due first at first.
pub(super) async fn falls_due(
    s: &Subject,
    mut expected: Vec<(Timestamp, Record)>,
    ask: impl Fn(Timestamp, u32) -> Find,
) {
    expected.sort_by_key(|(due, _)| *due);
    s.holds(expected.len() > 3, "the suite expects too little");
    for (count, (due, _)) in (1..).zip(&expected) {
        let before = Timestamp::from_micros(due.micros() - 1);
        let found = s.find(ask(before, 1000)).await.len();
        s.same(&found, &(count - 1), "records due a moment before one is");
        for limit in [1, 3, 1000] {
            let due_now = expected.iter().take(count).take(limit as usize);
            let page: Vec<_> = due_now.map(|(_, record)| record.clone()).collect();
            let found = s.find(ask(*due, limit)).await;
            s.same(&keys(&found), &keys(&page), &format!("{:?}", ask(*due, limit)));
            s.same(&found, &page, &format!("{:?}", ask(*due, limit)));
        }
    }
}

/// An instant of its own for each number, in another order than the numbers and identities.
fn instant(number: u64) -> Timestamp {
    at(i64::try_from(number * 11 % 29).unwrap() - 9)
}

pub(super) async fn due_mail_comes_in_the_order_in_which_it_is_due(s: Subject) {
    s.put(organizations([1])).await;
    let mut expected = Vec::new();
    for number in 0..20 {
        let mut it = Mail { id: shuffled(number), due_at: instant(number), ..mail(1, 1) };
        it.organization = it.organization.filter(|_| number % 3 > 0);
        s.put([Record::Mail(Box::new(it.clone()))]).await;
        if number % 4 == 0 {
            // Somebody tries to send it, and puts it off.
            it = Mail { due_at: at(1_000 + number as i64), version: Revision::new(2), ..it };
            s.put([Record::Mail(Box::new(it.clone()))]).await;
        } else if number % 4 == 1 {
            let delete = vec![Key::Mail(it.id)];
            s.commit(crate::domain::ChangeSet { delete, ..Default::default() }).await;
            continue;
        }
        expected.push((it.due_at, Record::Mail(Box::new(it))));
    }
    falls_due(&s, expected, |now, limit| Find::DueMail { now, limit }).await;
}

pub(super) async fn due_handovers_are_those_that_somebody_has_to_see_to(s: Subject) {
    use HandoverStatus::{Cancelled, Done, Paused, Returned, Running, Stuck};
    // Whatever it is, the batch that is asked comes first.
    let states = [
        (Running, false),
        (Running, true),
        (Paused, false),
        (Paused, true),
        (Stuck, false),
        (Done, false),
        (Cancelled, true),
        (Cancelled, false),
        (Returned, true),
        (Returned, false),
    ];
    s.put(organizations([1])).await;
    let mut expected = Vec::new();
    for number in 0..29 {
        let it = Handover { id: shuffled(number), due_at: instant(number), ..handover(1, 1, 1) };
        let busy = Handover { asked: Some(batch(it.id, None)), due_at: at(-99), ..it.clone() };
        let before = if number % 3 == 0 { busy } else { it.clone() };
        s.put([Record::Handover(Box::new(before))]).await;
        let (status, asked) = states[number as usize % states.len()];
        let asked = asked.then(|| batch(it.id, None));
        let due = status == Running || asked.is_some();
        let it = Record::Handover(Box::new(Handover { status, asked, ..it }));
        s.put([it.clone()]).await;
        if due {
            expected.push((instant(number), it));
        }
    }
    falls_due(&s, expected, |now, limit| Find::DueHandovers { now, limit }).await;
}

pub(super) async fn expired_invitations_are_those_open(s: Subject) {
    s.put(organizations([1, 2])).await;
    let mut expected = Vec::new();
    for number in 0..24 {
        let (mut expires_at, mut status) = (instant(number), InvitationStatus::Open);
        let it = invitation(shuffled(number), here(number));
        s.put([Record::Invitation(Box::new(Invitation { expires_at, ..it.clone() }))]).await;
        match number % 6 {
            0 => status = InvitationStatus::Accepted,
            1 => status = InvitationStatus::Lapsed,
            // It is sent again.
            2 => expires_at = at(1_000 + number as i64),
            _ => {}
        }
        let it = Record::Invitation(Box::new(Invitation { status, expires_at, ..it }));
        s.put([it.clone()]).await;
        if status == InvitationStatus::Open {
            expected.push((expires_at, it));
        }
    }
    falls_due(&s, expected, |now, limit| Find::ExpiredInvitations { now, limit }).await;
}

pub(super) async fn due_closings_are_organizations_that_close(s: Subject) {
    let mut expected = Vec::new();
    for number in 0..20 {
        let until = instant(number);
        let closing = OrganizationStatus::Closing { until };
        let it = Organization { id: shuffled(number), status: closing, ..organization(1, 1) };
        s.put([Record::Organization(Box::new(it.clone()))]).await;
        let status = match number % 5 {
            0 => OrganizationStatus::Active,
            1 => OrganizationStatus::Closed { since: until },
            2 => OrganizationStatus::Suspended { since: until },
            _ => {
                expected.push((until, Record::Organization(Box::new(it))));
                continue;
            }
        };
        s.put([Record::Organization(Box::new(Organization { status, ..it }))]).await;
    }
    falls_due(&s, expected, |now, limit| Find::DueClosings { now, limit }).await;
}
