//! Lists of people: typed text or a file becomes invitations to look at, before anything is sent.
//!
//! Reading a list refuses nothing as a whole because of one bad row: sound rows become
//! [`Invite`]s, and each of the others says what to change. What only the directory knows (who is
//! here already, which role may be given, how many seats are free) is added by
//! [`UserDirectory::review`](crate::UserDirectory::review).

use std::collections::HashMap;

use csv::{ByteRecord, ReaderBuilder, Trim};

use crate::domain::{
    CanonicalEmail, EmailAddress, Invalid, Profile, Refusal, Role, RoleName, Scope, excerpt, folded,
};

use super::{Command, Invite};

/// What a list of people comes to.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Review {
    /// The rows that can be invited, in their order.
    pub invites: Vec<Row>,
    /// The others, each with what to change; also what is wrong with the list as a whole.
    pub problems: Vec<RowProblem>,
    /// The columns of a file that mean nothing here and were left out.
    pub ignored: Vec<String>,
}

/// One row that can be invited.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// The line it begins on, from 1.
    pub line: u64,
    /// The invitation.
    pub invite: Invite,
}

/// One row that cannot be invited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
#[non_exhaustive]
pub struct RowProblem {
    /// The line it begins on, from 1.
    pub line: u64,
    /// The beginning of what stands there, at most 64 characters, safe to show.
    pub excerpt: String,
    /// What is wrong with it.
    pub problem: ImportProblem,
}

/// What is wrong with a row or with a whole list, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportProblem {
    /// The row has no address.
    #[error("there is no address; fill in the column `email`")]
    NoAddress,
    /// The address, the name or another cell cannot be what it should be.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The address stood in an earlier row, perhaps in another spelling.
    #[error("the address stands on line {first} already; remove one of the two")]
    Duplicate {
        /// The line of the row that counts.
        first: u64,
    },
    /// There is no such role.
    #[error("no role is called `{given}`; write one of: {known}")]
    UnknownRole {
        /// What stands in the row.
        given: String,
        /// The roles there are.
        known: String,
    },
    /// The row has more cells than the file has columns.
    #[error("it has {cells} cells, and there are {columns} columns; quote cells that hold a comma")]
    TooManyCells {
        /// Cells of the row.
        cells: usize,
        /// Columns of the file.
        columns: usize,
    },
    /// The text is in another encoding.
    #[error("it is not UTF-8 text; save the file as CSV UTF-8")]
    NotUtf8,
    /// The directory would refuse the invitation.
    #[error(transparent)]
    Refused(#[from] Refusal),

    /// The whole list: no column has addresses.
    #[error("no column is called `email`; name the columns in the first line")]
    NoAddressColumn,
    /// The whole list: two columns mean the same.
    #[error("two columns mean `{0}`; keep one")]
    ColumnTwice(&'static str),
    /// The whole list: it has too many rows, and none was taken.
    #[error("there are more than {max} rows; divide the list")]
    TooManyRows {
        /// The limit.
        max: usize,
    },
    /// The whole list: it is too long, and none of it was read.
    #[error("it is longer than {max} bytes; divide the list")]
    TooLong {
        /// The limit.
        max: usize,
    },
}

impl RowProblem {
    pub(crate) const fn new(line: u64, excerpt: String, problem: ImportProblem) -> Self {
        Self { line, excerpt, problem }
    }
}

impl Review {
    /// At most this many bytes are read.
    pub const MAX_BYTES: usize = 10_000_000;
    /// At most this many rows are taken.
    pub const MAX_ROWS: usize = 10_000;

    /// The invitations as commands, in their order: what
    /// [`UserDirectory::import`](crate::UserDirectory::import) executes.
    pub fn commands(&self) -> Vec<Command> {
        self.invites.iter().map(|row| row.invite.clone().into()).collect()
    }

    /// Whether more than one role would be given (C3).
    pub fn mixes_roles(&self) -> bool {
        let mut roles = self.invites.iter().map(|row| &row.invite.role);
        let first = roles.next();
        roles.any(|role| Some(role) != first)
    }

    fn unreadable(line: u64, problem: ImportProblem) -> Self {
        let problems = vec![RowProblem { line, excerpt: String::new(), problem }];
        Self { problems, ..Self::default() }
    }
}

/// Reads addresses, all for one role: separated by commas, semicolons, spaces or new lines, each
/// perhaps as `Ada Lovelace <ada@example.com>`.
///
/// ```
/// # use tenure::{commands::review_addresses, domain::{OrganizationId, RoleName}};
/// # let acme = OrganizationId::new(uuid::Uuid::nil());
/// let review = review_addresses(
///     "ada@example.com, Grace Hopper <grace@example.com>; ADA@example.com\nnobody",
///     acme,
///     &RoleName::new("agent")?,
/// );
/// assert_eq!(review.invites.len(), 2);
/// assert_eq!(review.problems.len(), 2, "Ada twice, and no address at all");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn review_addresses(text: &str, scope: impl Into<Scope>, role: &RoleName) -> Review {
    if text.len() > Review::MAX_BYTES {
        return Review::unreadable(1, ImportProblem::TooLong { max: Review::MAX_BYTES });
    }
    let mut rows = Rows::new(scope.into());
    for (line, text) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        for piece in pieces(text) {
            let words: Vec<&str> =
                if piece.contains('<') { vec![piece] } else { piece.split_whitespace().collect() };
            for word in words {
                if rows.are_full() {
                    return too_many(line);
                }
                let row = mailbox(word).and_then(|(email, name)| {
                    let profile = profile([("name", name)])?;
                    Ok(Invite::new(rows.scope, email, role.clone()).with_profile(profile))
                });
                rows.take(line, word, row);
            }
        }
    }
    rows.review
}

