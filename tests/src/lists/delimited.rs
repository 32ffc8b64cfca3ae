//! Owns writing csv and tsv as people and programs do: all sorts of quotes, line ends, ragged records,
//! headers. Never encodes or compresses.

use super::lines::{Ends, Written, may_be_no_text};
use super::table::{Column, Kind, Role, Table, Value};
use super::truth::{Cell, Row, Truth};
use crate::harness::seed::Seeded;

/// What is wrong, or merely unusual, with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    InchSigns,
    OneOpenQuote,
    OpenQuotes,
    TextBehindQuote,
    Ragged,
    BlankLines,
    LinesInQuotes,
    RecordsInQuotes,
    QuotingNone,
    NoHeader,
    Delimiter,
    Semicolons,
    HeaderLikeSignature,
    ControlInHeader,
    ColumnTwice,
    ControlInCells,
    EmptyColumnName,
}

const FAULTS: [(Fault, &str); 17] = [
    (Fault::InchSigns, "inch signs"),
    (Fault::OneOpenQuote, "one open quote"),
    (Fault::OpenQuotes, "open quotes"),
    (Fault::TextBehindQuote, "text behind a closing quote"),
    (Fault::Ragged, "ragged records"),
    (Fault::BlankLines, "blank lines"),
    (Fault::LinesInQuotes, "lines in quotes"),
    (Fault::RecordsInQuotes, "lines like records in quotes"),
    (Fault::QuotingNone, "--quoting none"),
    (Fault::NoHeader, "--no_header"),
    (Fault::Delimiter, "--delimiter"),
    (Fault::Semicolons, "semicolons unannounced"),
    (Fault::HeaderLikeSignature, "header like a signature"),
    (Fault::ControlInHeader, "control bytes in the header"),
    (Fault::ColumnTwice, "a column twice"),
    (Fault::ControlInCells, "control bytes in cells"),
    (Fault::EmptyColumnName, "a column without a name"),
];

/// Texts that begin as files of other kinds do.
const LIKE_SIGNATURES: [&str; 8] = [
    "ORCID",
    "PARENT_ID",
    "PARIS",
    "BZhotel",
    "GIF89",
    "FEA1",
    "PK",
    "Object",
];

/// One record on its way into the file.
struct Record {
    /// Each field as it will stand there.
    fields: Vec<String>,
    row: Row,
}

/// How fields are written.
struct Style {
    delimiter: char,
    /// Quotes around so many of a hundred fields that need none.
    quoted: u64,
    quoting: bool,
}

/// Writes a table down.
pub(super) fn write(
    random: &mut Seeded,
    mut table: Table,
    tab: bool,
    kinds: &mut Vec<&'static str>,
) -> Written {
    let own = if tab { '\t' } else { ',' };
    let fault = draw_fault(random, &table, own, kinds);
    change_table(random, &mut table, fault);
    let mut style = Style {
        delimiter: own,
        quoted: *random.pick(&[0, 0, 30, 100]),
        quoting: fault != Fault::QuotingNone,
    };
    let mut options = Vec::new();
    match fault {
        Fault::Delimiter => {
            style.delimiter = *random.pick(&[';', '|']);
            options.extend(["--delimiter".to_owned(), style.delimiter.to_string()]);
        }
        Fault::Semicolons => style.delimiter = ';',
        Fault::QuotingNone => options.extend(["--quoting", "none"].map(str::to_owned)),
        Fault::NoHeader => {
            let names: Vec<&str> = table.columns.iter().map(|c| &*c.name).collect();
            options.extend(["--no_header", "True", "--columns"].map(str::to_owned));
            options.push(serde_json::json!(names).to_string());
        }
        _ => {}
    }
    let mut records = records(random, &table, &style);
    let losses = damage(random, &mut records, &table, &style, fault);
    let ends = Ends::draw(random, kinds);
    let text = lay_out(random, &records, &table, &style, fault, &ends);
    let rows = records.into_iter().map(|record| Row {
        // A line of nothing is no record.
        optional: record.fields == [""],
        ..record.row
    });
    let mut truth = Truth::of(rows.collect(), table.saved_names());
    truth.losses = losses;
    match fault {
        Fault::OpenQuotes | Fault::RecordsInQuotes => truth.or_told(),
        Fault::Semicolons | Fault::ColumnTwice | Fault::EmptyColumnName => truth.or_refused(),
        _ => {}
    }
    if may_be_no_text(&text) {
        truth.or_refused();
    }
    Written {
        text,
        truth,
        options,
    }
}

