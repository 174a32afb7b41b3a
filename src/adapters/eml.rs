//! Mail as files: each letter an `.eml` in a folder, where a person or a test opens it, or where
//! another program picks it up.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;

use crate::domain::{EmailAddress, Timestamp, Token};
use crate::ports::{Letter, LetterKind, Mailer, MailerError};

/// Where links lead: the address of the host's own page, chosen when the program starts and never
/// taken from a request (whoever sends a request chooses its `Host`).
///
/// The secret of a link stands behind `#`: browsers send that part to no server, so it is in no
/// access log and in no `Referer`. The page reads it and posts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkBase(String);

impl LinkBase {
    /// The address of the page that links open, such as `https://desk.example.com/welcome`.
    ///
    /// Whatever stands behind a `#` in it is left out.
    pub fn new(address: impl AsRef<str>) -> Self {
        let address = address.as_ref().trim();
        Self(address.split_once('#').map_or(address, |(page, _)| page).to_owned())
    }

    fn link(&self, token: &Token) -> String {
        format!("{}#token={}", self.0, token.expose())
    }
}

/// A [`Mailer`] that writes each letter to `<id>.eml` in a folder.
///
/// A letter sent again overwrites its own file, so that sending twice is sending once. A file is
/// either whole or not there. Files are written where the caller runs, without a thread of their
/// own: this is for development, tests and small deployments.
///
/// ```
/// use tenure::adapters::eml::{EmlFolder, LinkBase};
///
/// let folder = std::env::temp_dir().join("outgoing-mail");
/// let from = "desk@example.com".parse()?;
/// let mailer = EmlFolder::new(folder, &from, LinkBase::new("https://desk.example.com/welcome"))?;
/// # let _ = mailer;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct EmlFolder {
    folder: PathBuf,
    from: Mailbox,
    links: LinkBase,
}

impl EmlFolder {
    /// A mailer that writes to a folder, which is made if it is not there.
    ///
    /// Fails if the folder cannot be made, or the sender's address cannot stand in a message.
    pub fn new(
        folder: impl Into<PathBuf>,
        from: &EmailAddress,
        links: LinkBase,
    ) -> Result<Self, MailerError> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder).map_err(|e| failed(&e))?;
        Ok(Self { folder, from: mailbox(from)?, links })
    }

    fn message(&self, letter: &Letter) -> Result<Message, MailerError> {
        let Wording { subject, body } = Wording::of(&letter.kind, &self.links);
        let sender = self.from.email.domain();
        Message::builder()
            .date_now()
            .from(self.from.clone())
            .to(mailbox(&letter.to)?)
            .message_id(Some(format!("<{}@{sender}>", letter.id)))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(body)
            .map_err(|e| failed(&e))
    }
}

#[async_trait]
impl Mailer for EmlFolder {
    async fn send(&self, letter: &Letter) -> Result<(), MailerError> {
        let message = self.message(letter)?.formatted();
        let name = self.folder.join(format!("{}.eml", letter.id));
        write_whole(&name, &message).map_err(|e| failed(&e))
    }
}

/// Under another name first: whoever looks into the folder sees a whole file or none.
fn write_whole(name: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = name.with_extension("unfinished");
    let mut file = std::fs::File::create(&unfinished)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, name)
}

/// Nobody's name stands beside the address: only the person knows how they write it.
fn mailbox(address: &EmailAddress) -> Result<Mailbox, MailerError> {
    Ok(Mailbox::new(None, address.as_str().parse().map_err(|e| failed(&e))?))
}

fn failed(error: &dyn std::fmt::Display) -> MailerError {
    MailerError(error.to_string())
}

/// What a letter says, in plain English. Names that people chose are quoted, so that a name which
/// reads like a sentence does not pass for one of ours.
struct Wording {
    subject: String,
    body: String,
}