/// Reads a file with one person in each row, and the names of the columns in the first.
///
/// Columns come in any order and case: `email`; `role`, by name or title, and the default where it
/// is empty; `name`, or `first name` and `last name`; `title`; `phone`. Others are left out, and
/// said to be. Commas, semicolons or tabs separate; a byte-order mark, either kind of line end,
/// quoted cells and short rows are fine.
pub fn review_csv(
    bytes: &[u8],
    scope: impl Into<Scope>,
    default_role: &RoleName,
    roles: &[Role],
) -> Review {
    if bytes.len() > Review::MAX_BYTES {
        return Review::unreadable(1, ImportProblem::TooLong { max: Review::MAX_BYTES });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = Lines { bytes, at: 0, line: 1 };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .delimiter(delimiter(bytes))
        .from_reader(bytes);
    let mut record = ByteRecord::new();
    // Without a first line the record is empty, and names no column.
    next(&mut reader, &mut record);
    let (columns, ignored) = match Columns::read(&record) {
        Ok(columns) => columns,
        Err(problem) => return Review::unreadable(lines.of(&record), problem),
    };
    let mut rows = Rows::new(scope.into());
    rows.review.ignored = ignored;
    while next(&mut reader, &mut record) {
        let line = lines.of(&record);
        if record.iter().all(<[u8]>::is_empty) {
            continue;
        }
        if rows.are_full() {
            return too_many(line);
        }
        let row = columns.invite(&record, rows.scope, default_role, roles);
        rows.take(line, &shown(&record), row);
    }
    rows.review
}

/// The beginning of a row, for whoever has to find it.
fn shown(record: &ByteRecord) -> String {
    const CELLS: usize = 8;
    const BYTES: usize = 64 * 4;
    let begin =
        |cell: &[u8]| String::from_utf8_lossy(cell.get(..BYTES).unwrap_or(cell)).into_owned();
    record.iter().take(CELLS).map(begin).collect::<Vec<_>>().join(", ")
}

fn too_many(line: u64) -> Review {
    Review::unreadable(line, ImportProblem::TooManyRows { max: Review::MAX_ROWS })
}

/// Reading from memory cannot fail, and rows of different lengths are allowed.
fn next(reader: &mut csv::Reader<&[u8]>, record: &mut ByteRecord) -> bool {
    reader.read_byte_record(record).unwrap_or(false)
}

// ── Rows ────────────────────────────────────────────────────────────────────────────────────────

/// The rows so far; an address counts once.
struct Rows {
    scope: Scope,
    review: Review,
    lines: HashMap<CanonicalEmail, u64>,
}

impl Rows {
    fn new(scope: Scope) -> Self {
        Self { scope, review: Review::default(), lines: HashMap::new() }
    }

    const fn are_full(&self) -> bool {
        self.review.invites.len() + self.review.problems.len() >= Review::MAX_ROWS
    }

    fn take(&mut self, line: u64, text: &str, row: Result<Invite, ImportProblem>) {
        let row = row.and_then(|invite| {
            let canonical = invite.email.canonical().clone();
            if let Some(&first) = self.lines.get(&canonical) {
                return Err(ImportProblem::Duplicate { first });
            }
            self.lines.insert(canonical, line);
            Ok(invite)
        });
        match row {
            Ok(invite) => self.review.invites.push(Row { line, invite }),
            Err(problem) => {
                let excerpt = excerpt(text);
                self.review.problems.push(RowProblem { line, excerpt, problem });
            }
        }
    }
}

/// The entries of one line: separated by commas and semicolons outside of quotes, and after `>`.
fn pieces(line: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    // A quotation mark that is alone quotes nothing.
    let in_pairs = line.matches('"').count().is_multiple_of(2);
    line.split_inclusive(move |c: char| {
        quoted ^= in_pairs && c == '"';
        !quoted && matches!(c, ',' | ';' | '>')
    })
    .map(|piece| piece.trim_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';')))
    .filter(|piece| !piece.is_empty())
}