fn draw_fault(
    random: &mut Seeded,
    table: &Table,
    own: char,
    kinds: &mut Vec<&'static str>,
) -> Fault {
    if random.chance(40) {
        return Fault::None;
    }
    let (fault, name) = *random.pick(&FAULTS);
    let needs_texts = matches!(
        fault,
        Fault::InchSigns | Fault::TextBehindQuote | Fault::LinesInQuotes | Fault::RecordsInQuotes
    );
    let has_texts = text_columns(table).next().is_some();
    // Without quotes no name can hold what parts it from the next.
    let mut names = table.columns.iter().map(|column| &column.name);
    if fault == Fault::QuotingNone && names.any(|name| name.contains(own)) {
        return Fault::None;
    }
    let needs_others = matches!(fault, Fault::Semicolons | Fault::Delimiter);
    if needs_texts && !has_texts || needs_others && table.columns.len() == 1 {
        return Fault::None;
    }
    kinds.push(name);
    fault
}

/// Columns whose fields may be written in any odd way.
fn text_columns(table: &Table) -> impl Iterator<Item = usize> {
    let columns = table.columns.iter().enumerate();
    columns.filter_map(|(at, column)| (column.kind == Kind::Texts).then_some(at))
}

fn change_table(random: &mut Seeded, table: &mut Table, fault: Fault) {
    let name = match fault {
        Fault::HeaderLikeSignature => (*random.pick(&LIKE_SIGNATURES)).to_owned(),
        Fault::ControlInHeader => (*random.pick(&[
            "a\u{1b}[31mRED\u{7}",
            "b\u{9b}2J",
            "c\u{8}\u{8}",
            "d\u{7f}",
            "e\u{1b}]0;t\u{7}",
        ]))
        .to_owned(),
        Fault::EmptyColumnName => String::new(),
        Fault::ColumnTwice => random.pick(&table.columns).name.clone(),
        Fault::ControlInCells => {
            let odd = [
                "\u{1b}[31mred\u{1b}[0m",
                "bell\u{7}",
                "\u{9b}1m",
                "nul\0",
                "del\u{7f}",
            ];
            for column in &mut table.columns {
                if column.kind == Kind::Texts {
                    let cell = random.below(column.cells.len() as u64) as usize;
                    column.cells[cell] = Value::Text((*random.pick(&odd)).to_owned());
                }
            }
            return;
        }
        _ => return,
    };
    let twice = fault == Fault::ColumnTwice;
    let column = Column {
        name,
        role: Role::Other,
        kind: Kind::Ints,
        cells: (0..table.rows)
            .map(|row| Value::Int(row.to_string()))
            .collect(),
    };
    // A signature is one at the file's start alone; of two columns of a name the first counts.
    let at = if twice { table.columns.len() } else { 0 };
    table.columns.insert(at, column);
}

fn records(random: &mut Seeded, table: &Table, style: &Style) -> Vec<Record> {
    let truth = |row: usize, column: &Column| {
        let text = shown(&column.cells[row], style);
        cell(column, &column.cells[row], &text)
    };
    (0..table.rows)
        .map(|row| {
            let fields = table.columns.iter().map(|column| {
                let text = shown(&column.cells[row], style);
                field(random, &text, style)
            });
            Record {
                fields: fields.collect(),
                row: Row {
                    url: truth(row, table.url()),
                    cells: table.saved().map(|column| truth(row, column)).collect(),
                    optional: false,
                },
            }
        })
        .collect()
}

/// A value as text, without what a style has no way to write.
fn shown(value: &Value, style: &Style) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::Text(text) => text.clone(),
        Value::Int(digits) => digits.clone(),
        Value::Float(number) => number.to_string(),
        Value::NotFinite(word) => (*word).to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::List(_) | Value::Object(_) => super::json::text(value),
    };
    if style.quoting {
        text
    } else {
        text.replace(style.delimiter, " ")
    }
}

