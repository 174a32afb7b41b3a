//! Holds the floors: imports go down, time and randomness come from outside, and a new status, event
//! or command asks every place that tells them apart.
//!
//! Domain and ports are the ground; access stands on them, then commands, then the directory.
//! Adapters and the testing kit look down on everything below the directory and are imported by
//! nobody. One exception, by name: the directory's builder takes the system's clock and randomness.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};

/// What a file of a floor may import from the crate, by the first segment of the path.
fn may_import(floor: &str) -> Option<&'static [&'static str]> {
    Some(match floor {
        "domain" => &["domain"],
        "ports" => &["domain", "ports"],
        "access" => &["domain", "ports", "access"],
        "commands" => &["domain", "ports", "access", "commands"],
        // What the directory gives its callers stands at the root as well.
        "directory" => &["domain", "ports", "access", "commands", "directory"],
        "adapters" => &["domain", "ports", "access", "commands", "adapters"],
        "testing" => &["domain", "ports", "access", "commands", "directory", "adapters", "testing"],
        _ => return None,
    })
}

/// Every `crate::…` path in a file, with its line, also those of nested `use` lists.
fn imports(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = true;
            let mut name = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => start = true,
                    c if depth == 0 && start && (c.is_alphanumeric() || c == '_') => name.push(c),
                    c if c.is_whitespace() => {}
                    _ => start = false,
                }
                if (!start || c == ',') && !name.is_empty() {
                    found.push((line, std::mem::take(&mut name)));
                }
            }
            if !name.is_empty() {
                found.push((line, name));
            }
        } else {
            let name: String =
                rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.push((line, name));
        }
    }
    found
}

/// Comments and the contents of strings blanked, so that only code is looked at.
fn code(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if c == '"' {
            let mut escaped = false;
            let end = rest.char_indices().skip(1).find(|(_, c)| {
                let ends = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                ends
            });
            end.map_or(rest.len(), |(at, _)| at + 1)
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            rest[1..].find('\'').map_or(1, |end| end + 2)
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        out.extend(rest[..skip].chars().filter(|c| *c == '\n'));
        rest = &rest[skip..];
    }
    out
}

const AMBIENT: [&str; 8] = [
    "SystemTime::now",
    "Instant::now",
    "OffsetDateTime::now",
    "getrandom",
    "thread_rng",
    "rand::",
    "Uuid::new_v4",
    "Uuid::now_v7",
];

/// What stands for a choice that must be told apart completely.
const TOLD_APART: [&str; 10] = [
    "Event::",
    "StatusName::",
    "MembershipStatus::",
    "CommandName::",
    "C::",
    "Command::",
    "OrganizationStatus::",
    "InvitationStatus::",
    "Step::",
    "StatusGroup::",
];

/// Everything wrong with a file, as a person would say it.
fn faults(path: &str, source: &str) -> Vec<String> {
    let code = code(source);
    let mut faults = Vec::new();
    let floor = path.split(['/', '.']).next().unwrap();
    if let Some(allowed) = may_import(floor) {
        for (line, name) in imports(&code) {
            let is_module = may_import(&name).is_some();
            let is_root = !is_module && !matches!(name.as_str(), "permissions");
            let names_builder = path == "directory/mod.rs"
                && code.lines().nth(line - 1).unwrap().contains("adapters::system");
            // The crate's root names what stands in the directory.
            let upward = if is_root {
                !matches!(floor, "testing" | "directory")
            } else {
                is_module && !allowed.contains(&name.as_str())
            };
            if upward && !names_builder {
                faults.push(format!("{path}:{line} imports crate::{name} from above"));
            }
        }
    }
    for ambient in AMBIENT {
        // Waiting for another process to let go of a file takes real time, whatever the clock says.
        let waits = path == "adapters/sqlite/schema.rs" && ambient == "Instant::now";
        let allowed = path == "adapters/system.rs" || waits;
        if let Some(at) = code.find(ambient).filter(|_| !allowed) {
            let line = code[..at].matches('\n').count() + 1;
            faults.push(format!("{path}:{line} uses {ambient}: take it from the port"));
        }
    }
    faults.extend(wildcards(path, &code));
    faults
}

/// Arms with `_` (or a lone name) beside arms of a choice that must be told apart.
fn wildcards(path: &str, code: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, _) in code.match_indices("match ") {
        if code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let Some(open) = opening(&code[at..]).map(|it| at + it) else { continue };
        let body = block(&code[open..]);
        let patterns = patterns(body);
        let bare = |it: &str| {
            let it = it.trim().split(" if ").next().unwrap().trim();
            it == "_" || (!it.is_empty() && it.chars().all(|c| c.is_lowercase() || c == '_'))
        };
        let told = patterns.iter().any(|(_, it)| {
            it.trim().trim_start_matches("Some(").trim_start_matches('&').split('|').any(|one| {
                let one = one.trim().trim_start_matches("Some(");
                TOLD_APART.iter().any(|name| one.starts_with(name))
            })
        });
        for (offset, pattern) in &patterns {
            if told && bare(pattern) {
                let line = code[..open + offset].matches('\n').count() + 1;
                faults.push(format!(
                    "{path}:{line} has an arm `{}` over a choice that must be told apart",
                    pattern.trim()
                ));
            }
        }
    }
    faults
}

