//! Paragraphs and tables on a terminal.

use tenure::domain::Timestamp;

const WIDTH: usize = 92;

/// A heading.
pub(crate) fn chapter(title: &str) {
    let line = "─".repeat(WIDTH.saturating_sub(width(title) + 4));
    println!("── {title} {line}\n");
}

/// A paragraph, wrapped.
pub(crate) fn tell(text: impl AsRef<str>) {
    let mut line = String::new();
    for word in text.as_ref().split_whitespace() {
        if !line.is_empty() && width(&line) + 1 + width(word) > WIDTH {
            println!("{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    println!("{line}\n");
}

/// Rows under headings, aligned.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) {
    let headings = headings.map(str::to_owned);
    let mut widths = [0; N];
    for row in std::iter::once(&headings).chain(rows) {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = width(cell).max(*widest);
        }
    }
    let print = |row: &[String; N]| {
        let mut line = String::new();
        for (cell, wide) in row.iter().zip(widths) {
            line.push_str("  ");
            line.push_str(cell);
            line.push_str(&" ".repeat(wide - width(cell)));
        }
        println!("{}", line.trim_end());
    };
    print(&headings);
    print(&widths.map(|wide| "─".repeat(wide)));
    rows.iter().for_each(print);
    println!();
}

/// Columns of a terminal: letters of East Asian scripts take two.
fn width(text: &str) -> usize {
    let is_wide = |c: char| {
        matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff60}')
    };
    text.chars().map(|c| if is_wide(c) { 2 } else { 1 }).sum()
}

/// `2026-11-23 09:00`.
pub(crate) fn minute(at: Timestamp) -> String {
    at.to_string().replace('T', " ").chars().take(16).collect()
}

/// `1 person`, `2 people`.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

/// The beginning of a text, and a mark where more follows.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
