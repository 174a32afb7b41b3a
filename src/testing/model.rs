//! A small, obviously right model of one organization, written apart from the rules it checks.
//!
//! It knows people by number, keeps plain lists, and says of each [`Step`] of a story what must
//! come of it: done, or refused and why. It shares nothing with the code that decides commands but
//! the names of statuses and of a few [`Rules`]. What it leaves out: workspaces, custom roles,
//! overrides, profiles, work.
//!
//! Every refusal is asked for in the same order: is whoever asks in, may they ask at all, is there
//! such a thing, is it themselves, do they stand above it, do the rules allow it, does the state.

#![expect(clippy::indexing_slicing, reason = "the model makes the numbers it looks things up by")]

use std::collections::BTreeSet;
use std::fmt;

use crate::domain::{
    Equals, InvitationStatus, Oneself, Refusal, Removal, Rules, SeatUse, SeatsFull, StatusName,
};

/// The people of a story, by number; the first founds the organization.
pub const NAMES: [&str; 6] = ["Olivia", "Ada", "Bob", "Carl", "Dora", "Emil"];
/// The teams that a story may have.
pub const TEAMS: [&str; 2] = ["Nights", "Billing"];
/// How long a role is lent, and from when on it is lent longer, in hours.
pub const LENT: [u16; 2] = [24, 48];
/// How long links and offers work, in seconds.
const LIFETIME: i64 = 7 * 24 * 3_600;

/// A person of the story.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who(pub usize);

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES[self.0])
    }
}

impl Who {
    /// The address of the person.
    pub fn address(self) -> String {
        format!("{}@acme.example", NAMES[self.0].to_lowercase())
    }
}

/// A team of the story.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crew(pub usize);

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(TEAMS[self.0])
    }
}

/// The cast's roles, highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Job {
    /// Keeps the organization, may everything.
    Owner,
    /// May everything but money, closing and offering ownership.
    Admin,
    /// Manages nobody.
    Agent,
    /// Takes no seat; nobody is invited as one.
    Viewer,
    /// Takes no seat.
    Customer,
}

impl Job {
    /// The role's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Agent => "agent",
            Self::Viewer => "viewer",
            Self::Customer => "customer",
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Owner => 100,
            Self::Admin => 80,
            Self::Agent => 40,
            Self::Viewer => 20,
            Self::Customer => 0,
        }
    }

    const fn takes_seat(self) -> bool {
        matches!(self, Self::Owner | Self::Admin | Self::Agent)
    }

    const fn manages_people(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }

    fn may_give(self, job: Self) -> bool {
        self == Self::Owner || (self == Self::Admin && job != Self::Owner)
    }
}

/// The choices of a host that a story is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Choices {
    /// Who uses seats.
    pub seats: SeatUse,
    /// What a full count does.
    pub full: SeatsFull,
    /// Whether equals manage equals.
    pub equals: Equals,
    /// Whether people may leave.
    pub oneself: Oneself,
    /// Whether people are deactivated, removed, or either.
    pub removal: Removal,
    /// The limit at first.
    pub limit: Option<u32>,
}

impl Choices {
    /// The same as rules of an organization.
    pub fn rules(&self) -> Rules {
        Rules {
            seats: self.seats.clone(),
            seats_full: self.full.clone(),
            equals: self.equals.clone(),
            oneself: self.oneself.clone(),
            removal: self.removal.clone(),
            ..Rules::default()
        }
    }
}

/// What somebody tries. With a link, whoever holds it acts: the newest letter, or the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each reads as the sentence that it prints")]
pub enum Action {
    Invites(Who, Job),
    SendsAgain(Who),
    TakesBack(Who),
    AcceptsByNewestLink,
    AcceptsByFirstLink,
    DeclinesByNewestLink,
    AcceptsTheInvitationOf(Who),
    DeclinesTheInvitationOf(Who),
    Makes(Who, Job),
    Deactivates(Who),
    Blocks(Who),
    Unblocks(Who),
    Reactivates(Who),
    Removes(Who),
    SignsOut(Who),
    Leaves,
    FoundsTeam(Crew),
    DeletesTeam(Crew),
    Lends(Who, Job),
    LendsLonger(Who),
    TakesBackWhatIsLentTo(Who),
    PutsInto(Who, Crew),
    TakesOutOf(Who, Crew),
    OffersOwnership(Who),
    HandsOwnershipTo(Who),
    AcceptsOwnership,
    DeclinesOwnership,
    LimitsSeatsTo(u32),
    LiftsTheSeatLimit,
    SeesThePostmanCome,
}

