//! Deciding jobs on a loaded state: commands one after the other, each with its audit entry and, under
//! an idempotency key, its receipt.

use crate::commands::{Command, Concern, Facts, Weighed, weigh};
use crate::domain::{
    Actor, Digest, Entry, EntryDetail, Event, Head, IdempotencyKey, Key, MembershipId, Need,
    Principal, Receipt, ReceiptKey, Refusal, Revision, State, Stream,
};

use super::{Error, Request};

/// A command that was committed, now or earlier under the same idempotency key.
#[derive(Clone, Debug)]
pub(super) struct Committed {
    pub(super) revision: Revision,
    /// None if they have been erased since.
    pub(super) events: Option<Vec<Event>>,
}

/// A command with the facts of its execution.
pub(super) struct Asked {
    pub(super) facts: Facts,
    pub(super) key: Option<IdempotencyKey>,
    pub(super) command: Command,
    /// Whom it concerns, when that has to be found out before it is decided.
    pub(super) concern: Option<Box<Concern>>,
    /// How often that was found out.
    pub(super) looks: usize,
}

/// A job whose facts are taken.
pub(super) struct Ready {
    pub(super) asked: Vec<Asked>,
    pub(super) request: Request,
    pub(super) all_or_nothing: bool,
}

impl Ready {
    /// Whether its commands stand each on its own.
    pub(super) const fn is_divisible(&self) -> bool {
        !self.all_or_nothing && self.asked.len() > 1
    }

    /// Each of its commands as a job of its own.
    pub(super) fn divided(self) -> impl Iterator<Item = Self> {
        let Self { asked, request, all_or_nothing } = self;
        asked.into_iter().map(move |asked| Self {
            asked: vec![asked],
            request: request.clone(),
            all_or_nothing,
        })
    }
}

/// The key of one command of many: the host's key with the command's number.
pub(super) fn numbered(
    key: Option<&IdempotencyKey>,
    number: Option<usize>,
) -> Option<IdempotencyKey> {
    let (key, Some(number)) = (key?, number) else { return key.cloned() };
    let digest = Digest::of(&[key.as_str().as_bytes(), &number.to_be_bytes()]);
    IdempotencyKey::new(digest.to_string()).ok()
}

/// Everything that the commands have to know, each thing once.
pub(super) fn needs(stream: Stream, jobs: &[Ready]) -> Vec<Need> {
    let mut needs = std::collections::BTreeSet::new();
    for job in jobs {
        for asked in &job.asked {
            needs.extend(asked.command.needs(&asked.facts));
            needs.extend(
                asked
                    .key
                    .as_ref()
                    .map(|key| Need::Record(Key::Receipt(receipt_key(stream, &job.request, key)))),
            );
        }
    }
    needs.into_iter().collect()
}

fn receipt_key(stream: Stream, request: &Request, key: &IdempotencyKey) -> ReceiptKey {
    ReceiptKey::new(stream, &actor(&request.principal, None), key.clone())
}

/// Decides the commands of a job one after the other, each on what the one before left.
pub(super) fn decide_job(
    state: &mut State,
    stream: Stream,
    job: &mut Ready,
) -> Vec<Result<Committed, Error>> {
    let Ready { asked, request, all_or_nothing } = job;
    let before = (asked.len() > 1 && *all_or_nothing).then(|| state.clone());
    let answers: Vec<_> =
        asked.iter_mut().map(|asked| decide_one(state, stream, asked, request)).collect();
    let Some(before) = before else { return answers };
    if answers.iter().all(Result::is_ok) {
        return answers;
    }
    *state = before;
    answers.into_iter().map(|answer| answer.and(Err(Error::RolledBack))).collect()
}

