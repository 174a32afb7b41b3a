//! Only the tickets that somebody may see, by a condition in the help desk's own query: no list of
//! ids, no ticket read in vain, and paging and counting stay the database's.
//!
//! Run with `cargo run --example visible`.

use rusqlite::{Connection, params_from_iter};
use tenure::access::live::Visible;
use tenure::adapters::memory::MemoryStore;
use tenure::commands::{CreateTeam, OverridePermission, SetFence};
use tenure::domain::{Fence, FenceName, Override};
use tenure::testing::cast::{Company, Desk};
use tenure::{Principal, Reach};

type Failure = Box<dyn std::error::Error>;

/// In which column of `tickets` the resource stands that a fence of this name lists.
fn column(fence: &FenceName) -> Option<&'static str> {
    match fence.as_str() {
        "inbox" => Some("inbox"),
        "brand" => Some("brand"),
        _ => None,
    }
}

/// What somebody may see, as the condition of a query on `tickets`, and the values to bind.
///
/// Nothing that people chose becomes part of the SQL: columns are ours, everything else is bound.
pub(crate) fn where_clause(visible: &Visible) -> (String, Vec<String>) {
    let mut values = Vec::new();
    let mut bind = |value: String| {
        values.push(value);
        format!("?{}", values.len())
    };
    let mut parts = Vec::new();
    for part in &visible.parts {
        let mut conditions = Vec::new();
        if let Some(by) = &part.held_by {
            let mut held = format!("holder = {}", bind(by.member.to_string()));
            if !by.teams.is_empty() {
                let teams: Vec<_> = by.teams.iter().map(|team| bind(team.to_string())).collect();
                held = format!("({held} OR team IN ({}))", teams.join(", "));
            }
            conditions.push(held);
        }
        for (fence, listed) in &part.within {
            let listed: Vec<_> = listed.iter().map(|it| bind(it.to_string())).collect();
            conditions.push(match column(fence) {
                Some(column) => format!("{column} IN ({})", listed.join(", ")),
                // Whatever has no such resource lies in none of those listed.
                None => "FALSE".to_owned(),
            });
        }
        // A part without any condition: everything.
        let all = if conditions.is_empty() { "TRUE".to_owned() } else { conditions.join(" AND ") };
        parts.push(all);
    }
    // No part at all: nothing.
    (if parts.is_empty() { "FALSE".to_owned() } else { parts.join(" OR ") }, values)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    // Acme Help: Olivia owns it, Bob and Berta are agents who see what they hold, Vera sees all,
    // Dora has gone.
    let acme = Company::found(MemoryStore::new()).await;
    let (bob, berta) = (acme.member("bob").membership, acme.member("berta").membership);
    let (directory, olivia) = (&acme.directory, acme.principal("olivia"));

    // Bob sees what his team holds, and Berta all that lies in two inboxes, beside their own.
    let name = "Tier 1".parse()?;
    let organization = acme.organization;
    let team = CreateTeam { organization, name, description: None, members: vec![bob] };
    let tier = directory.execute(&olivia, team).await?.output;
    for (membership, reach) in [(bob, Reach::TEAM), (berta, Reach::ALL.within("inbox")?)] {
        let permission = Desk::ViewTickets.into();
        let (scope, to) = (organization.into(), Some(Override::Raise(reach)));
        let raise = OverridePermission { scope, membership, permission, to };
        directory.execute(&olivia, raise).await?;
    }
    let fence = Fence::default().with("inbox", ["sales", "support"])?;
    let scope = organization.into();
    directory
        .execute(&olivia, SetFence { scope, membership: berta, fence, handover: None })
        .await?;

    // The help desk's own table, with ten thousand tickets.
    let tickets = Connection::open_in_memory()?;
    tickets.execute_batch("CREATE TABLE tickets (id INTEGER, holder, team, inbox, brand)")?;
    let mut insert = tickets.prepare("INSERT INTO tickets VALUES (?, ?, ?, ?, NULL)")?;
    for id in 0..10_000_u32 {
        let holder = match id % 7 {
            0 => Some(bob.to_string()),
            1 => Some(berta.to_string()),
            _ => None,
        };
        let team = (id % 5 == 0).then(|| tier.to_string());
        let inbox = ["sales", "support", "billing", "press"].get(id as usize % 4);
        insert.execute((id, holder, team, inbox))?;
    }

    // One guard for a request; one condition for its query.
    for who in ["olivia", "vera", "bob", "berta", "dora"] {
        let access = directory.access(organization).await?;
        let principal: Principal = acme.principal(who);
        let (condition, values) = where_clause(&access.visible(&principal, Desk::ViewTickets));
        let sql = format!("SELECT count(*) FROM tickets WHERE {condition}");
        let count: u32 = tickets.query_row(&sql, params_from_iter(&values), |row| row.get(0))?;
        println!("{who} sees {count} tickets, by\n    {sql}");
    }
    Ok(())
}