/// One step of a story: when, who, what.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Who acts.
    pub who: Who,
    /// What they try.
    pub action: Action,
    /// How many hours after the step before; the clock may also be set back.
    pub hours: i16,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Action as A;
        match self.hours {
            0 => {}
            hours if hours > 0 => write!(f, "{hours} hours later, ")?,
            hours => write!(f, "{} hours earlier, ", -hours)?,
        }
        let name = self.who;
        match self.action {
            A::Invites(it, job) => write!(f, "{name:?} invites {it:?} as {}", job.name()),
            A::SendsAgain(it) => write!(f, "{name:?} sends the invitation of {it:?} again"),
            A::TakesBack(it) => write!(f, "{name:?} takes the invitation of {it:?} back"),
            A::AcceptsByNewestLink => write!(f, "{name:?} accepts by the newest link"),
            A::AcceptsByFirstLink => write!(f, "{name:?} accepts by the first link"),
            A::DeclinesByNewestLink => write!(f, "{name:?} declines by the newest link"),
            A::AcceptsTheInvitationOf(it) => write!(f, "{name:?} accepts the invitation of {it:?}"),
            A::DeclinesTheInvitationOf(it) => {
                write!(f, "{name:?} declines the invitation of {it:?}")
            }
            A::Makes(it, job) => write!(f, "{name:?} makes {it:?} {}", job.name()),
            A::Deactivates(it) => write!(f, "{name:?} deactivates {it:?}"),
            A::Blocks(it) => write!(f, "{name:?} blocks {it:?}"),
            A::Unblocks(it) => write!(f, "{name:?} unblocks {it:?}"),
            A::Reactivates(it) => write!(f, "{name:?} reactivates {it:?}"),
            A::Removes(it) => write!(f, "{name:?} removes {it:?}"),
            A::SignsOut(it) => write!(f, "{name:?} signs {it:?} out"),
            A::Leaves => write!(f, "{name:?} leaves"),
            A::FoundsTeam(team) => write!(f, "{name:?} makes the team {team:?}"),
            A::DeletesTeam(team) => write!(f, "{name:?} deletes the team {team:?}"),
            A::Lends(it, job) => write!(f, "{name:?} lends {it:?} the role of {}", job.name()),
            A::LendsLonger(it) => write!(f, "{name:?} lends {it:?} the newest role longer"),
            A::TakesBackWhatIsLentTo(it) => {
                write!(f, "{name:?} takes the newest role back that is lent to {it:?}")
            }
            A::PutsInto(it, team) => write!(f, "{name:?} puts {it:?} into {team:?}"),
            A::TakesOutOf(it, team) => write!(f, "{name:?} takes {it:?} out of {team:?}"),
            A::OffersOwnership(it) => write!(f, "{name:?} offers {it:?} ownership"),
            A::HandsOwnershipTo(it) => write!(f, "{name:?} offers {it:?} ownership in exchange"),
            A::AcceptsOwnership => write!(f, "{name:?} accepts ownership"),
            A::DeclinesOwnership => write!(f, "{name:?} declines ownership"),
            A::LimitsSeatsTo(limit) => write!(f, "{name:?} limits the seats to {limit}"),
            A::LiftsTheSeatLimit => write!(f, "{name:?} lifts the seat limit"),
            A::SeesThePostmanCome => write!(f, "{name:?} sees the postman come"),
        }
    }
}

/// Why something is refused, as kinds of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is a refusal without what it is about")]
pub enum Why {
    NotFound,
    MissingPermission,
    Outranked,
    MayNotAssign,
    NotInvitable,
    Oneself,
    RuleForbids,
    LastOwner,
    SeatsFull,
    AlreadyMember,
    Blocked,
    Taken,
    NameTaken,
    Expired,
    Superseded,
    InvitationClosed,
    InviterLostStanding,
    OfferVoid,
    NoTransition,
    NotActive,
    NoChange,
    /// A kind that no step of a story can meet.
    Unexpected,
}

impl From<&Refusal> for Why {
    fn from(refusal: &Refusal) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is unexpected by definition")]
        match refusal {
            Refusal::NotFound(_) => Self::NotFound,
            Refusal::MissingPermission(_) => Self::MissingPermission,
            Refusal::Outranked { .. } => Self::Outranked,
            Refusal::MayNotAssign(_) => Self::MayNotAssign,
            Refusal::NotInvitable(_) => Self::NotInvitable,
            Refusal::Oneself => Self::Oneself,
            Refusal::RuleForbids { .. } => Self::RuleForbids,
            Refusal::LastOwner => Self::LastOwner,
            Refusal::SeatsFull { .. } => Self::SeatsFull,
            Refusal::AlreadyMember(_) => Self::AlreadyMember,
            Refusal::Blocked => Self::Blocked,
            Refusal::Taken(_) => Self::Taken,
            Refusal::NameTaken(_) => Self::NameTaken,
            Refusal::Expired => Self::Expired,
            Refusal::Superseded => Self::Superseded,
            Refusal::InvitationClosed(_) => Self::InvitationClosed,
            Refusal::InviterLostStanding => Self::InviterLostStanding,
            Refusal::OfferVoid => Self::OfferVoid,
            Refusal::NoTransition { .. } => Self::NoTransition,
            Refusal::NotActive(_) => Self::NotActive,
            Refusal::NoChange => Self::NoChange,
            _ => Self::Unexpected,
        }
    }
}

