//! Owns writing txt, one URL per line, and the line ends of all text formats. Never encodes or
//! compresses.

use super::table::{Table, Value};
use super::truth::{Cell, Row, Truth};
use crate::harness::seed::Seeded;

/// Characters of a text, one of which at most is a control character.
const CHARS_PER_CONTROL: usize = 20;

/// A list as text.
pub(super) struct Written {
    pub(super) text: String,
    pub(super) truth: Truth,
    /// Options without which it cannot be read.
    pub(super) options: Vec<String>,
}

/// How lines end.
pub(super) struct Ends {
    of: &'static [&'static str],
    /// Whether the last line does.
    last: bool,
}

impl Ends {
    pub(super) fn draw(random: &mut Seeded, kinds: &mut Vec<&'static str>) -> Self {
        let (of, name): (&[&str], &'static str) = match random.below(20) {
            0..12 => (&["\n"], ""),
            12..16 => (&["\r\n"], "CRLF"),
            16..18 => (&["\r"], "CR"),
            _ => (&["\n", "\r\n"], "mixed line ends"),
        };
        if !name.is_empty() {
            kinds.push(name);
        }
        Self {
            of,
            last: random.chance(70),
        }
    }

    pub(super) fn next(&self, random: &mut Seeded) -> &'static str {
        let ends: &[&'static str] = self.of;
        ends[random.below(ends.len() as u64) as usize]
    }

    /// The text without its last line's end, where that has none.
    pub(super) fn last(&self, mut text: String) -> String {
        if !self.last {
            let length = text.trim_end_matches(['\r', '\n']).len();
            text.truncate(length);
        }
        text
    }
}

/// Whether so much of a text is control characters that it may be taken for something else.
pub(super) fn may_be_no_text(text: &str) -> bool {
    let controls = text
        .chars()
        .filter(|c| c.is_control() && !c.is_whitespace());
    controls.count() * CHARS_PER_CONTROL > text.chars().count()
}

/// Writes a table's URLs down.
pub(super) fn write(random: &mut Seeded, table: &Table, kinds: &mut Vec<&'static str>) -> Written {
    let ends = Ends::draw(random, kinds);
    let quoted = *random.pick(&[0, 0, 0, 30, 100]);
    let blank = *random.pick(&[0, 0, 30]);
    if quoted > 0 {
        kinds.push("quoted lines");
    }
    if blank > 0 {
        kinds.push("blank lines");
    }
    let odd = random.chance(15);
    if odd {
        kinds.push("odd lines");
    }
    let (mut text, mut rows) = (String::new(), Vec::new());
    for cell in &table.url().cells {
        let Value::Text(url) = cell else {
            continue;
        };
        if random.chance(blank) {
            text += ends.next(random);
        }
        if odd && random.chance(30) {
            let (line, row) = odd_line(random, url);
            text += &line;
            rows.push(row);
        } else if random.chance(quoted) {
            text += &format!("\"{}\"", url.replace('"', "\"\""));
            rows.push(Row::of_url(Cell::Exact(url.clone())));
        } else {
            text += url;
            rows.push(Row::of_url(Cell::Exact(url.clone())));
        }
        text += ends.next(random);
    }
    let is_empty = rows.is_empty();
    let mut truth = Truth::of(rows, Vec::new());
    if is_empty {
        kinds.push("no URL");
        truth.must_be_refused(super::foreign::EMPTY);
    }
    let text = ends.last(text);
    if may_be_no_text(&text) {
        truth.or_refused();
    }
    Written {
        text,
        truth,
        options: Vec::new(),
    }
}

/// A line that is a row, of which it is not sure what URL it has, or whether it is one.
fn odd_line(random: &mut Seeded, url: &str) -> (String, Row) {
    let any = Row::of_url(Cell::Any);
    let as_it_is = |line: String| (line.clone(), Row::of_url(Cell::Exact(line)));
    match random.below(9) {
        0 => (format!("  {url}  "), any),
        1 => (format!("\"{url}"), any),
        2 => as_it_is(format!("{url}\u{1b}[31m")),
        3 => as_it_is(format!("{url}\u{2028}x")),
        4 => as_it_is(format!("{url}\u{b}x\u{c}y\u{85}z")),
        5 => as_it_is(format!("{url}\0x")),
        6 => as_it_is(format!("# {url}")),
        7 => as_it_is(format!("{url},a caption")),
        _ => (
            "  ".to_owned(),
            Row {
                optional: true,
                ..any
            },
        ),
    }
}
