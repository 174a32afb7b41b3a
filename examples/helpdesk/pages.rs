//! Pages as a host shows them: people with what may be done to them, teams, the audit.

use std::collections::BTreeMap;

use tenure::directory::{RowAction, RowActions};
use tenure::domain::{
    Actor, Entry, Event, Logged, MembershipId, Revision, StatusGroup, Stream, UserId,
};
use tenure::ports::PeopleFilter;

use crate::Outcome;
use crate::desk::{HelpDesk, Person};
use crate::print::{chapter, count, minute, table, tell as say};

/// Everybody, page by page, with what one person may do to each.
pub(crate) async fn people(desk: &HelpDesk, who: &Person, size: u32) -> Outcome {
    chapter("The list of people");
    let (mut after, mut number) = (None, 1);
    loop {
        let filter = PeopleFilter::default();
        let directory = &desk.directory;
        let page = directory.people(&who.principal, desk.organization, filter, after, size).await?;
        let ids: Vec<_> = page.rows.iter().map(|row| row.membership.id).collect();
        let actions = directory.row_actions(&who.principal, desk.organization, &ids).await?;
        let total = page.total.unwrap_or_default();
        say(format!("Page {number}, as {} sees it ({total} people in all):", who.name));
        let rows: Vec<_> = page
            .rows
            .iter()
            .zip(&actions)
            .map(|(row, actions)| {
                let name = row.membership.display_name();
                [name, row.role.clone(), row.status.clone(), may(actions)]
            })
            .collect();
        table(["Name", "Role", "Status", "May"], &rows);
        (after, number) = (page.next, number + 1);
        if after.is_none() {
            return Ok(());
        }
    }
}

/// The actions on a row, or why there are none.
fn may(row: &RowActions) -> String {
    let name = |action| match action {
        RowAction::Edit => "edit",
        RowAction::Resend => "resend",
        RowAction::Revoke => "revoke",
        RowAction::Deactivate => "deactivate",
        RowAction::Block => "block",
        RowAction::Reactivate => "reactivate",
        RowAction::Remove => "remove",
    };
    let may: Vec<_> = RowAction::ALL.into_iter().filter(|it| row.may(*it)).map(name).collect();
    match row.why_not(RowAction::Remove) {
        Some(why) if may.is_empty() => format!("– ({why})"),
        _ => may.join(", "),
    }
}

/// The teams, with who is in each.
pub(crate) async fn teams(desk: &HelpDesk) -> Outcome {
    let page = desk.directory.teams(&desk.olivia, desk.organization, None, 100).await?;
    let mut rows = Vec::new();
    for team in page.rows {
        let filter = PeopleFilter { team: Some(team.id), ..PeopleFilter::default() };
        let people = desk.people(filter).await?;
        let names: Vec<_> = people.iter().map(tenure::domain::Membership::display_name).collect();
        rows.push([team.name.to_string(), team.members.to_string(), names.join(" · ")]);
    }
    table(["Team", "People", ""], &rows);
    Ok(())
}

// ── The audit ───────────────────────────────────────────────────────────────────────────────────