/// What comes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It is refused, and nothing has changed.
    Refused(Why),
    /// There is no letter to follow a link from: nothing is asked.
    NoLink,
}

/// A role that is lent for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loan {
    /// Its number, in the order in which roles were lent.
    pub number: usize,
    /// The role.
    pub job: Job,
    /// The first instant at which it holds.
    pub from: i64,
    /// The first instant at which it no longer holds.
    pub until: i64,
}

/// A membership as the model knows it; its number is its place in [`Model::members`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Whose it is, or is meant to be.
    pub who: Who,
    /// Whether it is bound to the person's user.
    pub bound: bool,
    /// The role.
    pub job: Job,
    /// Where in its life it is.
    pub status: StatusName,
    /// Whether it was deactivated as a block.
    pub blocked: bool,
    /// Its teams, deleted ones left out.
    pub teams: BTreeSet<Crew>,
    /// The roles that are lent, in their order; those that are over may still stand here.
    pub loans: Vec<Loan>,
    /// How often its sessions were ended.
    pub epoch: u32,
    /// An offer of ownership: by which member, until when, in exchange or not.
    pub offer: Option<(usize, i64, bool)>,
}

/// An invitation as the model knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    /// The member it would activate.
    pub member: usize,
    /// The member who invited.
    pub by: usize,
    /// What has become of it.
    pub status: InvitationStatus,
    /// Only links of this generation work.
    pub generation: u32,
    /// When its newest link runs out.
    pub until: i64,
}

/// A letter that the postman brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letter {
    /// With a link of this generation to this invitation, and when it runs out.
    Link {
        /// To whom.
        to: Who,
        /// Which invitation.
        invitation: usize,
        /// Which generation.
        generation: u32,
        /// When the link runs out.
        until: i64,
    },
    /// That ownership is offered.
    Offer {
        /// To whom.
        to: Who,
    },
}

#[derive(Clone, Copy, Debug)]
enum About {
    Invitation(usize, u32),
    Offer(usize),
}

/// The organization as it must be.
#[derive(Clone, Debug)]
pub struct Model {
    choices: Choices,
    /// Seconds since the beginning of the story.
    pub now: i64,
    /// Every membership there ever was.
    pub members: Vec<Member>,
    /// Every invitation there ever was.
    pub invitations: Vec<Invited>,
    /// The seat limit.
    pub limit: Option<u32>,
    /// The teams there are.
    pub teams: BTreeSet<Crew>,
    /// Who has a user.
    pub users: BTreeSet<Who>,
    /// Who was removed while blocked.
    pub kept_out: BTreeSet<Who>,
    /// Every letter, in the order of delivery.
    pub letters: Vec<Letter>,
    /// How many commands were committed.
    pub commits: u64,
    /// How many people have gone for good.
    pub former: u64,
    /// How many roles were ever lent.
    pub lent: usize,
    outbox: Vec<(i64, About)>,
}

/// What finding a seat takes.
#[derive(Default)]
struct Room {
    lapse: Vec<usize>,
    grow: Option<u32>,
}

impl Model {
    /// The first person of the story has founded the organization; these already have a user.
    pub fn found(choices: Choices, users: impl IntoIterator<Item = Who>) -> Self {
        let founder = Member {
            who: Who(0),
            bound: true,
            job: Job::Owner,
            status: StatusName::Active,
            blocked: false,
            teams: BTreeSet::new(),
            loans: Vec::new(),
            epoch: 0,
            offer: None,
        };
        Self {
            limit: choices.limit,
            choices,
            now: 0,
            members: vec![founder],
            invitations: Vec::new(),
            teams: BTreeSet::new(),
            users: users.into_iter().chain([Who(0)]).collect(),
            kept_out: BTreeSet::new(),
            letters: Vec::new(),
            commits: 1,
            former: 0,
            lent: 0,
            outbox: Vec::new(),
        }
    }

    /// The newest membership of a person.
    pub fn newest(&self, who: Who) -> Option<usize> {
        self.members.iter().rposition(|it| it.who == who)
    }

    /// The newest invitation of a person.
    pub fn newest_invitation(&self, who: Who) -> Option<usize> {
        self.invitations.iter().rposition(|it| self.members[it.member].who == who)
    }

    /// The newest role that is lent to a person, as far as it is on record.
    pub fn newest_loan(&self, who: Who) -> Option<Loan> {
        self.newest(who).and_then(|it| self.members[it].loans.last().copied())
    }

