//! Lists of people: every filter agrees with [`PeopleFilter::admits`], over a random population
//! whose names, roles, statuses and teams have changed, so that a stale index would show.

use super::crowd::{Die, ROLES, TEAMS, USERS, random_person};
use super::samples::{id, membership, organizations, role_name, shuffled, teams, user, workspaces};
use super::subject::Subject;
use crate::domain::{
    ChangeSet, Key, MOST_LISTED, Membership, MembershipId, OrganizationId, Profile, Record, Scope,
    StatusGroup,
};
use crate::ports::{Find, PeopleFilter, PeoplePosition};

const PEOPLE: u64 = 300;

fn scopes() -> [Scope; 3] {
    let whole = |number| id::<OrganizationId>(number).into();
    [whole(1), Scope::workspace(id(1), id(1)), whole(2)]
}

async fn put(s: &Subject, people: &[Membership]) {
    for some in people.chunks(40) {
        s.put(some.iter().map(|it| Record::Membership(Box::new(it.clone())))).await;
    }
}

/// Everybody who is left after most have changed and a few have been deleted.
async fn population(s: &Subject, die: &mut Die) -> Vec<Membership> {
    s.put(organizations([1, 2]).into_iter().chain(workspaces([1])).chain(teams(TEAMS))).await;
    s.put((USERS..USERS + 40).map(|number| Record::User(Box::new(user(number, 1))))).await;
    let mut people: Vec<_> = (0..PEOPLE)
        .map(|number| {
            let scope = scopes()[[0, 0, 0, 1, 2][die.roll(5)]];
            random_person(die, shuffled(number), scope)
        })
        .collect();
    put(s, &people).await;
    for _ in 0..2 {
        let mut changed = Vec::new();
        for it in &mut people {
            if die.roll(2) == 0 {
                *it = random_person(die, it.id, it.scope);
                changed.push(it.clone());
            }
        }
        put(s, &changed).await;
    }
    let gone: Vec<MembershipId> =
        people.split_off(people.len() - 12).iter().map(|it| it.id).collect();
    let delete = gone.into_iter().map(Key::Membership).collect();
    s.commit(ChangeSet { delete, ..ChangeSet::default() }).await;
    people
}

/// Each filter alone, and many together.
fn filters(die: &mut Die) -> Vec<PeopleFilter> {
    use StatusGroup::{Active, Deactivated, Pending, Removed};
    let statuses = [Some(Pending), Some(Active), Some(Deactivated), Some(Removed)];
    let prefixes = [
        "a",
        "ADA",
        "ada l",
        "bob",
        "é",
        "E\u{301}m",
        "strasse",
        "ß",
        "άλ",
        "ИВАН",
        "北",
        "fi",
        "u",
        "under_",
        "100%",
        "100",
        "back\\",
        "o'n",
        "\"x",
        "%",
        "_",
        "*",
        "\u{e000}",
        "😀",
        "z",
        "z\u{10ffff}",
        "x_y1",
        "nobody at all",
        "ünal",
        "lovelace",
        " ",
    ];
    let mut filters = vec![PeopleFilter::default()];
    filters.extend(statuses.map(|status| PeopleFilter { status, ..PeopleFilter::default() }));
    filters.extend(
        ROLES.map(|role| PeopleFilter { role: Some(role_name(role)), ..PeopleFilter::default() }),
    );
    filters
        .extend(TEAMS.map(|team| PeopleFilter { team: Some(id(team)), ..PeopleFilter::default() }));
    filters.extend(
        prefixes.map(|prefix| PeopleFilter {
            prefix: Some(prefix.to_owned()),
            ..PeopleFilter::default()
        }),
    );
    for _ in 0..30 {
        filters.push(PeopleFilter {
            status: (die.roll(2) == 0).then(|| die.pick(&statuses)).flatten(),
            role: (die.roll(2) == 0).then(|| role_name(die.pick(&ROLES))),
            team: (die.roll(2) == 0).then(|| id(die.pick(&TEAMS))),
            prefix: (die.roll(2) == 0).then(|| die.pick(&prefixes).to_owned()),
        });
    }
    filters.push(PeopleFilter { role: Some(role_name("nobody")), ..PeopleFilter::default() });
    filters.push(PeopleFilter { team: Some(id(404)), ..PeopleFilter::default() });
    filters.push(PeopleFilter { prefix: Some(String::new()), ..PeopleFilter::default() });
    filters
}

