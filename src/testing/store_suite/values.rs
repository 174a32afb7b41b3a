//! Values that are easily bent on the way into a database and back: texts and instants.

use uuid::Uuid;

use super::pages::falls_due;
use super::samples::{
    activity, at, entry, handover, handover_receipt, id, identity, invitation, mail, membership,
    organization, part, receipt, role_name, support, team, user, workspace,
};
use super::subject::{Subject, puts};
use crate::domain::{
    Activity, Actor, ChangeSet, Description, Digest, Entry, EntryDetail, ExternalId, Fence,
    FieldName, FieldValue, Handover, HandoverReceipt, Invitation, ItemId, Key, KindName, Mail,
    Membership, MembershipStatus, Organization, OrganizationId, OrganizationName,
    OrganizationStatus, Part, Profile, Reason, Receipt, Receivers, Record, Revision, Role, Scope,
    Stream, SubjectName, SupportAccess, Team, TeamName, Timestamp, User, WorkStates, Workspace,
    WorkspaceName,
};
use crate::ports::Find;

/// What means something else to a database, to a pattern, to JSON or to an encoding.
const TEXTS: [&str; 14] = [
    "o'neil ''x'' \"y\" `z`",
    "'; DROP TABLE tenure_user; --",
    "ends in a backslash \\",
    "\\' \\\" \\n \\u0000 \\x00 \\\\",
    "%_*?[a-z]^$1 ?1 :name @p1 {} {0}",
    "100%",
    "NULL",
    "{\"a\": [1, null]}",
    "-0.0",
    "<b>&amp;</b> $body$ /* */",
    "Ünal Straße Иван 北風 太郎 العربية עברית",
    "e\u{306}\u{323} ﬁ ﬀ Å K",
    "😀 👩\u{200d}👩\u{200d}👧 🇩🇪 𝔘𝔫𝔦",
    "\u{e000}\u{fffd}\u{10ffff}",
];

/// A text, and as long as it may be; cut where a character ends.
fn both(text: &str, most: usize) -> [String; 2] {
    [text.to_owned(), text.chars().chain("|".chars()).cycle().take(most).collect()]
}

/// Records that hold a text wherever one may stand, and the text as long as it may be there.
fn holding(number: u128, text: &str) -> Vec<Record> {
    let [short, name] = both(text, 119);
    let [_, long] = both(text, 999);
    let [_, longest] = both(text, 1_999);
    let [_, item] = both(text, 254);
    let (here, reason) = (id::<OrganizationId>(number), Reason::new(&long).unwrap());
    let items = [&short, &item].map(|it| ItemId::new(it).unwrap());
    let value = FieldValue::new(&longest).unwrap();
    let fields = (0..30).map(|n| (FieldName::new(format!("field{n}")).unwrap(), value.clone()));
    let profile = Profile(fields.collect()).with("name", &short).unwrap();
    let organization =
        Organization { name: OrganizationName::new(&name).unwrap(), ..organization(number, 1) };
    let workspace =
        Workspace { name: WorkspaceName::new(&short).unwrap(), ..workspace(number, number) };
    let login = User {
        identities: [identity(&item, &short)].into(),
        settings: [(FieldName::new("signature").unwrap(), value)].into(),
        ..user(number, 1)
    };
    let person = Membership {
        user: Some(id(number)),
        profile,
        fence: Fence::default().with("inbox", [&*short, &*item]).unwrap(),
        announced: Some(identity(&short, &item)),
        external_id: Some(ExternalId::new(&item).unwrap()),
        ..membership(id(number), Scope::workspace(here, id(number)))
    };
    let team = Team {
        name: TeamName::new(&name).unwrap(),
        description: Some(Description::new(&long).unwrap()),
        ..team(id(number), here)
    };
    let support = SupportAccess {
        person: SubjectName::new(&item).unwrap(),
        reason,
        ..support(number, number)
    };
    let tickets = KindName::new("tickets").unwrap();
    let named = Part::new(tickets, WorkStates::All, Some(items.to_vec()), Receivers::Nobody);
    let plan =
        Handover { parts: vec![named, part(Receivers::one(id(2)))], ..handover(number, number, 1) };
    let batch = HandoverReceipt {
        organization: here,
        moved: items.to_vec(),
        ..handover_receipt(id(number), 1)
    };
    vec![
        Record::Organization(Box::new(organization)),
        Record::Role(here, Box::new(Role::new("agent", 3).unwrap().titled(&short).unwrap())),
        Record::Workspace(Box::new(workspace)),
        Record::User(Box::new(login)),
        Record::Membership(Box::new(person)),
        Record::Team(Box::new(team)),
        Record::SupportAccess(Box::new(support)),
        Record::Handover(Box::new(plan)),
        Record::HandoverReceipt(Box::new(batch)),
        Record::Receipt(Box::new(receipt(number, &item))),
    ]
}