    /// The link that a step follows: the newest or the first that the person has been sent.
    pub fn link(&self, who: Who, first: bool) -> Option<(usize, u32, i64)> {
        let mut links = self.letters.iter().filter_map(|letter| match *letter {
            Letter::Link { to, invitation, generation, until } if to == who => {
                Some((invitation, generation, until))
            }
            Letter::Link { .. } | Letter::Offer { .. } => None,
        });
        if first { links.next() } else { links.next_back() }
    }

    /// Seats in use, counted one by one.
    pub fn seats_used(&self) -> u32 {
        let uses = self.members.iter().filter(|it| self.uses_seat(it.job, it.status));
        u32::try_from(uses.count()).unwrap_or(u32::MAX)
    }

    /// How many invitations wait for an answer.
    pub fn open_invitations(&self) -> usize {
        self.invitations.iter().filter(|it| it.status == InvitationStatus::Open).count()
    }

    /// Takes a step, and says what comes of it.
    pub fn take(&mut self, step: Step) -> Outcome {
        self.now += i64::from(step.hours) * 3_600 + 1;
        let before = self.commits;
        match self.act(step.who, step.action) {
            Ok(false) => Outcome::NoLink,
            Ok(true) => {
                if step.action != Action::SeesThePostmanCome {
                    self.commits = before + 1;
                }
                Outcome::Done
            }
            Err(why) => Outcome::Refused(why),
        }
    }

    fn act(&mut self, who: Who, action: Action) -> Result<bool, Why> {
        use Action as A;
        match action {
            A::Invites(it, job) => self.invite(who, it, job)?,
            A::SendsAgain(it) => self.send_again(who, it)?,
            A::TakesBack(it) => self.take_back(who, it)?,
            A::AcceptsByNewestLink | A::AcceptsByFirstLink | A::DeclinesByNewestLink => {
                let Some(link) = self.link(who, action == A::AcceptsByFirstLink) else {
                    return Ok(false);
                };
                let invitation = self.follow(link)?;
                if action == A::DeclinesByNewestLink {
                    self.end_invitation(invitation, InvitationStatus::Declined);
                } else {
                    self.accept(invitation, who, true)?;
                }
            }
            A::AcceptsTheInvitationOf(it) => {
                let invitation = self.own_invitation(who, it)?;
                self.accept(invitation, who, false)?;
            }
            A::DeclinesTheInvitationOf(it) => {
                let invitation = self.own_invitation(who, it)?;
                self.end_invitation(invitation, InvitationStatus::Declined);
            }
            A::Makes(it, job) => self.give_job(who, it, job)?,
            A::Deactivates(it) => self.deactivate(who, it, false)?,
            A::Blocks(it) => self.deactivate(who, it, true)?,
            A::Unblocks(it) => {
                self.managing(who)?;
                if !self.kept_out.remove(&it) {
                    return Err(Why::NotFound);
                }
            }
            A::Reactivates(it) => self.reactivate(who, it)?,
            A::Removes(it) => {
                let it = self.below(who, it)?;
                if self.choices.removal == Removal::Reversible {
                    return Err(Why::RuleForbids);
                }
                self.go(it)?;
            }
            A::SignsOut(it) => self.sign_out(who, it)?,
            A::Leaves => self.leave(who)?,
            A::FoundsTeam(team) => self.found_team(who, team)?,
            A::DeletesTeam(team) => self.delete_team(who, team)?,
            A::Lends(it, job) => self.lend(who, it, job)?,
            A::LendsLonger(it) => self.lend_longer(who, it)?,
            A::TakesBackWhatIsLentTo(it) => {
                let own = self.managing(who)?;
                let found = self.below(who, it)?;
                let loan = self.newest_loan(it).ok_or(Why::NotFound)?;
                self.stands_above(own, loan.job)?;
                self.members[found].loans.pop();
            }
            A::PutsInto(it, team) => {
                if !self.teams_of(who, it, team)?.insert(team) {
                    return Err(Why::NoChange);
                }
            }
            A::TakesOutOf(it, team) => {
                if !self.teams_of(who, it, team)?.remove(&team) {
                    return Err(Why::NoChange);
                }
            }
            A::OffersOwnership(it) => self.offer(who, it, false)?,
            A::HandsOwnershipTo(it) => self.offer(who, it, true)?,
            A::AcceptsOwnership => self.accept_ownership(who)?,
            A::DeclinesOwnership => {
                let own = self.inside(who)?;
                self.members[own].offer.take().ok_or(Why::OfferVoid)?;
            }
            A::LimitsSeatsTo(limit) => self.set_limit(who, Some(limit))?,
            A::LiftsTheSeatLimit => self.set_limit(who, None)?,
            A::SeesThePostmanCome => self.postman(),
        }
        Ok(true)
    }

    // ── Who may ask ─────────────────────────────────────────────────────────────────────────────