fn model(
    people: &[Membership],
    scope: Scope,
    filter: &PeopleFilter,
) -> Vec<(PeoplePosition, Record)> {
    let admitted = people.iter().filter(|it| it.scope == scope && filter.admits(it));
    let mut placed: Vec<_> = admitted
        .filter_map(|it| Some((filter.position(it)?, Record::Membership(Box::new(it.clone())))))
        .collect();
    placed.sort_by(|(one, _), (other, _)| one.cmp(other));
    placed
}

pub(super) async fn people_are_listed_as_the_filter_says(s: Subject) {
    let mut die = Die(0x7e_4e_u64 | 1 << 40);
    let people = population(&s, &mut die).await;
    for (number, filter) in filters(&mut die).into_iter().enumerate() {
        // Every filter in the largest scope, and by turns in the others.
        for scope in [scopes()[0], scopes()[1 + number % 2]] {
            let placed = model(&people, scope, &filter);
            let place = |record: &Record| {
                let Record::Membership(it) = record else { s.breaks("it lists other records") };
                match filter.position(it) {
                    Some(position) => position,
                    None => s.breaks(&format!("it lists {it:?} for {filter:?}")),
                }
            };
            let ask = |after, limit| Find::People { scope, filter: filter.clone(), after, limit };
            let limits: &[u32] = match placed.len() {
                0..6 => &[1, 3, 1_000],
                6..40 => &[5, 1_000],
                _ => &[29, 1_000],
            };
            let records: Vec<_> = placed.iter().map(|(_, record)| record.clone()).collect();
            s.pages(&records, limits, ask, place).await;
            from_anywhere(&s, &placed, &mut die, ask).await;
        }
    }
}

/// Names that collations put in another order than code points do, and those as long as lists
/// compare them, of which only the end differs.
fn names() -> Vec<String> {
    let plain = [
        "zoe", "Zoe", "Äda", "ada", "Ada", "éa", "ea", "Eb", "ß", "ss", "st", "a b", "a-b", "a_b",
        "ab", "aB", "a'b", "1", "10", "9", "~", "\u{e000}", "😀", "北", "Я", "я", "ı", "i", "ﬁ",
        "ø",
    ];
    let long = |end: char| {
        let most = u32::try_from(MOST_LISTED).unwrap() - 1;
        let letters = (0..most).map(|n| char::from_u32(0x4e00 + n * 7).unwrap());
        letters.chain([end]).collect()
    };
    plain.iter().map(|name| (*name).to_owned()).chain("zamébük".chars().map(long)).collect()
}

pub(super) async fn people_stand_in_the_order_of_code_points(s: Subject) {
    s.put(organizations([1])).await;
    let scope: Scope = id::<OrganizationId>(1).into();
    let people: Vec<_> = (0..)
        .zip(names())
        .map(|(number, name)| Membership {
            profile: Profile::named(&name).unwrap(),
            ..membership(shuffled(number), scope)
        })
        .collect();
    put(&s, &people).await;
    let long = names().pop();
    for prefix in [None, Some("a".to_owned()), Some("Ä".to_owned()), long] {
        let filter = PeopleFilter { prefix, ..PeopleFilter::default() };
        let placed = model(&people, scope, &filter);
        s.holds(!placed.is_empty(), "the suite expects too little");
        let place = |record: &Record| {
            let Record::Membership(it) = record else { s.breaks("it lists other records") };
            filter.position(it).unwrap()
        };
        let ask = |after, limit| Find::People { scope, filter: filter.clone(), after, limit };
        let records: Vec<_> = placed.iter().map(|(_, record)| record.clone()).collect();
        s.pages(&records, &[1, 4, 100], ask, place).await;
    }
}

/// A list goes on behind a position whose person has left it, or has another name by now.
async fn from_anywhere(
    s: &Subject,
    placed: &[(PeoplePosition, Record)],
    die: &mut Die,
    ask: impl Fn(Option<PeoplePosition>, u32) -> Find,
) {
    let keys = ["", "a", "bob", "bob bobson", "m", "under_", "ß", "я", "北風", "\u{10ffff}"];
    let near = placed.get(die.roll(placed.len().max(1))).map(|(position, _)| position.key.clone());
    for key in [near.unwrap_or_default(), die.pick(&keys).to_owned()] {
        let after = PeoplePosition { key, id: shuffled(die.roll(400) as u64) };
        let behind = placed.iter().filter(|(position, _)| *position > after);
        let expected: Vec<_> = behind.take(5).map(|(_, record)| record.clone()).collect();
        let question = ask(Some(after), 5);
        s.same(&s.find(question.clone()).await, &expected, &format!("the page of {question:?}"));
    }
}
