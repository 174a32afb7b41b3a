//! Reading the mails that went out, as the people who got them do.

use std::path::Path;

use tenure::Token;

/// One mail out of the folder.
pub(crate) struct Mail {
    /// To whom.
    pub(crate) to: String,
    /// What it says.
    pub(crate) text: String,
}

impl Mail {
    /// The secret of the link in it.
    pub(crate) fn token(&self) -> Option<Token> {
        let (_, link) = self.text.split_once("#token=")?;
        link.split_whitespace().next().map(Token::from)
    }
}

/// Every mail in a folder, the oldest first: their names are in the order of time.
pub(crate) fn read(folder: &Path) -> std::io::Result<Vec<Mail>> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder)?.map(|file| Ok(file?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|it| it == "eml"));
    files.sort();
    files.iter().map(|file| Ok(parse(&std::fs::read_to_string(file)?))).collect()
}

fn parse(file: &str) -> Mail {
    let (head, body) = file.split_once("\r\n\r\n").unwrap_or((file, ""));
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_default().trim().to_owned()
    };
    let text = match header("Content-Transfer-Encoding").as_str() {
        "quoted-printable" => plain(body),
        _ => body.to_owned(),
    };
    Mail { to: header("To"), text }
}

/// Quoted-printable (RFC 2045 §6.7) as text.
fn plain(body: &str) -> String {
    let body = body.replace("=\r\n", "");
    let mut parts = body.split('=');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).unwrap_or(("", part));
        bytes.extend(u8::from_str_radix(code, 16));
        bytes.extend(rest.bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