    /// Strangers, and whoever is not active, find nothing here.
    fn inside(&self, who: Who) -> Result<usize, Why> {
        let own = self
            .members
            .iter()
            .position(|it| it.who == who && it.bound && it.status == StatusName::Active);
        own.ok_or(Why::NotFound)
    }

    fn managing(&self, who: Who) -> Result<Job, Why> {
        let job = self.job_now(self.inside(who)?);
        if job.manages_people() { Ok(job) } else { Err(Why::MissingPermission) }
    }

    /// The highest of one's own role and those that are lent at the moment.
    fn job_now(&self, it: usize) -> Job {
        let runs = |loan: &&Loan| loan.from <= self.now && self.now < loan.until;
        let lent = self.members[it].loans.iter().filter(runs).map(|loan| loan.job);
        lent.min().map_or(self.members[it].job, |lent| lent.min(self.members[it].job))
    }

    fn owning(&self, who: Who) -> Result<usize, Why> {
        let own = self.inside(who)?;
        if self.members[own].job == Job::Owner { Ok(own) } else { Err(Why::MissingPermission) }
    }

    /// The newest membership of somebody whom whoever asks manages and stands above.
    fn below(&self, who: Who, it: Who) -> Result<usize, Why> {
        let job = self.managing(who)?;
        let found = self.newest(it).ok_or(Why::NotFound)?;
        if self.members[found].bound && who == it {
            return Err(Why::Oneself);
        }
        self.outranked_by(job, found)?;
        Ok(found)
    }

    fn outranked_by(&self, job: Job, it: usize) -> Result<(), Why> {
        self.stands_above(job, self.job_now(it))
    }

    fn stands_above(&self, job: Job, theirs: Job) -> Result<(), Why> {
        let theirs = theirs.rank();
        let equals = self.choices.equals == Equals::ManageEquals;
        if job.rank() > theirs || (equals && job.rank() == theirs) {
            Ok(())
        } else {
            Err(Why::Outranked)
        }
    }

    // ── Seats and owners ────────────────────────────────────────────────────────────────────────

    fn uses_seat(&self, job: Job, status: StatusName) -> bool {
        job.takes_seat()
            && match status {
                StatusName::Active => true,
                StatusName::Deactivated => self.choices.seats == SeatUse::Everyone,
                StatusName::Invited | StatusName::SettingUp | StatusName::Provisioned => {
                    self.choices.seats != SeatUse::Active
                }
                StatusName::Lapsed | StatusName::Removed => false,
            }
    }

    /// Whether there is a seat for a change, and what it takes: first, invitations that have run
    /// out give theirs back, in the order in which they ran out.
    fn room(
        &self,
        before: Option<(Job, StatusName)>,
        after: (Job, StatusName),
    ) -> Result<Room, Why> {
        let mut room = Room::default();
        let needs_one = self.uses_seat(after.0, after.1)
            && !before.is_some_and(|(job, status)| self.uses_seat(job, status));
        let Some(limit) = self.limit.filter(|_| needs_one) else { return Ok(room) };
        let mut used = self.seats_used();
        let mut over: Vec<usize> = (0..self.invitations.len())
            .filter(|n| {
                let it = &self.invitations[*n];
                it.status == InvitationStatus::Open
                    && it.until <= self.now
                    && self.uses_seat(self.members[it.member].job, StatusName::Invited)
            })
            .collect();
        over.sort_by_key(|n| self.invitations[*n].until);
        for invitation in over {
            if used >= limit {
                used -= 1;
                room.lapse.push(invitation);
            }
        }
        if used >= limit {
            if self.choices.full == SeatsFull::Refuse {
                return Err(Why::SeatsFull);
            }
            room.grow = Some(used + 1);
        }
        Ok(room)
    }

    fn make(&mut self, room: Room) {
        for invitation in room.lapse {
            self.lapse(invitation);
        }
        self.limit = room.grow.or(self.limit);
    }

    fn lapse(&mut self, invitation: usize) {
        self.invitations[invitation].status = InvitationStatus::Lapsed;
        let member = self.invitations[invitation].member;
        self.members[member].status = StatusName::Lapsed;
    }

    fn is_last_owner(&self, it: usize) -> bool {
        let keeps = |it: &Member| it.job == Job::Owner && it.status == StatusName::Active;
        keeps(&self.members[it]) && self.members.iter().filter(|it| keeps(it)).count() == 1
    }

    // ── Invitations ─────────────────────────────────────────────────────────────────────────────