/// An entry that was written at an instant, and whose detail is a text.
fn saying(number: u128, text: &str, at: Timestamp) -> (Entry, EntryDetail) {
    let stream = Stream::Organization(id(number));
    let reason = Reason::new(text).unwrap();
    let detail = EntryDetail::new(Uuid::from_u128(number), Some(&reason), &[]);
    let person = SubjectName::new(text).unwrap();
    let it = Entry {
        at,
        actor: Actor::Support { access: id(number), person },
        commitment: detail.commitment(),
        hash: Digest::default(),
        ..entry(stream, 1, &[]).0
    };
    let hash = it.computed_hash();
    (Entry { hash, ..it }, detail)
}

/// That an entry is as it was written, to the letter: its hashes still hold.
async fn entry_stands(s: &Subject, (entry, detail): &(Entry, EntryDetail)) {
    let found = s.record(Key::Entry(entry.stream, entry.position)).await;
    let Some(Record::Entry(found)) = found else { s.breaks("an entry is not found") };
    s.same(&found.entry, entry, "an entry");
    s.same(&found.entry.computed_hash(), &entry.hash, "the hash of an entry");
    s.same(&found.detail, &Some(detail.clone()), "its detail");
    let commitment = found.detail.map(|it| it.commitment());
    s.same(&commitment, &Some(entry.commitment), "what the entry commits to");
}

pub(super) async fn texts_come_back_letter_by_letter(s: Subject) {
    for (number, text) in (1..).zip(TEXTS) {
        let (records, said) = (holding(number, text), saying(number, text, at(0)));
        s.commit(ChangeSet { append: vec![said.clone()], ..puts(records.clone()) }).await;
        for expected in records {
            let found = s.record(expected.key()).await;
            s.same(&found, &Some(expected), &format!("a record that holds {text:?}"));
        }
        entry_stands(&s, &said).await;
    }
}

/// Before 1970, about it, now, and the first and last microsecond that have four digits for a year.
const MICROS: [i64; 9] = [
    -62_135_596_800_000_000,
    -1_000_001,
    -1,
    0,
    1,
    999_999,
    1_000_000,
    1_795_424_400_123_457,
    253_402_300_799_999_999,
];

/// Records that hold an instant wherever one may stand; the last four are due then.
fn dated(number: u128, instant: Timestamp) -> [Record; 11] {
    let here = id::<OrganizationId>(number);
    let closing = OrganizationStatus::Closing { until: instant };
    let login = User {
        email_verified_at: Some(instant),
        resets_asked_at: vec![instant],
        created_at: instant,
        ..user(number, 1)
    };
    let person = Membership {
        status: MembershipStatus::Active { since: instant },
        role: role_name("agent"),
        created_at: instant,
        ..membership(id(number), here)
    };
    let support = SupportAccess {
        from: instant,
        until: Some(instant),
        revoked_at: Some(instant),
        ..support(number, number)
    };
    let seen = Activity {
        organization: here,
        signed_in_at: Some(instant),
        seen_at: Some(instant),
        ..activity(number, 1)
    };
    let plan = Handover { planned_at: instant, due_at: instant, ..handover(number, number, 1) };
    let batch =
        HandoverReceipt { organization: here, at: instant, ..handover_receipt(id(number), 1) };
    let offer =
        Invitation { expires_at: instant, created_at: instant, ..invitation(id(number), here) };
    let founded = Organization { status: closing, founded_at: instant, ..organization(number, 1) };
    [
        Record::Workspace(Box::new(Workspace {
            closed_at: Some(instant),
            ..workspace(number, number)
        })),
        Record::User(Box::new(login)),
        Record::Membership(Box::new(person)),
        Record::SupportAccess(Box::new(support)),
        Record::Activity(Box::new(seen)),
        Record::HandoverReceipt(Box::new(batch)),
        Record::Receipt(Box::new(Receipt { position: Revision::new(1), ..receipt(number, "x") })),
        Record::Handover(Box::new(plan)),
        Record::Invitation(Box::new(offer)),
        Record::Organization(Box::new(founded)),
        Record::Mail(Box::new(Mail {
            organization: Some(here),
            due_at: instant,
            ..mail(number, 1)
        })),
    ]
}

pub(super) async fn instants_are_kept_to_the_microsecond(s: Subject) {
    let mut due: [Vec<(Timestamp, Record)>; 4] = Default::default();
    // The last at first.
    for (number, micros) in (1..).zip(MICROS.into_iter().rev()) {
        let instant = Timestamp::from_micros(micros);
        let (records, said) = (dated(number, instant), saying(number, "then", instant));
        s.commit(ChangeSet { append: vec![said.clone()], ..puts(records.clone()) }).await;
        for expected in &records {
            let found = s.record(expected.key()).await;
            s.same(&found, &Some(expected.clone()), &format!("what happened at {micros} µs"));
        }
        entry_stands(&s, &said).await;
        for (due, record) in due.iter_mut().zip(records.into_iter().skip(7)) {
            due.push((instant, record));
        }
    }
    let [handovers, invitations, closings, mails] = due;
    falls_due(&s, handovers, |now, limit| Find::DueHandovers { now, limit }).await;
    falls_due(&s, invitations, |now, limit| Find::ExpiredInvitations { now, limit }).await;
    falls_due(&s, closings, |now, limit| Find::DueClosings { now, limit }).await;
    falls_due(&s, mails, |now, limit| Find::DueMail { now, limit }).await;
}