/// The end of the audit in plain lines, and whether all of it verifies; answers with its length.
pub(crate) async fn audit(desk: &HelpDesk) -> Outcome<u64> {
    const LINES: usize = 40;
    chapter("The record");
    let mut entries = Vec::new();
    let mut after = Revision::NONE;
    loop {
        let page = desk.directory.audit(&desk.olivia, desk.organization, after, 500).await?;
        entries.extend(page.entries);
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    let names = Names::of(desk, &entries).await?;
    let lines = lines(&entries, &names);
    let shown: Vec<_> = lines.iter().skip(lines.len().saturating_sub(LINES)).cloned().collect();
    say("Who did what, to whom, through which way in, and why. Neighbours of one kind share a \
         line.");
    table(["When (UTC)", "Who", "Did", "About", "Why, or how"], &shown);
    let head = desk.directory.verify_audit(Stream::Organization(desk.organization)).await?;
    say(format!(
        "All {} entries verify: none is missing, and none was changed. Keep this line elsewhere, \
         and nobody can rewrite what came before it unseen:",
        head.position,
    ));
    println!("    {} {}\n", head.position, head.hash);
    Ok(head.position.get())
}

/// What people are called, also those who are gone.
struct Names {
    members: BTreeMap<MembershipId, String>,
    users: BTreeMap<UserId, MembershipId>,
    invitations: BTreeMap<uuid::Uuid, MembershipId>,
}

impl Names {
    async fn of(desk: &HelpDesk, entries: &[Logged]) -> Outcome<Self> {
        let mut members = BTreeMap::new();
        let (mut users, mut invitations) = (BTreeMap::new(), BTreeMap::new());
        for status in [None, Some(StatusGroup::Removed)] {
            for it in desk.people(PeopleFilter { status, ..PeopleFilter::default() }).await? {
                members.insert(it.id, it.display_name());
                users.extend(it.user.map(|user| (user, it.id)));
            }
        }
        for event in entries
            .iter()
            .filter_map(|it| it.detail.as_ref())
            .flat_map(|it| it.events().unwrap_or_default())
        {
            if let Event::InvitationMade { invitation } = event {
                let member = invitation.memberships.last();
                invitations.extend(member.map(|member| (invitation.id.uuid(), *member)));
            }
        }
        Ok(Self { members, users, invitations })
    }

    fn member(&self, id: MembershipId) -> String {
        self.members.get(&id).cloned().unwrap_or_else(|| "somebody".to_owned())
    }

    fn actor(&self, entry: &Entry) -> String {
        match &entry.actor {
            Actor::Person { membership: Some(id), .. } => self.member(*id),
            Actor::Person { membership: None, user } => {
                let member = self.users.get(user);
                member.map_or_else(|| "somebody".to_owned(), |id| self.member(*id))
            }
            Actor::Bearer { subject, .. } => {
                let member = self.invitations.get(subject);
                member.map_or_else(|| "a link".to_owned(), |id| self.member(*id))
            }
            Actor::Support { person, .. } => format!("support ({person})"),
            Actor::Provisioner { connection } => format!("directory ({connection})"),
            Actor::System => "the help desk".to_owned(),
        }
    }
}

/// One line for each run of entries of one kind.
fn lines(entries: &[Logged], names: &Names) -> Vec<[String; 5]> {
    let same = |a: &Logged, b: &Logged| {
        let by_link = |it: &Logged| matches!(it.entry.actor, Actor::Bearer { .. });
        a.entry.command == b.entry.command
            && a.entry.source == b.entry.source
            && (a.entry.actor == b.entry.actor || (by_link(a) && by_link(b)))
    };
    entries.chunk_by(same).filter_map(|run| line(run, names)).collect()
}

fn line(run: &[Logged], names: &Names) -> Option<[String; 5]> {
    let entry = &run.first()?.entry;
    let who = match run {
        [_, _, ..] if matches!(entry.actor, Actor::Bearer { .. }) => {
            format!("{} people", run.len())
        }
        _ => names.actor(entry),
    };
    let mut about: Vec<String> =
        run.iter().flat_map(|it| &it.entry.subjects).map(|id| names.member(*id)).collect();
    about.dedup();
    let about = match about.as_slice() {
        [] => String::new(),
        [one] if *one == who => "themselves".to_owned(),
        [one] => one.clone(),
        _ if matches!(entry.actor, Actor::Bearer { .. }) => "themselves".to_owned(),
        many => count(many.len(), "person", "people"),
    };
    let reason = run.first()?.detail.as_ref().and_then(|it| it.reason().ok().flatten());
    let how = reason
        .map(|it| it.to_string())
        .or_else(|| entry.source.map(|source| format!("by {}", words(&format!("{source:?}")))));
    Some([minute(entry.at), who, words(&entry.command), about, how.unwrap_or_default()])
}

/// `AcceptInvitation` as `accept invitation`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}