/// Where the body of a match begins: the first brace outside parentheses and brackets.
fn opening(code: &str) -> Option<usize> {
    let mut depth = 0;
    code.char_indices().find_map(|(at, c)| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at),
            _ => {}
        }
        None
    })
}

/// From a brace to the one that closes it.
fn block(code: &str) -> &str {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return &code[1..at];
                }
            }
            _ => {}
        }
    }
    code
}

/// The patterns of a match's own arms, with where each stands in the body.
fn patterns(body: &str) -> Vec<(usize, String)> {
    let (mut depth, mut start, mut found, mut in_pattern) = (0, 0, Vec::new(), true);
    let bytes = body.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth -= 1;
                let ends = depth == 0 && bytes[at] == b'}' && !in_pattern;
                // A block ends an arm unless something goes on with it.
                let next = body[at + 1..].trim_start();
                if ends && !next.starts_with(['.', '?', ',']) {
                    in_pattern = true;
                    start = at + 1;
                }
            }
            b'=' if depth == 0 && in_pattern && bytes.get(at + 1) == Some(&b'>') => {
                found.push((at, body[start..at].to_owned()));
                in_pattern = false;
                at += 1;
            }
            b',' if depth == 0 && !in_pattern => {
                in_pattern = true;
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_stands_on_its_floor() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 100, "found only {} files", files.len());
    let mut all = Vec::new();
    for file in files {
        let path = file.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
        // Tests beside an adapter stand outside the house.
        let outside = path == "lib.rs" || path.contains("/tests/") || path.ends_with("/tests.rs");
        if !outside {
            let source = std::fs::read_to_string(&file).unwrap();
            let source = source.split("#[cfg(test)]\n#[").next().unwrap();
            all.extend(faults(&path, source.split("#[cfg(test)]\nmod").next().unwrap()));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn a_floor_that_looks_up_is_found() {
    for (path, source) in [
        ("domain/bad.rs", "use crate::ports::Store;"),
        ("domain/bad.rs", "use crate::{domain::State, access::{Item, Extent}};"),
        ("access/bad.rs", "use crate::{domain::State, commands::Invite};"),
        ("commands/bad.rs", "fn f() -> crate::directory::Error { todo!() }"),
        ("commands/bad.rs", "use crate::Error;"),
        ("directory/bad.rs", "use crate::adapters::memory::MemoryStore;"),
        ("directory/execute.rs", "use crate::adapters::system::SystemClock;"),
        ("ports/bad.rs", "use crate::access::Catalogue;"),
        ("adapters/bad.rs", "use crate::UserDirectory;"),
        ("adapters/bad.rs", "use crate::testing::FakeClock;"),
    ] {
        assert_eq!(faults(path, source).len(), 1, "{path}: {source}");
    }
}

#[test]
fn a_floor_that_looks_down_or_only_speaks_of_above_is_left_alone() {
    for (path, source) in [
        ("directory/mod.rs", "use crate::adapters::system::{SystemClock, SystemEntropy};"),
        ("commands/good.rs", "use crate::access::{Item, Management};\nuse crate::domain::State;"),
        ("domain/good.rs", "/// See [`UserDirectory`](crate::UserDirectory).\nstruct It;"),
        ("domain/good.rs", "const IT: &str = \"crate::directory\";"),
        ("testing/good.rs", "use crate::{Error, UserDirectory};"),
        ("adapters/system.rs", "fn now() { SystemTime::now(); }"),
    ] {
        assert_eq!(faults(path, source), Vec::<String>::new(), "{path}: {source}");
    }
}

#[test]
fn an_ambient_clock_or_randomness_is_found() {
    for ambient in AMBIENT {
        let source = format!("fn f() {{ {ambient}(); }}");
        assert_eq!(faults("directory/bad.rs", &source).len(), 1, "{ambient}");
    }
}

#[test]
fn a_wildcard_over_what_must_be_told_apart_is_found() {
    for source in [
        "fn f(e: &Event) { match e { Event::SeatLimitSet { limit } => g(limit), _ => {} } }",
        "fn f(s: StatusName) -> u8 { match s { StatusName::Active => { 1 } other => h(other) } }",
        "fn f(c: CommandName) -> u8 { match c.name() { CommandName::Leave | CommandName::Block => 1, _ => 2 } }",
        "fn f(s: MembershipStatus) { match s { MembershipStatus::Active { .. } if x => 1, _ => 2 } }",
        "fn f(s: StatusName) { match s.after(x) { Some(StatusName::Active) => 1, _ => 2 } }",
    ] {
        assert_eq!(faults("commands/bad.rs", source).len(), 1, "{source}");
    }
    for source in [
        "fn f(n: u8) { match n { 1 => Some(StatusName::Active), _ => None } }",
        "fn f(s: StatusName) { match s { StatusName::Active => match n { 1 => a, _ => b }, StatusName::Lapsed => c } }",
    ] {
        assert_eq!(faults("commands/good.rs", source), Vec::<String>::new(), "{source}");
    }
}