impl Wording {
    fn of(kind: &LetterKind, links: &LinkBase) -> Self {
        match kind {
            LetterKind::Invitation { organization, role, inviter, token, expires_at } => {
                let who = match inviter {
                    Some(name) => format!("{} invites you", quoted(name)),
                    None => "You are invited".to_owned(),
                };
                Self {
                    subject: format!("Invitation to {}", quoted(organization.as_str())),
                    body: format!(
                        "Hello,\n\n{who} to join {} as {}.\n\nTo answer, open this link:\n\n{}\n\n\
                         The link works until {}. If you did not expect this invitation, you can \
                         ignore this mail.\n",
                        quoted(organization.as_str()),
                        quoted(role.as_str()),
                        links.link(token),
                        date(*expires_at),
                    ),
                }
            }
            LetterKind::PasswordReset { token, expires_at } => Self {
                subject: "Choose a new password".to_owned(),
                body: format!(
                    "Hello,\n\nTo choose a new password, open this link:\n\n{}\n\nThe link works \
                     once, until {}. If you did not ask for it, you can ignore this mail: your \
                     password stays as it is.\n",
                    links.link(token),
                    date(*expires_at),
                ),
            },
            LetterKind::OwnershipOffer { organization, role, expires_at } => Self {
                subject: format!("You are offered {}", quoted(organization.as_str())),
                body: format!(
                    "Hello,\n\nYou are offered the role {} in {}. Sign in to accept or decline.\
                     \n\nThe offer stands until {}.\n",
                    quoted(role.as_str()),
                    quoted(organization.as_str()),
                    date(*expires_at),
                ),
            },
        }
    }
}

/// A name in quotation marks, on one line: a hostile one can neither end its quotation nor begin a
/// header or a line of its own.
fn quoted(name: &str) -> String {
    let inner: String = name
        .chars()
        .map(|c| match c {
            '“' | '”' | '"' => '\'',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    format!("“{inner}”")
}

/// `2026-11-23 09:00 UTC`.
fn date(at: Timestamp) -> String {
    let at = time::OffsetDateTime::from(at);
    let (hour, minute) = (at.hour(), at.minute());
    format!("{} {hour:02}:{minute:02} UTC", at.date())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::domain::{MailId, OrganizationName, RoleTitle};

    fn invitation_to(organization: &str) -> Letter {
        Letter {
            id: MailId::new(uuid::Uuid::from_u128(7)),
            to: "bob@example.org".parse().unwrap(),
            kind: LetterKind::Invitation {
                organization: OrganizationName::new(organization).unwrap(),
                role: RoleTitle::new("Agent").unwrap(),
                inviter: Some("Ada\r\nBcc: eve@example.net".to_owned()),
                token: Token::new("s3cr3t"),
                expires_at: Timestamp::from_micros(1_795_424_400_000_000),
            },
        }
    }

    fn sent(letters: &[Letter]) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().unwrap();
        let from = "desk@example.com".parse().unwrap();
        let links = LinkBase::new("https://desk.example.com/welcome#top");
        let mailer = EmlFolder::new(folder.path(), &from, links).unwrap();
        for letter in letters {
            futures_executor::block_on(mailer.send(letter)).unwrap();
        }
        let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
        files
            .map(|path| {
                let text = std::fs::read_to_string(&path).unwrap();
                (path.file_name().unwrap().to_string_lossy().into_owned(), text)
            })
            .collect()
    }

    #[test]
    fn the_secret_stands_behind_the_configured_address() {
        let (_, text) = sent(&[invitation_to("Northwind")]).remove(0);
        // Quoted-printable: `=` is written `=3D`.
        let text = text.replace("=\r\n", "").replace("=3D", "=");
        assert!(text.contains("https://desk.example.com/welcome#token=s3cr3t"), "{text}");
        assert!(text.contains("2026-11-23 09:00 UTC"), "{text}");
    }

    #[test]
    fn the_same_letter_twice_is_one_file() {
        let letter = invitation_to("Northwind");
        let files = sent(&[letter.clone(), letter]);
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["00000000-0000-0000-0000-000000000007.eml"]);
    }

    #[test]
    fn a_hostile_name_stays_in_the_subject() {
        for name in
            ["=?utf-8?q?Bcc:_x@y.z?=", "a” Subject: b", "北風".repeat(40).as_str(), ": ,;<x@y.z>"]
        {
            let text = sent(&[invitation_to(name)]).remove(0).1;
            let (head, _) = text.split_once("\r\n\r\n").unwrap();
            let unfolded = head.replace("\r\n ", "");
            let names: Vec<_> =
                unfolded.lines().filter_map(|l| l.split_once(':')).map(|(n, _)| n).collect();
            let expected = [
                "From",
                "To",
                "Message-ID",
                "Subject",
                "Content-Type",
                "Date",
                "Content-Transfer-Encoding",
            ];
            assert!(names.iter().all(|name| expected.contains(name)), "{head}");
            assert!(unfolded.lines().all(str::is_ascii), "{head}");
            assert!(!text.contains("\nBcc:"), "{text}");
        }
    }
}