    fn invite(&mut self, who: Who, it: Who, job: Job) -> Result<(), Why> {
        let own = self.managing(who)?;
        let by = self.inside(who)?;
        if job == Job::Viewer {
            return Err(Why::NotInvitable);
        }
        if !own.may_give(job) {
            return Err(Why::MayNotAssign);
        }
        if self.kept_out.contains(&it) {
            return Err(Why::Blocked);
        }
        let live = self.members.iter().find(|m| m.who == it && m.status != StatusName::Removed);
        if let Some(live) = live {
            return Err(if live.blocked { Why::Blocked } else { Why::AlreadyMember });
        }
        let room = self.room(None, (job, StatusName::Invited))?;
        self.make(room);
        self.members.push(Member {
            who: it,
            bound: false,
            job,
            status: StatusName::Invited,
            blocked: false,
            teams: BTreeSet::new(),
            loans: Vec::new(),
            epoch: 0,
            offer: None,
        });
        self.invitations.push(Invited {
            member: self.members.len() - 1,
            by,
            status: InvitationStatus::Open,
            generation: 1,
            until: self.now + LIFETIME,
        });
        self.outbox.push((self.now, About::Invitation(self.invitations.len() - 1, 1)));
        Ok(())
    }

    fn unanswered(&self, it: usize) -> Result<(), Why> {
        match self.invitations[it].status {
            InvitationStatus::Open | InvitationStatus::Lapsed => Ok(()),
            InvitationStatus::Accepted | InvitationStatus::Declined | InvitationStatus::Revoked => {
                Err(Why::InvitationClosed)
            }
        }
    }

    fn send_again(&mut self, who: Who, it: Who) -> Result<(), Why> {
        let own = self.managing(who)?;
        let by = self.inside(who)?;
        let it = self.newest_invitation(it).ok_or(Why::NotFound)?;
        self.unanswered(it)?;
        let member = self.invitations[it].member;
        let (job, status) = (self.members[member].job, self.members[member].status);
        if !own.may_give(job) {
            return Err(Why::MayNotAssign);
        }
        let room = self.room(Some((job, status)), (job, StatusName::Invited))?;
        self.make(room);
        self.members[member].status = StatusName::Invited;
        let until = self.now + LIFETIME;
        let invitation = &mut self.invitations[it];
        invitation.status = InvitationStatus::Open;
        invitation.by = by;
        invitation.generation += 1;
        invitation.until = until;
        self.outbox.push((self.now, About::Invitation(it, invitation.generation)));
        Ok(())
    }

    fn take_back(&mut self, who: Who, it: Who) -> Result<(), Why> {
        let own = self.managing(who)?;
        let it = self.newest_invitation(it).ok_or(Why::NotFound)?;
        self.unanswered(it)?;
        self.outranked_by(own, self.invitations[it].member)?;
        self.end_invitation(it, InvitationStatus::Revoked);
        Ok(())
    }

    fn end_invitation(&mut self, it: usize, status: InvitationStatus) {
        self.invitations[it].status = status;
        let member = self.invitations[it].member;
        self.members[member].status = StatusName::Removed;
        self.former += 1;
    }

    /// A link works for the newest generation, until it runs out, while nobody has answered.
    fn follow(&self, (it, generation, until): (usize, u32, i64)) -> Result<usize, Why> {
        if generation != self.invitations[it].generation {
            return Err(Why::Superseded);
        }
        if until <= self.now {
            return Err(Why::Expired);
        }
        self.unanswered(it).map(|()| it)
    }

    /// Signed in, people find the invitation to their own address, and nobody else's.
    fn own_invitation(&self, who: Who, it: Who) -> Result<usize, Why> {
        let found = self.newest_invitation(it).ok_or(Why::NotFound)?;
        if who != it || !self.users.contains(&who) {
            return Err(Why::NotFound);
        }
        self.unanswered(found).map(|()| found)
    }

    fn accept(&mut self, it: usize, who: Who, by_link: bool) -> Result<(), Why> {
        let Invited { member, by, status, until, .. } = self.invitations[it].clone();
        if status == InvitationStatus::Lapsed || until <= self.now {
            return Err(Why::Expired);
        }
        let (job, inviter) = (self.members[member].job, self.job_now(by));
        if self.members[by].status != StatusName::Active
            || !inviter.manages_people()
            || !inviter.may_give(job)
        {
            return Err(Why::InviterLostStanding);
        }
        if by_link && self.users.contains(&who) {
            return Err(Why::Taken);
        }
        let room = self.room(Some((job, StatusName::Invited)), (job, StatusName::Active))?;
        self.make(room);
        self.users.insert(who);
        self.invitations[it].status = InvitationStatus::Accepted;
        self.members[member].bound = true;
        self.members[member].status = StatusName::Active;
        Ok(())
    }

    // ── Members ─────────────────────────────────────────────────────────────────────────────────

