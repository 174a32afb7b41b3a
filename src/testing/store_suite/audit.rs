//! Audit entries: appended once, read in order, forgotten in part.

use std::sync::atomic::Ordering;

use uuid::Uuid;

use super::samples::{entry, id, organizations, users};
use super::subject::{Subject, meanwhile, pause};
use crate::domain::{
    ChangeSet, Entry, EntryDetail, FeedPosition, Forget, Key, Logged, MembershipId, OrganizationId,
    Record, Revision, Stream, UserId,
};
use crate::ports::Find;

const ONE: Stream = Stream::Organization(OrganizationId::new(Uuid::from_u128(1)));
const TWO: Stream = Stream::Organization(OrganizationId::new(Uuid::from_u128(2)));
const PERSON: Stream = Stream::User(UserId::new(Uuid::from_u128(1)));
const ADA: MembershipId = MembershipId::new(Uuid::from_u128(21));
const BOB: MembershipId = MembershipId::new(Uuid::from_u128(22));

/// Puts whoever these histories are of.
async fn owners(s: &Subject) {
    s.put(organizations([1, 2, 3, 4]).into_iter().chain(users([1]))).await;
}

fn appends(append: impl IntoIterator<Item = (Entry, EntryDetail)>) -> ChangeSet {
    ChangeSet { append: append.into_iter().collect(), ..ChangeSet::default() }
}

fn logged(record: Record) -> Logged {
    let Record::Entry(logged) = record else { panic!("the suite asked for an entry: {record:?}") };
    *logged
}

/// An entry without the place in the feed, which only the feed has to say.
fn unplaced(it: Logged) -> Logged {
    Logged { feed: FeedPosition(0), ..it }
}

async fn stands(s: &Subject, stream: Stream, position: u64) -> Option<Logged> {
    s.record(Key::Entry(stream, Revision::new(position))).await.map(logged)
}

async fn feed(s: &Subject, after: FeedPosition, limit: u32) -> Vec<Logged> {
    s.find(Find::Feed { after, limit }).await.into_iter().map(logged).collect()
}

pub(super) async fn an_entry_comes_back_with_its_detail(s: Subject) {
    owners(&s).await;
    for stream in [ONE, TWO, PERSON] {
        let (entry, detail) = entry(stream, 1, &[ADA, BOB]);
        s.commit(appends([(entry.clone(), detail.clone())])).await;
        let Some(found) = stands(&s, stream, 1).await else { s.breaks("it is not found by key") };
        s.same(&found.entry, &entry, "an entry");
        s.same(&found.detail, &Some(detail), "its detail");
        s.same(&stands(&s, stream, 2).await, &None, "the entry behind the last");
    }
}

pub(super) async fn an_entry_that_stands_already_is_a_conflict(s: Subject) {
    owners(&s).await;
    s.commit(appends([entry(ONE, 1, &[ADA]), entry(ONE, 2, &[])])).await;
    s.commit(appends([entry(TWO, 1, &[]), entry(PERSON, 1, &[])])).await;
    let before = stands(&s, ONE, 1).await;
    s.conflicts(appends([entry(ONE, 1, &[ADA])]), "the same entry stands already").await;
    s.conflicts(appends([entry(ONE, 1, &[BOB])]), "another entry stands there").await;
    s.conflicts(appends([entry(ONE, 3, &[]), entry(ONE, 2, &[])]), "the second stands").await;
    s.conflicts(appends([entry(ONE, 3, &[]), entry(ONE, 3, &[])]), "it is there twice").await;
    s.same(&stands(&s, ONE, 1).await, &before, "the entry that stood");
    s.same(&stands(&s, ONE, 3).await, &None, "the entry of a conflict");
    s.commit(appends([entry(ONE, 3, &[])])).await;
}

/// Three entries in each stream: about Ada, about both, about Bob; each appended alone.
async fn histories(s: &Subject) -> Vec<(Stream, u64, Logged)> {
    owners(s).await;
    let mut all = Vec::new();
    for stream in [ONE, TWO, PERSON] {
        let subjects: [&[MembershipId]; 4] = [&[ADA], &[BOB, ADA], &[BOB], &[]];
        for (position, about) in (1..).zip(subjects) {
            s.commit(appends([entry(stream, position, about)])).await;
            let Some(found) = stands(s, stream, position).await else {
                s.breaks("an entry is not found")
            };
            all.push((stream, position, found));
        }
    }
    all
}

async fn forgotten(s: &Subject, whose: Forget, meant: impl Fn(Stream, &Entry) -> bool) {
    let mut histories = histories(s).await;
    s.commit(ChangeSet { forget: vec![whose], ..ChangeSet::default() }).await;
    for (stream, position, logged) in &mut histories {
        if meant(*stream, &logged.entry) {
            logged.detail = None;
        }
        let what = format!("entry {position} of {stream:?} after {whose:?}");
        s.same(&stands(s, *stream, *position).await, &Some(logged.clone()), &what);
    }
    let expected: Vec<_> =
        histories.iter().filter(|(stream, ..)| *stream != PERSON).map(|it| it.2.clone()).collect();
    let found: Vec<_> = feed(s, FeedPosition(0), 100).await.into_iter().map(unplaced).collect();
    s.same(&found, &expected, "the feed after forgetting");
    for stream in [ONE, TWO, PERSON] {
        let expected: Vec<_> =
            histories.iter().filter(|it| it.0 == stream).map(|it| it.2.clone()).collect();
        let question = Find::Entries { stream, after: Revision::NONE, limit: 100 };
        let found: Vec<_> = s.find(question).await.into_iter().map(logged).collect();
        s.same(&found, &expected, "the entries of a stream after forgetting");
    }
}

