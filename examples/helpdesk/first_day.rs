//! The first day: a list becomes a help desk.

use tenure::commands::{
    ChangeTeamMembers, CompleteSetUp, CreateTeam, OverridePermission, Review, SetSeatLimit,
    review_csv,
};
use tenure::domain::{Breadth, Override, StatusName, TeamId};
use tenure::{Batching, Because, Decision, Permission as _, Reach};

use crate::Outcome;
use crate::desk::{self, Desk, HelpDesk};
use crate::print::{chapter, count, shortened, table, tell as say};
use crate::{leaving, pages, refusals};

const PEOPLE: &[u8] = include_bytes!("people.csv");

pub(crate) async fn tell(desk: &HelpDesk) -> Outcome {
    chapter("A help desk begins");
    say("Olivia Ortega founds Acme Help and pays for 25 seats. The directory and the help desk's \
         own tickets live in one SQLite file.");
    let review = review_list(desk).await?;
    invite(desk, &review).await?;
    set_up(desk).await?;
    permissions(desk).await?;
    teams(desk).await?;
    leaving::tell(desk).await?;
    refusals::tell(desk).await?;
    pages::people(desk, &desk.person("ada@").await?, 12).await
}

/// The list as it came, and what would come of it: nothing is sent yet.
async fn review_list(desk: &HelpDesk) -> Outcome<Review> {
    chapter("A list arrives");
    let roles = desk.directory.roles(&desk.olivia, desk.organization).await?;
    let read = review_csv(PEOPLE, desk.organization, &"agent".parse()?, &roles);
    let found = read.invites.len() + read.problems.len();
    let reviewed = desk.directory.review(&desk.olivia, desk.organization, read.clone()).await?;
    say(format!(
        "Olivia uploads people.csv. It has {found} rows; {} can be invited as they stand. The \
         column “{}” means nothing here and is left out. These rows need a look first:",
        read.invites.len(),
        read.ignored.join("”, “"),
    ));
    let rows: Vec<_> = read
        .problems
        .iter()
        .map(|it| [it.line.to_string(), shortened(&it.excerpt, 30), it.problem.to_string()])
        .collect();
    table(["Line", "What stands there", "What to change"], &rows);
    let seats = reviewed.seats;
    say(format!(
        "They would need {} seats; {} are free. {} would find none, so Olivia raises the limit \
         from 25 to 30.",
        seats.needed,
        seats.free.unwrap_or_default(),
        count(reviewed.review.problems.len() - read.problems.len(), "person", "people"),
    ));
    let limit = SetSeatLimit { organization: desk.organization, limit: Some(30) };
    desk.directory.execute(&desk.olivia, limit).await?;
    Ok(desk.directory.review(&desk.olivia, desk.organization, read).await?.review)
}

async fn invite(desk: &HelpDesk, review: &Review) -> Outcome {
    chapter("Invitations go out");
    let how = Batching::each();
    let answers = desk.directory.import(&desk.olivia, review, how).await?;
    let invited = answers.iter().filter(|answer| answer.is_ok()).count();
    let sent = desk.deliver().await?;
    say(format!(
        "{} are invited, and {} written to the mail folder. This is one of them:",
        count(invited, "person", "people"),
        count(sent as usize, "mail is", "mails are"),
    ));
    let all = desk.letters()?;
    if let Some(letter) = all.iter().find(|it| it.to.starts_with("bob@")) {
        println!("    To: {}", letter.to);
        for line in letter.text.lines() {
            println!("{}", shortened(&format!("    {line}"), 88).trim_end());
        }
        println!();
    }
    Ok(())
}

