//! Owns writing json and jsonl as programs do: arrays, lines, tables by index and by list, Python's
//! `NaN`, malformed records. Never encodes or compresses.

use super::lines::{Ends, Written};
use super::table::{Column, Kind, Table, Value};
use super::truth::{Cell, Row, Truth};
use crate::harness::seed::Seeded;

/// How a file holds its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Lines,
    Array,
    /// Each column an object by the row's number, as pandas writes it.
    ByIndex,
    /// Each column a list.
    Lists,
}

/// What is wrong, or merely unusual, with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Malformed,
    AllMalformed,
    BlankLines,
    AbsentKeys,
    OddUrls,
    ListsOfUrls,
    KeyTwice,
    CutShort,
    TextBehind,
    TrailingComma,
    PrettyLines,
    Uneven,
}

const OF_RECORDS: [(Fault, &str); 7] = [
    (Fault::Malformed, "malformed records"),
    (Fault::AllMalformed, "every record malformed"),
    (Fault::AbsentKeys, "absent keys"),
    (Fault::OddUrls, "URLs that are no texts"),
    (Fault::ListsOfUrls, "a list of URLs in each cell"),
    (Fault::KeyTwice, "a key twice"),
    (Fault::None, ""),
];
const OF_LINES: [(Fault, &str); 2] = [
    (Fault::BlankLines, "blank lines"),
    (Fault::PrettyLines, "records over several lines"),
];
const OF_ARRAYS: [(Fault, &str); 3] = [
    (Fault::CutShort, "an array without an end"),
    (Fault::TextBehind, "text behind the array"),
    (Fault::TrailingComma, "a trailing comma"),
];