pub(super) async fn a_forgotten_membership_leaves_the_entries_and_no_detail(s: Subject) {
    let whose = Forget::Membership(id(1), ADA);
    forgotten(&s, whose, |stream, entry| stream == ONE && entry.subjects.contains(&ADA)).await;
}

pub(super) async fn a_forgotten_user_leaves_the_entries_and_no_detail(s: Subject) {
    forgotten(&s, Forget::User(id(1)), |stream, _| stream == PERSON).await;
}

pub(super) async fn what_is_forgotten_and_said_at_once_is_forgotten(s: Subject) {
    owners(&s).await;
    let forget = vec![Forget::Membership(id(1), ADA), Forget::User(id(1))];
    let entries = [entry(ONE, 1, &[ADA]), entry(ONE, 2, &[BOB]), entry(PERSON, 1, &[])];
    s.commit(ChangeSet { forget, ..appends(entries) }).await;
    for (stream, position, kept) in [(ONE, 1, false), (ONE, 2, true), (PERSON, 1, false)] {
        let found = stands(&s, stream, position).await.and_then(|it| it.detail).is_some();
        s.same(&found, &kept, "whether there is a detail, forgotten in the commit that adds it");
    }
}

pub(super) async fn entries_are_read_in_their_order(s: Subject) {
    owners(&s).await;
    for position in 1..=12 {
        s.commit(appends([entry(ONE, position, &[]), entry(TWO, position, &[ADA])])).await;
    }
    for stream in [ONE, TWO, PERSON] {
        let mut model = Vec::new();
        for position in 1..=12 {
            model.extend(s.record(Key::Entry(stream, Revision::new(position))).await);
        }
        let place = |record: &Record| {
            let Record::Entry(it) = record else { return Revision::NONE };
            it.entry.position
        };
        let ask = |after: Option<Revision>, limit| Find::Entries {
            stream,
            after: after.unwrap_or_default(),
            limit,
        };
        s.pages(&model, &[1, 5, 12, 100], ask, place).await;
        let behind = Find::Entries { stream, after: Revision::new(40), limit: 3 };
        s.same(&s.find(behind).await.len(), &0, "entries behind the last");
    }
}

pub(super) async fn the_feed_has_every_entry_of_organizations_in_one_order(s: Subject) {
    owners(&s).await;
    for position in 1..=8 {
        s.commit(appends([entry(ONE, position, &[])])).await;
        s.commit(appends([entry(PERSON, position, &[])])).await;
        s.commit(appends([entry(TWO, position, &[BOB]), entry(ONE, position + 8, &[])])).await;
    }
    let all = feed(&s, FeedPosition(0), 1000).await;
    s.same(&all.len(), &24, "entries of organizations");
    for pair in all.windows(2) {
        s.holds(pair[0].feed < pair[1].feed, "positions in the feed do not go up");
    }
    s.holds(all[0].feed > FeedPosition(0), "the first position is not behind the beginning");
    for it in &all {
        let found = stands(&s, it.entry.stream, it.entry.position.get()).await;
        let expected = unplaced(it.clone());
        s.same(&found, &Some(expected), "an entry in the feed, and by its key");
        for said in s.positions(it.entry.stream, it.entry.position).await {
            let right = said == it.feed || said == FeedPosition(0);
            s.holds(
                right,
                &format!("an entry at {:?} of the feed says {said:?} elsewhere", it.feed),
            );
        }
    }
    let model: Vec<_> = all.into_iter().map(|it| Record::Entry(Box::new(it))).collect();
    let place = |record: &Record| logged(record.clone()).feed;
    let ask =
        |after: Option<FeedPosition>, limit| Find::Feed { after: after.unwrap_or_default(), limit };
    s.pages(&model, &[1, 7, 24, 100], ask, place).await;
}

pub(super) async fn nothing_appears_behind_a_feed_position(s: Subject) {
    owners(&s).await;
    let mut after = FeedPosition(0);
    for (round, threads) in (0..).zip(s.ways()) {
        let followed = follow_while_others_write(&s, *threads, round, after).await;
        let all = feed(&s, after, 1000).await;
        let missed = all.iter().filter(|it| !followed.contains(it)).count();
        s.same(&missed, &0, "entries that appeared behind a position already returned");
        s.same(&followed, &all, "the feed as it was followed, and as it is");
        s.same(&all.len(), &160, "entries that four organizations wrote");
        after = all[all.len() - 1].feed;
    }
}

/// Four organizations append forty entries each, in one round after the other.
async fn follow_while_others_write(
    s: &Subject,
    threads: bool,
    round: u64,
    mut after: FeedPosition,
) -> Vec<Logged> {
    let writers = (1..=4).map(|number| {
        let s = s.clone();
        async move {
            for position in 1..=40 {
                let stream = Stream::Organization(id(number));
                s.commit(appends([entry(stream, round * 40 + position, &[])])).await;
                pause().await;
            }
        }
    });
    meanwhile(s, threads, writers.collect(), async |done| {
        let mut followed = Vec::new();
        loop {
            let finished = done.load(Ordering::SeqCst);
            let page = feed(s, after, 7).await;
            if finished && page.is_empty() {
                return followed;
            }
            after = page.last().map_or(after, |it| it.feed);
            followed.extend(page);
            pause().await;
        }
    })
    .await
}