/// `ada@example.com`, or `Ada Lovelace <ada@example.com>`: the address and the name, perhaps empty.
fn mailbox(text: &str) -> Result<(EmailAddress, String), ImportProblem> {
    let named = text.strip_suffix('>').and_then(|text| text.split_once('<'));
    let (name, address) = named.unwrap_or(("", text));
    let name = name.trim().trim_matches('"');
    Ok((EmailAddress::new(address)?, name.to_owned()))
}

/// A profile with the fields that are not empty, each on one line.
fn profile<const N: usize>(fields: [(&str, String); N]) -> Result<Profile, ImportProblem> {
    let mut profile = Profile::default();
    for (field, text) in fields {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.is_empty() {
            profile = profile.with(field, &text)?;
        }
    }
    Ok(profile)
}

// ── Files ───────────────────────────────────────────────────────────────────────────────────────

/// What separates the cells of the first line.
fn delimiter(bytes: &[u8]) -> u8 {
    let mut lines = bytes.split(|&b| b == b'\n' || b == b'\r');
    let first = lines.find(|line| !line.is_empty()).unwrap_or_default();
    let cells = |separator: &u8| first.split(|b| b == separator).count();
    // Where none of them stands there is one column; of equals the last one wins.
    [b'\t', b';', b','].into_iter().max_by_key(cells).unwrap_or(b',')
}

/// Which line a record begins on: its position tells where reading began, which is before the line
/// end of the record before and before empty lines.
struct Lines<'b> {
    bytes: &'b [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, record: &ByteRecord) -> u64 {
        let began = record.position().map_or(0, csv::Position::byte);
        let began = usize::try_from(began).unwrap_or(usize::MAX).min(self.bytes.len());
        let blank = self.bytes.iter().skip(began).take_while(|b| matches!(b, b'\r' | b'\n'));
        let to = began + blank.count();
        let mut passed = self.bytes.iter().take(to).skip(self.at).peekable();
        while let Some(byte) = passed.next() {
            let ends = *byte == b'\n' || (*byte == b'\r' && passed.peek() != Some(&&b'\n'));
            self.line += u64::from(ends);
        }
        self.at = to;
        self.line
    }
}

/// What a column means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Email,
    Role,
    Name,
    FirstName,
    LastName,
    Title,
    Phone,
}

impl Column {
    fn of(heading: &str) -> Option<Self> {
        let letters: String = folded(heading).chars().filter(|c| c.is_alphanumeric()).collect();
        Some(match letters.as_str() {
            "email" | "emailaddress" | "mail" | "workemail" => Self::Email,
            "role" | "accesslevel" => Self::Role,
            "name" | "fullname" | "displayname" => Self::Name,
            "firstname" | "first" | "givenname" | "forename" => Self::FirstName,
            "lastname" | "last" | "surname" | "familyname" => Self::LastName,
            "title" | "jobtitle" | "position" => Self::Title,
            "phone" | "phonenumber" | "telephone" | "mobile" => Self::Phone,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Role => "role",
            Self::Name => "name",
            Self::FirstName => "first name",
            Self::LastName => "last name",
            Self::Title => "title",
            Self::Phone => "phone",
        }
    }
}

/// What each column of a file means; none means nothing here.
struct Columns(Vec<Option<Column>>);

impl Columns {
    fn read(record: &ByteRecord) -> Result<(Self, Vec<String>), ImportProblem> {
        let mut columns = Vec::new();
        let mut ignored = Vec::new();
        for heading in record {
            let heading = std::str::from_utf8(heading).map_err(|_| ImportProblem::NotUtf8)?;
            let column = Column::of(heading);
            if let Some(twice) = column.filter(|_| columns.contains(&column)) {
                return Err(ImportProblem::ColumnTwice(twice.name()));
            }
            if column.is_none() && !heading.is_empty() {
                ignored.push(excerpt(heading));
            }
            columns.push(column);
        }
        if columns.contains(&Some(Column::Email)) {
            Ok((Self(columns), ignored))
        } else {
            Err(ImportProblem::NoAddressColumn)
        }
    }