fn field(random: &mut Seeded, text: &str, style: &Style) -> String {
    let special = |c: char| c == style.delimiter || matches!(c, '"' | '\r' | '\n');
    let needs = text.contains(special);
    if style.quoting && (needs || random.chance(style.quoted)) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// What must come of a field of this text.
fn cell(column: &Column, value: &Value, text: &str) -> Cell {
    let exact = || Cell::Exact(text.to_owned());
    let is_text = |value: &Value| matches!(value, Value::Text(_));
    match (column.kind, value) {
        (Kind::Ints | Kind::Bools, Value::Null) if column.role == Role::Saved => Cell::Null,
        (_, Value::Null) => Cell::Any,
        (Kind::Urls | Kind::Texts | Kind::Codes, _) => exact(),
        (Kind::Ints | Kind::Unsigned | Kind::Big | Kind::Bools, _) => exact(),
        // Of texts and numbers, all are texts.
        (Kind::Mixed, _) if column.cells.iter().any(is_text) => exact(),
        _ => Cell::Any,
    }
}

/// Writes some fields in another way than records are written; whether something is lost.
fn damage(
    random: &mut Seeded,
    records: &mut [Record],
    table: &Table,
    style: &Style,
    fault: Fault,
) -> bool {
    let texts: Vec<usize> = text_columns(table).collect();
    let rows = records.len() as u64;
    match fault {
        Fault::InchSigns => {
            for record in records.iter_mut() {
                let text = format!("{}\" disk", random.below(99));
                put(record, table, *random.pick(&texts), &text, true);
            }
        }
        Fault::TextBehindQuote => {
            let record = &mut records[random.below(rows) as usize];
            let column = *random.pick(&texts);
            put(record, table, column, "\"one\" two", false);
        }
        Fault::OneOpenQuote => {
            let at = random.below(rows) as usize;
            open_quote(random, records, at, table);
        }
        Fault::OpenQuotes => {
            for at in 0..records.len() {
                if random.chance(50) {
                    open_quote(random, records, at, table);
                }
            }
        }
        Fault::LinesInQuotes | Fault::RecordsInQuotes if table.columns.len() > 1 => {
            let delimiter = style.delimiter.to_string();
            let like_record = vec!["x"; table.columns.len()].join(&delimiter);
            for record in records.iter_mut() {
                if random.chance(60) {
                    continue;
                }
                let text = if fault == Fault::LinesInQuotes {
                    (*random.pick(&["one\ntwo", "one\r\ntwo\r\n", "one\n\nthree", "\nx"]))
                        .to_owned()
                } else {
                    format!("one\n{like_record}\n{like_record}\nfour")
                };
                let column = *random.pick(&texts);
                put(record, table, column, &text, true);
                record.fields[column] = format!("\"{text}\"");
            }
        }
        Fault::Ragged => {
            let mut any = false;
            for record in records.iter_mut() {
                any |= random.chance(40) && make_ragged(random, record, table);
            }
            return any;
        }
        _ => {}
    }
    false
}

/// Puts this text, as it is, into a field; whether it is known how it is read.
fn put(record: &mut Record, table: &Table, column: usize, text: &str, known: bool) {
    text.clone_into(&mut record.fields[column]);
    let name = &table.columns[column].name;
    let place = table.saved().position(|saved| saved.name == *name);
    if let Some(place) = place {
        record.row.cells[place] = if known {
            Cell::Exact(text.to_owned())
        } else {
            Cell::Any
        };
    }
}

/// Opens a quote that is never closed, in a field behind the URL's where there is one.
fn open_quote(random: &mut Seeded, records: &mut [Record], at: usize, table: &Table) {
    let url = url_place(table);
    let record = &mut records[at];
    let column = random.below(record.fields.len() as u64) as usize;
    let text = if column == url {
        format!("\"http://127.0.0.1/{}", random.below(1_000_000))
    } else {
        "\"The big one".to_owned()
    };
    record.fields[column] = text;
    record.row.cells.fill(Cell::Any);
    if url >= column {
        record.row.url = Cell::Any;
    }
    // A column that was one of numbers is one of texts, where no value is an empty one.
    for cell in records.iter_mut().flat_map(|record| &mut record.row.cells) {
        if *cell == Cell::Null {
            *cell = Cell::Any;
        }
    }
}

fn url_place(table: &Table) -> usize {
    let place = table
        .columns
        .iter()
        .position(|column| column.role == Role::Url);
    place.expect("every table has URLs")
}

/// Takes fields away or adds some; false where the record would become a line of nothing.
fn make_ragged(random: &mut Seeded, record: &mut Record, table: &Table) -> bool {
    let fields = record.fields.len();
    if fields > 1 && random.chance(50) {
        let kept = 1 + random.below(fields as u64 - 1) as usize;
        if record.fields[..kept].iter().all(String::is_empty) {
            return false;
        }
        record.fields.truncate(kept);
        if url_place(table) >= kept {
            record.row.url = Cell::Any;
        }
    } else {
        record
            .fields
            .extend(["more".to_owned(), "and more".to_owned()]);
    }
    record.row.cells.fill(Cell::Any);
    true
}

fn lay_out(
    random: &mut Seeded,
    records: &[Record],
    table: &Table,
    style: &Style,
    fault: Fault,
    ends: &Ends,
) -> String {
    let delimiter = style.delimiter.to_string();
    let mut text = String::new();
    let blank = |text: &mut String, random: &mut Seeded| {
        if fault == Fault::BlankLines && random.chance(40) {
            text.push_str(ends.next(random));
        }
    };
    if fault != Fault::NoHeader {
        blank(&mut text, random);
        let names: Vec<String> = table
            .columns
            .iter()
            .map(|column| field(random, &column.name, style))
            .collect();
        text += &names.join(&delimiter);
        text += ends.next(random);
    }
    for record in records {
        blank(&mut text, random);
        text += &record.fields.join(&delimiter);
        text += ends.next(random);
    }
    ends.last(text)
}