fn decide_one(
    state: &mut State,
    stream: Stream,
    asked: &mut Asked,
    request: &Request,
) -> Result<Committed, Error> {
    let Asked { facts, key, command, concern, .. } = asked;
    command.check_size()?;
    // I11: connections of two organizations may have one name; a receipt is for its own.
    let key = key.as_ref().filter(|_| !is_foreign(stream, &facts.principal));
    let keyed = key.map(|key| (receipt_key(stream, request, key), digest(command)));
    if let Some((key, digest)) = &keyed
        && let Some(receipt) = state.receipt(key)
    {
        return if receipt.digest == *digest {
            Ok(Committed { revision: receipt.position, events: None })
        } else {
            Err(Refusal::KeyReused.into())
        };
    }
    let own = own_membership(state, stream, &facts.principal);
    let events = match weigh(state, command, facts)? {
        Weighed::Follows(events) => events,
        Weighed::Unknown(it) => {
            *concern = Some(it);
            return Err(Error::Contended);
        }
    };
    for event in &events {
        state.apply(stream, event);
    }
    // Whoever comes in with this very command is a member from here on.
    let own = own.or_else(|| own_membership(state, stream, &facts.principal));
    let position = record(state, stream, asked, request, own, &events);
    if let Some((key, digest)) = keyed {
        state.put_receipt(Receipt { key, digest, position });
    }
    Ok(Committed { revision: position, events: Some(events) })
}

fn digest(command: &Command) -> Digest {
    // INVARIANT: a command is plain data with string keys, so it always serialises.
    Digest::of(&[&serde_json::to_vec(command).unwrap_or_default()])
}

/// Writes the audit entry of a command (I8).
fn record(
    state: &mut State,
    stream: Stream,
    asked: &Asked,
    request: &Request,
    own: Option<MembershipId>,
    events: &[Event],
) -> Revision {
    let head = match stream {
        Stream::Organization(id) => state.organization(id).map_or(Head::default(), |it| it.head),
        Stream::User(id) => state.user(id).map_or(Head::default(), |it| it.head),
    };
    let seats_used = match stream {
        Stream::Organization(id) => Some(state.seats_used(id)),
        Stream::User(_) => None,
    };
    let salt = asked.facts.identity(u32::MAX);
    let detail = EntryDetail::new(salt, request.reason.as_ref(), events);
    let mut subjects: Vec<MembershipId> =
        events.iter().flat_map(|event| state.subjects(event)).collect();
    subjects.sort_unstable();
    subjects.dedup();
    let mut entry = Entry {
        stream,
        position: head.position.next(),
        at: asked.facts.now,
        command_id: asked.facts.command,
        command: asked.command.name().as_str().to_owned(),
        actor: actor(&request.principal, own),
        source: request.source,
        events: events.iter().map(|event| event.name().to_owned()).collect(),
        subjects,
        seats_used,
        commitment: detail.commitment(),
        previous: head.hash,
        hash: Digest::default(),
    };
    entry.hash = entry.computed_hash();
    let position = entry.position;
    state.append(entry, detail);
    position
}

fn is_foreign(stream: Stream, who: &Principal) -> bool {
    matches!(
        who,
        Principal::Provisioner { organization, .. } if stream != Stream::Organization(*organization)
    )
}

fn own_membership(state: &State, stream: Stream, who: &Principal) -> Option<MembershipId> {
    let (Stream::Organization(id), Principal::Person(user)) = (stream, who) else { return None };
    state.membership_of(id.into(), *user).map(|it| it.id)
}

fn actor(who: &Principal, membership: Option<MembershipId>) -> Actor {
    match who {
        Principal::Person(user) => Actor::Person { user: *user, membership },
        Principal::Bearer(token) => {
            Actor::Bearer { purpose: token.purpose, subject: token.subject }
        }
        Principal::Support { access, person } => {
            Actor::Support { access: *access, person: person.clone() }
        }
        Principal::Provisioner { connection, .. } => {
            Actor::Provisioner { connection: connection.clone() }
        }
        Principal::System => Actor::System,
    }
}