    fn give_job(&mut self, who: Who, it: Who, job: Job) -> Result<(), Why> {
        let own = self.managing(who)?;
        let it = self.below(who, it)?;
        let Member { job: before, status, .. } = self.members[it];
        if status == StatusName::Removed {
            return Err(Why::NotFound);
        }
        if before == job {
            return Err(Why::NoChange);
        }
        if !own.may_give(job) {
            return Err(Why::MayNotAssign);
        }
        if job == Job::Owner {
            return Err(Why::RuleForbids);
        }
        if self.is_last_owner(it) {
            return Err(Why::LastOwner);
        }
        let room = self.room(Some((before, status)), (job, status))?;
        self.make(room);
        self.become_job(it, job);
        Ok(())
    }

    fn become_job(&mut self, it: usize, job: Job) {
        self.members[it].job = job;
        self.members[it].offer = None;
        if !job.takes_seat() {
            self.members[it].loans.retain(|loan| !loan.job.takes_seat());
        }
    }

    fn lend(&mut self, who: Who, it: Who, job: Job) -> Result<(), Why> {
        let own = self.managing(who)?;
        let it = self.below(who, it)?;
        match self.members[it].status {
            StatusName::Active => {}
            StatusName::Removed => return Err(Why::NotFound),
            StatusName::Invited
            | StatusName::Lapsed
            | StatusName::SettingUp
            | StatusName::Provisioned
            | StatusName::Deactivated => return Err(Why::NotActive),
        }
        if self.members[it].job == job {
            return Err(Why::NoChange);
        }
        if !own.may_give(job) {
            return Err(Why::MayNotAssign);
        }
        if job == Job::Owner || (job.takes_seat() && !self.members[it].job.takes_seat()) {
            return Err(Why::RuleForbids);
        }
        let (from, until) = (self.now, self.now + i64::from(LENT[0]) * 3_600);
        let loans = &mut self.members[it].loans;
        loans.retain(|loan| from < loan.until);
        loans.push(Loan { number: self.lent, job, from, until });
        self.lent += 1;
        Ok(())
    }

    fn lend_longer(&mut self, who: Who, it: Who) -> Result<(), Why> {
        let found = self.below(who, it)?;
        let loan = self.newest_loan(it).filter(|loan| self.now < loan.until);
        let loan = loan.ok_or(Why::NotFound)?;
        let until = loan.from.max(self.now) + i64::from(LENT[1]) * 3_600;
        if until == loan.until {
            return Err(Why::NoChange);
        }
        let renewed = Loan { until, ..loan };
        let loans = &mut self.members[found].loans;
        loans.pop();
        loans.push(renewed);
        Ok(())
    }

    fn deactivate(&mut self, who: Who, it: Who, blocked: bool) -> Result<(), Why> {
        let it = self.below(who, it)?;
        if !blocked && self.choices.removal == Removal::Irreversible {
            return Err(Why::RuleForbids);
        }
        if self.members[it].status != StatusName::Active {
            return Err(Why::NoTransition);
        }
        if self.is_last_owner(it) {
            return Err(Why::LastOwner);
        }
        self.members[it].status = StatusName::Deactivated;
        self.members[it].blocked = blocked;
        self.end_access(it);
        Ok(())
    }

    /// Whoever goes takes along their sessions, the offer they had, what was lent to them, and the
    /// invitations they made.
    fn end_access(&mut self, it: usize) {
        self.members[it].loans.clear();
        self.members[it].epoch += 1;
        self.members[it].offer = None;
        for n in 0..self.invitations.len() {
            let made = &self.invitations[n];
            if made.by == it && made.status == InvitationStatus::Open {
                self.end_invitation(n, InvitationStatus::Revoked);
            }
        }
    }

    fn reactivate(&mut self, who: Who, it: Who) -> Result<(), Why> {
        let own = self.managing(who)?;
        let it = self.below(who, it)?;
        if self.members[it].status != StatusName::Deactivated {
            return Err(Why::NoTransition);
        }
        let job = self.members[it].job;
        if !own.may_give(job) {
            return Err(Why::MayNotAssign);
        }
        let room = self.room(Some((job, StatusName::Deactivated)), (job, StatusName::Active))?;
        self.make(room);
        self.members[it].status = StatusName::Active;
        self.members[it].blocked = false;
        Ok(())
    }

    /// Somebody goes for good; a block stays.
    fn go(&mut self, it: usize) -> Result<(), Why> {
        if self.is_last_owner(it) {
            return Err(Why::LastOwner);
        }
        if self.members[it].status == StatusName::Removed {
            return Err(Why::NoTransition);
        }
        self.end_access(it);
        let waits = |made: &Invited| {
            made.member == it
                && matches!(made.status, InvitationStatus::Open | InvitationStatus::Lapsed)
        };
        if let Some(invitation) = self.invitations.iter().position(waits) {
            self.end_invitation(invitation, InvitationStatus::Revoked);
        } else {
            self.members[it].status = StatusName::Removed;
            self.former += 1;
        }
        if std::mem::take(&mut self.members[it].blocked) {
            self.kept_out.insert(self.members[it].who);
        }
        Ok(())
    }