/// Most people open their mail; a few need another moment, one declines, some do not answer.
async fn set_up(desk: &HelpDesk) -> Outcome {
    chapter("People set up");
    let silent = ["victor@", "rosa@", "sven@"];
    let hesitant = ["mei.lin@", "hugo@"];
    let declines = "noah@";
    let is_one_of = |to: &str, names: &[&str]| names.iter().any(|name| to.starts_with(name));
    for letter in desk.letters()? {
        let Some(token) = letter.token().filter(|_| !is_one_of(&letter.to, &silent)) else {
            continue;
        };
        // Looking at a link answers nothing: a scanner that opens it burns nothing.
        let view = desk.directory.inspect(&token).await?;
        if letter.to.starts_with(declines) {
            let decline = view.decline();
            desk.directory.execute(view.link, decline).await?;
            continue;
        }
        let mut accept = view.accept();
        if !is_one_of(&letter.to, &hesitant) {
            accept = accept.with_password(desk::chosen_password()?);
        }
        desk.directory.execute(view.link, accept).await?;
    }
    let name = |it: StatusName| it.to_string();
    let tally = desk.now().await?.tally;
    let statuses = [StatusName::Active, StatusName::SettingUp, StatusName::Invited];
    let rows = statuses.map(|it| [name(it), tally.with_status(it).to_string()]);
    say("The links are read out of the .eml files and followed. Most people choose a password at \
         once; two click and leave it for later; Noah declines; three do not answer.");
    table(["Status", "People"], &rows);
    finish(desk, &hesitant).await
}

/// Whoever hesitated comes back and chooses a password.
async fn finish(desk: &HelpDesk, hesitant: &[&str]) -> Outcome {
    let mut names = Vec::new();
    for email in hesitant {
        let person = desk.person(email).await?;
        let complete = CompleteSetUp {
            organization: desk.organization,
            profile: tenure::Profile::default(),
            password: Some(desk::chosen_password()?),
        };
        desk.directory.execute(&person.principal, complete).await?;
        names.push(person.name);
    }
    say(format!("{} come back, choose a password, and are active now.", names.join(" and ")));
    Ok(())
}

/// A table of who may do what, and one exception.
async fn permissions(desk: &HelpDesk) -> Outcome {
    chapter("Who may do what");
    let mut rows = Vec::new();
    for permission in Desk::ALL {
        let mut row = vec![permission.name().to_owned()];
        for email in ["olivia@", "ada@", "lena@", "bob@", "vera@"] {
            let who = desk.person(email).await?.principal;
            let decision = desk.directory.check(&who, desk.organization, *permission).await?;
            row.push(reach(&decision).to_owned());
        }
        rows.push(<[String; 6]>::try_from(row).map_err(|_| "six cells")?);
    }
    table(
        ["Permission", "Olivia, owner", "Ada, admin", "Lena, lead", "Bob, agent", "Vera, viewer"],
        &rows,
    );
    let bob = desk.person("bob@").await?;
    let raise = OverridePermission {
        scope: desk.organization.into(),
        membership: bob.membership,
        permission: Desk::ExportData.into(),
        to: Some(Override::Raise(Reach::ALL)),
    };
    let ada = desk.person("ada@").await?;
    desk.directory.execute(&ada.principal, raise).await?;
    let can = desk.directory.check(&bob.principal, desk.organization, Desk::ExportData).await?;
    say(format!(
        "Ada lets Bob export data, and nobody else of his role. Asked at once, may Bob export? \
         {}.",
        match can.because.last() {
            Some(Because::Raised) if can.is_allowed() => "Yes, because it was raised for him",
            _ => "No",
        },
    ));
    Ok(())
}

fn reach(decision: &Decision) -> &'static str {
    match decision.extent.alternatives().map(|it| it.breadth).max() {
        Some(Breadth::All) => "yes",
        Some(Breadth::Team) => "team's",
        Some(Breadth::Own) => "own",
        None => "–",
    }
}

async fn teams(desk: &HelpDesk) -> Outcome {
    chapter("Teams");
    let ada = desk.person("ada@").await?.principal;
    let mut made: Vec<TeamId> = Vec::new();
    for (name, emails) in [
        ("First line", vec!["bob@", "berta@", "dora@", "priya@", "wang@"]),
        ("Billing", vec!["lena@", "chidi@", "ana@"]),
        ("Nights", vec!["hanako@", "leila@", "chidi@"]),
    ] {
        let mut members = Vec::new();
        for email in emails {
            members.push(desk.person(email).await?.membership);
        }
        let organization = desk.organization;
        let create = CreateTeam { organization, name: name.parse()?, description: None, members };
        made.push(desk.directory.execute(&ada, create).await?.output);
    }
    // From the team's side: Siobhán helps at night too.
    if let Some(&team) = made.last() {
        let join = vec![desk.person("siobhan@").await?.membership];
        let (organization, leave) = (desk.organization, Vec::new());
        let change = ChangeTeamMembers { organization, team, join, leave, handover: None };
        desk.directory.execute(&ada, change).await?;
    }
    pages::teams(desk).await
}
