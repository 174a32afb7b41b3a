//! Another day: somebody leaves, somebody comes.

use tenure::Profile;
use tenure::commands::{Invite, SetSeatLimit};
use tenure::domain::{DeactivatedBecause, Disposition, StatusGroup, StatusName};
use tenure::ports::PeopleFilter;

use crate::Outcome;
use crate::desk::{self, HelpDesk, Person};
use crate::leaving::{drive, holdings, leave, preview};
use crate::pages;
use crate::print::{chapter, minute, tell as say};

const FIRST: [&str; 12] = [
    "Nina", "Oskar", "Paula", "Ravi", "Sana", "Theo", "Uma", "Viktor", "Wanda", "Xavi", "Yara",
    "Zeno",
];
const LAST: [&str; 11] = [
    "Abbott", "Bakker", "Costa", "Dumas", "Eriksen", "Fodor", "Greco", "Hansen", "Iyer", "Janssen",
    "Kato",
];

pub(crate) async fn tell(desk: &HelpDesk) -> Outcome {
    let day = desk.tickets.days()? + 1;
    chapter(&format!("Day {day}"));
    let now = desk.now().await?;
    say(format!(
        "{} exists since {}: {} people, {} of them active. Whatever was left to do is done first: \
         {} mails went out.",
        now.name,
        minute(now.founded_at),
        now.tally.total(),
        now.tally.with_status(StatusName::Active),
        desk.deliver().await?,
    ));
    somebody_leaves(desk).await?;
    somebody_comes(desk, day as usize).await?;
    pages::people(desk, &desk.person(desk::OLIVIA).await?, 12).await
}

async fn somebody_leaves(desk: &HelpDesk) -> Outcome {
    let filter = PeopleFilter {
        status: Some(StatusGroup::Active),
        role: Some("agent".parse()?),
        ..PeopleFilter::default()
    };
    let agents: Vec<Person> = desk.people(filter).await?.iter().filter_map(Person::of).collect();
    let [leaver, successor, ..] = agents.as_slice() else {
        say("There are too few agents for one of them to leave today.");
        return Ok(());
    };
    chapter(&format!("{} leaves", leaver.name));
    let olivia = desk.person(desk::OLIVIA).await?;
    desk.tickets.add(desk.organization, leaver.membership, 40, 12)?;
    let handover = Some(Disposition::To(successor.membership).into());
    let command = leave(desk, leaver, DeactivatedBecause::ChangedJob, handover);
    preview(desk, &olivia, leaver, command.clone()).await?;
    holdings(desk, "Before", &[leaver, successor])?;
    let (open, closed) = desk.tickets.held(Some(leaver.membership))?;
    let request = olivia.principal.request().because("changes to engineering".parse()?);
    desk.directory.execute_command(request, command).await?;
    drive(desk, (open + closed).into()).await?;
    holdings(desk, "After", &[leaver, successor])
}

async fn somebody_comes(desk: &HelpDesk, day: usize) -> Outcome {
    chapter("Somebody comes");
    let pick = |names: &[&'static str]| names.get(day % names.len()).copied().unwrap_or("New");
    let (first, last) = (pick(&FIRST), pick(&LAST));
    // The day's number: names come again after 132 days.
    let email = format!("{first}.{last}.{day}@acmehelp.example").to_lowercase();
    let invite = Invite::new(desk.organization, email.parse()?, "agent".parse()?)
        .with_profile(Profile::named(&format!("{first} {last}"))?.with("title", "Agent")?);
    let (used, limit) = desk.directory.seats(&desk.olivia, desk.organization).await?;
    if limit.is_some_and(|limit| used >= limit.into()) {
        let (organization, limit) = (desk.organization, Some(u32::try_from(used)? + 1));
        desk.directory.execute(&desk.olivia, SetSeatLimit { organization, limit }).await?;
        say("No seat is free, so Olivia adds one.");
    }
    desk.directory.execute(&desk.olivia, invite).await?;
    let mails = desk.deliver().await?;
    let person = desk.accept(&email).await?;
    let (used, limit) = desk.directory.seats(&desk.olivia, desk.organization).await?;
    let limit = limit.map_or_else(String::new, |limit| format!(" of {limit}"));
    say(format!(
        "{} is invited ({mails} mail), follows the link, chooses a password and is in. {used}{limit} \
         seats are in use.",
        person.name,
    ));
    Ok(())
}