    fn leave(&mut self, who: Who) -> Result<(), Why> {
        let own = self.newest(who).filter(|own| self.members[*own].bound).ok_or(Why::NotFound)?;
        if self.choices.oneself == Oneself::Forbidden {
            return Err(Why::Oneself);
        }
        self.go(own)
    }

    /// Oneself, or somebody below.
    fn sign_out(&mut self, who: Who, it: Who) -> Result<(), Why> {
        let own = self.inside(who);
        let found = match own {
            Ok(own) if who == it && self.newest(it) == Some(own) => own,
            _ => self.below(who, it)?,
        };
        if self.members[found].status == StatusName::Removed {
            return Err(Why::NotFound);
        }
        self.members[found].epoch += 1;
        Ok(())
    }

    fn found_team(&mut self, who: Who, team: Crew) -> Result<(), Why> {
        self.managing(who)?;
        if self.teams.insert(team) { Ok(()) } else { Err(Why::NameTaken) }
    }

    fn delete_team(&mut self, who: Who, team: Crew) -> Result<(), Why> {
        self.managing(who)?;
        if !self.teams.remove(&team) {
            return Err(Why::NotFound);
        }
        for member in &mut self.members {
            member.teams.remove(&team);
        }
        Ok(())
    }

    /// The teams of somebody below, or one's own, and a team that there is.
    fn teams_of(&mut self, who: Who, it: Who, team: Crew) -> Result<&mut BTreeSet<Crew>, Why> {
        let own = self.managing(who)?;
        let found = self.newest(it).filter(|_| self.teams.contains(&team));
        let found = found.filter(|it| self.members[*it].status != StatusName::Removed);
        let found = found.ok_or(Why::NotFound)?;
        if !(who == it && self.members[found].bound) {
            self.outranked_by(own, found)?;
        }
        Ok(&mut self.members[found].teams)
    }

    fn offer(&mut self, who: Who, it: Who, in_exchange: bool) -> Result<(), Why> {
        let by = self.owning(who)?;
        let it = self.newest(it).ok_or(Why::NotFound)?;
        if it == by {
            return Err(Why::Oneself);
        }
        if self.members[it].status != StatusName::Active {
            return Err(Why::NoTransition);
        }
        if self.members[it].job == Job::Owner {
            return Err(Why::NoChange);
        }
        self.members[it].offer = Some((by, self.now + LIFETIME, in_exchange));
        self.outbox.push((self.now, About::Offer(it)));
        Ok(())
    }

    fn accept_ownership(&mut self, who: Who) -> Result<(), Why> {
        let own = self.inside(who)?;
        let (by, until, in_exchange) = self.members[own].offer.ok_or(Why::OfferVoid)?;
        let stands = &self.members[by];
        if until <= self.now || stands.status != StatusName::Active || stands.job != Job::Owner {
            return Err(Why::OfferVoid);
        }
        let active = StatusName::Active;
        let room = self.room(Some((self.members[own].job, active)), (Job::Owner, active))?;
        self.make(room);
        self.become_job(own, Job::Owner);
        if in_exchange {
            self.become_job(by, Job::Admin);
        }
        Ok(())
    }

    fn set_limit(&mut self, who: Who, limit: Option<u32>) -> Result<(), Why> {
        self.owning(who)?;
        if self.limit == limit {
            return Err(Why::NoChange);
        }
        self.limit = limit;
        Ok(())
    }

    // ── The postman ─────────────────────────────────────────────────────────────────────────────

    /// Invitations that have run out lapse, each a commit; what is due and still true is sent.
    fn postman(&mut self) {
        for n in 0..self.invitations.len() {
            let it = &self.invitations[n];
            if it.status == InvitationStatus::Open && it.until <= self.now {
                self.lapse(n);
                self.commits += 1;
            }
        }
        let (mut due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.outbox).into_iter().partition(|(at, _)| *at <= self.now);
        due.sort_by_key(|(at, _)| *at);
        self.outbox = later;
        for (_, about) in due {
            self.letters.extend(self.letter(about));
        }
    }

    fn letter(&self, about: About) -> Option<Letter> {
        match about {
            About::Invitation(invitation, generation) => {
                let it = &self.invitations[invitation];
                let true_still = it.status == InvitationStatus::Open && it.generation == generation;
                let to = self.members[it.member].who;
                let until = it.until;
                (true_still && self.now < until).then_some(Letter::Link {
                    to,
                    invitation,
                    generation,
                    until,
                })
            }
            About::Offer(member) => {
                let it = &self.members[member];
                let stands = it.status == StatusName::Active
                    && it.offer.is_some_and(|(_, until, _)| self.now < until);
                stands.then_some(Letter::Offer { to: it.who })
            }
        }
    }
}