    fn invite(
        &self,
        record: &ByteRecord,
        scope: Scope,
        default_role: &RoleName,
        roles: &[Role],
    ) -> Result<Invite, ImportProblem> {
        // Empty cells at the end of a row do no harm.
        let filled = record.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        if filled > self.0.len() {
            let columns = self.0.len();
            return Err(ImportProblem::TooManyCells { cells: filled, columns });
        }
        let cells: Vec<&str> = record
            .iter()
            .take(filled)
            .map(std::str::from_utf8)
            .collect::<Result<_, _>>()
            .map_err(|_| ImportProblem::NotUtf8)?;
        let cell = |wanted| {
            let at = self.0.iter().position(|column| *column == Some(wanted));
            at.and_then(|at| cells.get(at)).map_or("", |cell| cell.trim())
        };
        let address = cell(Column::Email);
        if address.is_empty() {
            return Err(ImportProblem::NoAddress);
        }
        let (email, written) = mailbox(address)?;
        let parts = format!("{} {}", cell(Column::FirstName), cell(Column::LastName));
        let names = [cell(Column::Name).to_owned(), parts, written];
        let name = names.into_iter().find(|name| !name.trim().is_empty()).unwrap_or_default();
        let role = role(cell(Column::Role), default_role, roles)?;
        let profile = profile([
            ("name", name),
            ("title", cell(Column::Title).to_owned()),
            ("phone", cell(Column::Phone).to_owned()),
        ])?;
        Ok(Invite::new(scope, email, role).with_profile(profile))
    }
}

/// The role that a cell names, by its name or its title in any case.
fn role(cell: &str, default: &RoleName, roles: &[Role]) -> Result<RoleName, ImportProblem> {
    if cell.is_empty() {
        return Ok(default.clone());
    }
    let given = folded(cell);
    // A name wins, and a title that two roles share names neither.
    let named = roles.iter().find(|role| folded(role.name.as_str()) == given);
    let mut titled = roles.iter().filter(|role| folded(role.title.as_str()) == given);
    let titled = titled.next().filter(|_| titled.next().is_none());
    if let Some(role) = named.or(titled) {
        return Ok(role.name.clone());
    }
    let known = roles.iter().map(|role| role.title.as_str()).collect::<Vec<_>>().join(", ");
    Err(ImportProblem::UnknownRole { given: excerpt(cell), known })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::domain::OrganizationId;

    fn acme() -> OrganizationId {
        OrganizationId::new(uuid::Uuid::nil())
    }

    fn read(text: &[u8]) -> Review {
        let role = |name, title| Role::new(name, 1).unwrap().titled(title).unwrap();
        let roles = [role("agent", "Agent"), role("senior", "Senior agent")];
        review_csv(text, acme(), &"agent".parse().unwrap(), &roles)
    }

    fn typed(text: &str) -> Review {
        review_addresses(text, acme(), &"agent".parse().unwrap())
    }

    fn addresses(review: &Review) -> Vec<(u64, &str)> {
        review.invites.iter().map(|row| (row.line, row.invite.email.as_str())).collect()
    }

    #[test]
    fn addresses_come_in_any_separation() {
        let review = typed("a@x.org, b@x.org;c@x.org d@x.org\r\n\n  e@x.org,,;\n");
        let expected =
            [(1, "a@x.org"), (1, "b@x.org"), (1, "c@x.org"), (1, "d@x.org"), (3, "e@x.org")];
        assert_eq!(addresses(&review), expected);
        assert!(review.problems.is_empty());
    }

    #[test]
    fn a_name_stands_before_its_address() {
        let review = typed("\"Miller, Bob\" <bob@x.org> Ada <ada@x.org>, 王小明 <ming@x.org>");
        let names: Vec<_> =
            review.invites.iter().map(|row| row.invite.profile.name().unwrap()).collect();
        assert_eq!(names, ["Miller, Bob", "Ada", "王小明"]);
    }

    #[test]
    fn an_address_counts_once_in_any_spelling() {
        let review = typed("Ada@X.org\nada@x.ORG");
        assert_eq!(addresses(&review), [(1, "Ada@X.org")]);
        let problem = &review.problems[0];
        assert_eq!(problem.problem, ImportProblem::Duplicate { first: 1 });
        assert_eq!(
            problem.to_string(),
            "line 2: the address stands on line 1 already; remove one of the two"
        );
    }

    #[test]
    fn columns_come_in_any_order_and_case() {
        let review = read(
            b"\xef\xbb\xbfROLE,Last Name,e-mail,FIRST_NAME,Shoe size\r\n\
              Senior Agent,\"Miller, Jr.\",bob@x.org,Bob,43\r\n\
              \r\n\
              AGENT,,ada@x.org\r\n",
        );
        assert_eq!(addresses(&review), [(2, "bob@x.org"), (4, "ada@x.org")]);
        assert_eq!(review.invites[0].invite.role.as_str(), "senior");
        assert_eq!(review.invites[0].invite.profile.name(), Some("Bob Miller, Jr."));
        assert_eq!(review.ignored, ["Shoe size"]);
        assert!(review.mixes_roles());
    }

    #[test]
    fn a_bad_row_holds_nobody_up() {
        let review = read(
            b"email,role\nada@x.org,agent\nnobody,agent\n,agent\nbob@x.org,boss\n\
              b\xff@x.org,agent\nc\0@x.org,\nd@x.org,agent,too,many\neve@x.org",
        );
        assert_eq!(addresses(&review), [(2, "ada@x.org"), (9, "eve@x.org")]);
        let lines: Vec<_> = review.problems.iter().map(|it| it.line).collect();
        assert_eq!(lines, [3, 4, 5, 6, 7, 8]);
        let texts: Vec<_> = review.problems.iter().map(ToString::to_string).collect();
        assert!(texts[2].ends_with("write one of: Agent, Senior agent"), "{}", texts[2]);
        assert_eq!(review.problems[3].problem, ImportProblem::NotUtf8);
        assert!(!review.problems[4].excerpt.contains('\0'));
    }

    #[test]
    fn a_quoted_line_end_moves_the_lines_below() {
        let review = read(b"name,email\r\n\"Ada\r\nLovelace\",ada@x.org\r\nBob,bob@x.org\r\n");
        assert_eq!(addresses(&review), [(2, "ada@x.org"), (4, "bob@x.org")]);
        assert_eq!(review.invites[0].invite.profile.name(), Some("Ada Lovelace"));
    }

    #[test]
    fn semicolons_and_tabs_separate_too() {
        for text in ["name;email\nMiller, Bob;bob@x.org", "name\temail\nMiller, Bob\tbob@x.org"] {
            let review = read(text.as_bytes());
            assert_eq!(review.invites[0].invite.profile.name(), Some("Miller, Bob"));
        }
    }

    #[test]
    fn a_list_that_cannot_be_read_says_why() {
        for (text, problem) in [
            (&b""[..], ImportProblem::NoAddressColumn),
            (b"ada@x.org\nbob@x.org", ImportProblem::NoAddressColumn),
            (b"email,E-Mail\n", ImportProblem::ColumnTwice("email")),
            (b"\xff\xfee\0m\0a\0i\0l\0", ImportProblem::NotUtf8),
        ] {
            let review = read(text);
            assert_eq!(review.problems[0].problem, problem);
            assert!(review.invites.is_empty());
        }
    }

    #[test]
    fn there_is_an_end_to_what_is_read() {
        let rows = |n: usize| (0..n).fold(String::new(), |all, n| all + &format!("p{n}@x.org\n"));
        assert_eq!(typed(&rows(Review::MAX_ROWS)).invites.len(), Review::MAX_ROWS);
        let problem = ImportProblem::TooManyRows { max: Review::MAX_ROWS };
        for review in [
            typed(&rows(Review::MAX_ROWS + 1)),
            read(format!("email\n{}", rows(Review::MAX_ROWS + 1)).as_bytes()),
        ] {
            assert_eq!(review.problems[0].problem, problem);
            assert!(review.invites.is_empty());
        }
        let long = "x".repeat(Review::MAX_BYTES + 1);
        let problem = ImportProblem::TooLong { max: Review::MAX_BYTES };
        assert_eq!(typed(&long).problems[0].problem, problem);
        assert_eq!(read(long.as_bytes()).problems[0].problem, problem);
    }
}