/// A value in JSON, and in Python's where that has more.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Text(text) => serde_json::Value::from(&**text).to_string(),
        Value::Int(digits) => digits.clone(),
        Value::Float(number) => number.to_string(),
        Value::NotFinite(word) => (*word).to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(text).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("\"{name}\": {}", text(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Writes a table down.
pub(super) fn write(
    random: &mut Seeded,
    table: &Table,
    lines: bool,
    kinds: &mut Vec<&'static str>,
) -> Written {
    let shape = match random.below(10) {
        _ if lines => Shape::Lines,
        0..6 => Shape::Array,
        6..8 => Shape::ByIndex,
        _ => Shape::Lists,
    };
    kinds.extend(match shape {
        Shape::ByIndex => Some("object of objects"),
        Shape::Lists => Some("object of lists"),
        Shape::Lines | Shape::Array => None,
    });
    let fault = draw_fault(random, shape, table.rows, kinds);
    let ascii = random.chance(30);
    let mut rows: Vec<Row> = (0..table.rows).map(|row| truth(table, row)).collect();
    let (text, mut truth) = match shape {
        Shape::Lines | Shape::Array => {
            let records = records(random, table, &mut rows, shape, fault);
            let mut truth = Truth::of(rows, table.saved_names());
            judge_records(&mut truth, fault);
            (lay_out(random, &records, shape, fault, kinds), truth)
        }
        Shape::ByIndex | Shape::Lists => {
            let text = columns(table, shape, fault);
            (text, Truth::of(rows, table.saved_names()))
        }
    };
    match fault {
        Fault::CutShort => truth.cut_short(),
        Fault::TextBehind | Fault::TrailingComma | Fault::PrettyLines => truth.or_refused(),
        Fault::Uneven => truth.must_be_refused(&[]),
        _ => {}
    }
    Written {
        text: if ascii { in_ascii(&text) } else { text },
        truth,
        options: Vec::new(),
    }
}

fn draw_fault(
    random: &mut Seeded,
    shape: Shape,
    rows: usize,
    kinds: &mut Vec<&'static str>,
) -> Fault {
    if random.chance(50) {
        return Fault::None;
    }
    let own: &[(Fault, &str)] = match shape {
        Shape::Lines => &OF_LINES,
        Shape::Array => &OF_ARRAYS,
        Shape::Lists => &[(Fault::Uneven, "lists of different lengths")],
        Shape::ByIndex => &[(Fault::None, "")],
    };
    let tabular = matches!(shape, Shape::ByIndex | Shape::Lists);
    let from = if tabular || random.chance(35) {
        own
    } else {
        &OF_RECORDS
    };
    let (mut fault, mut name) = *random.pick(from);
    if fault == Fault::Malformed && rows == 1 {
        (fault, name) = (Fault::AllMalformed, "every record malformed");
    }
    if fault != Fault::None {
        kinds.push(name);
    }
    fault
}

/// What must come of a row that is written as it is.
fn truth(table: &Table, row: usize) -> Row {
    let url = match &table.url().cells[row] {
        Value::Text(url) => Cell::Exact(url.clone()),
        _ => Cell::Any,
    };
    Row {
        url,
        cells: table
            .saved()
            .map(|column| cell(column, &column.cells[row]))
            .collect(),
        optional: false,
    }
}

fn cell(column: &Column, value: &Value) -> Cell {
    match (column.kind, value) {
        (_, Value::Null | Value::NotFinite(_)) => Cell::Null,
        (Kind::Mixed | Kind::Floats | Kind::NotFinite, _) => Cell::Any,
        (_, Value::List(_) | Value::Object(_)) => Cell::Nested,
        (_, Value::Text(text) | Value::Int(text)) => Cell::Exact(text.clone()),
        (_, Value::Bool(truth)) => Cell::Exact(truth.to_string()),
        (_, Value::Float(_)) => Cell::Any,
    }
}

fn records(
    random: &mut Seeded,
    table: &Table,
    rows: &mut [Row],
    shape: Shape,
    fault: Fault,
) -> Vec<String> {
    let shuffled = random.chance(20);
    let spared = random.below(rows.len() as u64) as usize;
    let doomed = (spared + 1) % rows.len();
    let mut written = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter_mut().enumerate() {
        let mut members: Vec<(String, String)> = Vec::new();
        for column in &table.columns {
            let value = &column.cells[at];
            // The first record has every key: a key that none has is a column that is missing.
            if fault == Fault::AbsentKeys && at > 0 && *value == Value::Null {
                continue;
            }
            members.push((text(&Value::Text(column.name.clone())), text(value)));
        }
        if shuffled {
            random.shuffle(&mut members);
        }
        let url = text(&Value::Text(table.url().name.clone()));
        let place = members.iter().position(|(name, _)| *name == url);
        change_url(random, &mut members, place, row, fault);
        let members = members
            .iter()
            .map(|(name, value)| format!("{name}: {value}"));
        let record = format!("{{{}}}", members.collect::<Vec<_>>().join(", "));
        let bad = match fault {
            Fault::AllMalformed => true,
            Fault::Malformed => at == doomed || at != spared && random.chance(30),
            _ => false,
        };
        written.push(if bad {
            *row = Row {
                cells: vec![Cell::Any; row.cells.len()],
                ..Row::of_url(Cell::Any)
            };
            malformed(random, &record, shape)
        } else {
            record
        });
    }
    written
}

/// Gives a record another sort of URL.
fn change_url(
    random: &mut Seeded,
    members: &mut Vec<(String, String)>,
    place: Option<usize>,
    row: &mut Row,
    fault: Fault,
) {
    let Some(place) = place else {
        return;
    };
    let (name, value) = members[place].clone();
    let other = match fault {
        Fault::OddUrls if random.chance(40) => (*random.pick(&[
            "7",
            "true",
            "{\"src\": \"x\"}",
            "[\"http://127.0.0.1/a\", \"http://127.0.0.1/b\"]",
            "\"\"",
            "1.5",
            "\"\\ud800\"",
            "\"a\\u0000b\"",
        ]))
        .to_owned(),
        Fault::ListsOfUrls => format!("[{value}, \"http://127.0.0.1/second\"]"),
        Fault::KeyTwice if random.chance(40) => {
            members.push((name, "\"http://127.0.0.1/twice\"".to_owned()));
            row.url = Cell::Any;
            return;
        }
        _ => return,
    };
    members[place].1 = other;
    row.url = Cell::Any;
    row.cells.fill(Cell::Any);
}

/// What is no JSON object, and no more than one record: half a record is as much as a line alone can be,
/// since an array would have no end.
fn malformed(random: &mut Seeded, record: &str, shape: Shape) -> String {
    let half = record.chars().take(record.chars().count() / 2).collect();
    let sorts = [
        "null".to_owned(),
        "[1, 2]".to_owned(),
        "\"http://127.0.0.1/text\"".to_owned(),
        "{'url': 'http://127.0.0.1/python'}".to_owned(),
        record.replacen('{', "{,", 1),
        half,
    ];
    let sorts = match shape {
        Shape::Lines => &sorts[..],
        _ => &sorts[..sorts.len() - 1],
    };
    random.pick(sorts).clone()
}

fn judge_records(truth: &mut Truth, fault: Fault) {
    match fault {
        Fault::Malformed => {
            truth.losses = true;
            truth.or_refused();
        }
        Fault::AllMalformed => truth.must_be_refused(&[]),
        Fault::ListsOfUrls => truth.must_be_refused(&["list", "explode_url"]),
        Fault::OddUrls => truth.or_refused(),
        _ => {}
    }
}

fn lay_out(
    random: &mut Seeded,
    records: &[String],
    shape: Shape,
    fault: Fault,
    kinds: &mut Vec<&'static str>,
) -> String {
    if shape == Shape::Array {
        let between = *random.pick(&[", ", ",\n  ", " ,\r\n"]);
        let (open, close) = *random.pick(&[("[", "]"), ("[\n", "\n]\n"), (" \n[ ", " ]  ")]);
        let body = records.join(between);
        return match fault {
            Fault::CutShort => format!("{open}{body}"),
            Fault::TextBehind => format!("{open}{body}{close}{{\"url\": \"x\"}}"),
            Fault::TrailingComma => format!("{open}{body},{close}"),
            _ => format!("{open}{body}{close}"),
        };
    }
    let ends = Ends::draw(random, kinds);
    let mut text = String::new();
    for record in records {
        if fault == Fault::BlankLines && random.chance(40) {
            text += ends.next(random);
        }
        if fault == Fault::PrettyLines {
            text += &record.replacen('{', "{\n  ", 1);
        } else {
            text += record;
        }
        text += ends.next(random);
    }
    ends.last(text)
}

/// A table by columns.
fn columns(table: &Table, shape: Shape, fault: Fault) -> String {
    let columns = table.columns.iter().map(|column| {
        let name = text(&Value::Text(column.name.clone()));
        let cells: Vec<String> = column.cells.iter().map(text).collect();
        if shape == Shape::Lists {
            let is_short = fault == Fault::Uneven && column.kind == Kind::Urls;
            return format!("{name}: [{}]", cells[usize::from(is_short)..].join(", "));
        }
        let cells = cells
            .iter()
            .enumerate()
            .map(|(row, cell)| format!("\"{row}\": {cell}"));
        format!("{name}: {{{}}}", cells.collect::<Vec<_>>().join(", "))
    });
    let mut columns: Vec<String> = columns.collect();
    if fault == Fault::Uneven && columns.len() == 1 {
        columns.push(
            "\"other\": [1, 2, 3, 4, 5, 6, 7, 8, 9]"
                .repeat(5)
                .replace("]\"other\": [", ", "),
        );
    }
    format!("{{{}}}", columns.join(", "))
}

/// All beyond ASCII as `\u` escapes, as Python's json writes it.
fn in_ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                ascii += &format!("\\u{unit:04x}");
            }
        }
    }
    ascii
}
