//! Owns the content of a list: columns of values, before they are written. Never knows a format.

use crate::harness::seed::Seeded;

/// Most rows of a list.
const ROWS_MAX: u64 = 40;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Text(String),
    /// A whole number of any length.
    Int(String),
    Float(f64),
    /// `NaN`, `Infinity` and `-Infinity`, as Python writes them.
    NotFinite(&'static str),
    Bool(bool),
    List(Vec<Value>),
    Object(Vec<(&'static str, Value)>),
}

/// What a column is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Url,
    Caption,
    /// One of `save_additional_columns`.
    Saved,
    /// Nothing.
    Other,
}

/// What the values of a column have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Urls,
    Texts,
    Ints,
    /// Whole numbers over those of 64 bits with a sign, some of them over 64 bits.
    Unsigned,
    /// Whole numbers of up to 30 digits.
    Big,
    /// `0012`, `1234e5678`, `X7`: digits that are no numbers.
    Codes,
    Floats,
    /// Numbers, some of which are none.
    NotFinite,
    Bools,
    Lists,
    Objects,
    /// Of all sorts.
    Mixed,
    Nulls,
}

/// One column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) kind: Kind,
    pub(super) cells: Vec<Value>,
}

/// What a list says.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: usize,
}

impl Table {
    /// Draws one, of at least one row.
    pub(super) fn draw(random: &mut Seeded, kinds: &mut Vec<&'static str>) -> Self {
        let rows = match random.below(10) {
            0 => 1,
            1..7 => 1 + random.below(8) as usize,
            _ => 1 + random.below(ROWS_MAX) as usize,
        };
        let mut columns = vec![Column {
            name: "url".to_owned(),
            role: Role::Url,
            kind: Kind::Urls,
            cells: urls(random, rows, kinds),
        }];
        if random.chance(8) {
            let names = ["URL", "image url", "lien_é", "図", "src,set", "say \"url\""];
            columns[0].name = (*random.pick(&names)).to_owned();
            kinds.push("url column of another name");
        }
        if random.chance(50) {
            columns.push(Column {
                name: (*random.pick(&["text", "TEXT", "caption", "alt text"])).to_owned(),
                role: if random.chance(80) {
                    Role::Caption
                } else {
                    Role::Other
                },
                kind: Kind::Texts,
                cells: (0..rows).map(|_| text(random)).collect(),
            });
        }
        let names = [
            "id",
            "phash",
            "tags",
            "lang",
            "SIMILARITY",
            "x y",
            "größe",
            "日本",
        ];
        let mut free: Vec<&str> = names.to_vec();
        for _ in 0..random.below(4) {
            let name = free.remove(random.below(free.len() as u64) as usize);
            columns.push(extra(random, name, rows, kinds));
        }
        random.shuffle(&mut columns);
        Self { columns, rows }
    }

    /// The column of a role.
    pub(super) fn column(&self, role: Role) -> Option<&Column> {
        self.columns.iter().find(|column| column.role == role)
    }

    /// The URL column.
    pub(super) fn url(&self) -> &Column {
        self.column(Role::Url).expect("every table has URLs")
    }

    /// Names that the saved columns have in the metadata, the caption's last.
    pub(super) fn saved_names(&self) -> Vec<String> {
        let saved = self.saved().filter(|column| column.role == Role::Saved);
        let mut names: Vec<String> = saved.map(|column| column.name.clone()).collect();
        names.extend(self.column(Role::Caption).map(|_| "caption".to_owned()));
        names
    }

    /// The saved columns, the caption last.
    pub(super) fn saved(&self) -> impl Iterator<Item = &Column> {
        let of = |role| {
            self.columns
                .iter()
                .filter(move |column| column.role == role)
        };
        of(Role::Saved).chain(of(Role::Caption))
    }
}

fn extra(random: &mut Seeded, name: &str, rows: usize, kinds: &mut Vec<&'static str>) -> Column {
    let (kind, word) = *random.pick(&[
        (Kind::Texts, ""),
        (Kind::Ints, ""),
        (Kind::Ints, ""),
        (Kind::Unsigned, "unsigned numbers"),
        (Kind::Big, "big numbers"),
        (Kind::Codes, "codes"),
        (Kind::Floats, ""),
        (Kind::NotFinite, "NaN and Infinity"),
        (Kind::Bools, ""),
        (Kind::Lists, "lists"),
        (Kind::Objects, "objects"),
        (Kind::Mixed, "mixed types"),
        (Kind::Nulls, "a column of nulls"),
    ]);
    let saved = random.chance(75);
    // Python's words break a record whether they are asked for or not.
    if !word.is_empty() && (saved || kind == Kind::NotFinite) {
        kinds.push(word);
    }
    let nulls = *random.pick(&[0, 0, 20, 60]);
    let mut cells: Vec<Value> = (0..rows)
        .map(|row| {
            if random.chance(nulls) {
                Value::Null
            } else {
                value(random, kind, row)
            }
        })
        .collect();
    // A column is of its kind by at least one value.
    if cells.iter().all(|cell| *cell == Value::Null) {
        cells[0] = value(random, kind, 0);
    }
    if kind == Kind::Codes {
        cells[rows - 1] = Value::Text("X7".to_owned());
    }
    Column {
        name: name.to_owned(),
        role: if saved { Role::Saved } else { Role::Other },
        kind,
        cells,
    }
}

fn value(random: &mut Seeded, kind: Kind, row: usize) -> Value {
    let number = random.below(1_000_000);
    match kind {
        Kind::Urls | Kind::Texts => text(random),
        Kind::Ints => Value::Int(
            random
                .pick(&[
                    number.to_string(),
                    format!("-{}", number + 1),
                    i64::MAX.to_string(),
                    i64::MIN.to_string(),
                    // Past what a float holds exactly.
                    "9007199254740993".to_owned(),
                    "0".to_owned(),
                ])
                .clone(),
        ),
        Kind::Unsigned => Value::Int((u64::MAX - number).to_string()),
        Kind::Big => Value::Int(format!("{}{number:06}12345678901234567891", row + 1)),
        Kind::Codes => Value::Text(
            random
                .pick(&[
                    format!("{number:08}"),
                    format!("{:04}e{:04}", number % 10_000, number / 100),
                    format!("X{number}"),
                    "0012".to_owned(),
                ])
                .clone(),
        ),
        Kind::Floats => Value::Float(number as f64 / 64.0 + 0.5),
        Kind::NotFinite => match random.below(4) {
            0 => Value::NotFinite("NaN"),
            1 => Value::NotFinite("Infinity"),
            2 => Value::NotFinite("-Infinity"),
            _ => Value::Float(number as f64 / 64.0 + 0.5),
        },
        Kind::Bools => Value::Bool(number.is_multiple_of(2)),
        Kind::Lists => Value::List(
            (0..1 + random.below(3))
                .map(|item| Value::Int(item.to_string()))
                .collect(),
        ),
        Kind::Objects => Value::Object(vec![
            ("a", Value::Int(number.to_string())),
            ("b", Value::Text("ü, \"b\"".to_owned())),
        ]),
        Kind::Mixed => {
            let kinds = [Kind::Texts, Kind::Ints, Kind::Floats, Kind::Bools];
            let kind = *random.pick(&kinds);
            value(random, kind, row)
        }
        Kind::Nulls => Value::Null,
    }
}

/// A text with what breaks careless readers, on one line.
fn text(random: &mut Seeded) -> Value {
    let words = [
        "a photo",
        "Zürich",
        "日本 寺",
        "it's",
        "a, b",
        "say \"hi\"",
        "5\" disk",
        "tab\there",
        "=1+1",
        "C:\\dir",
        "100 %",
        "{x}",
        "[y]",
        "#z",
        "a;b",
        "a|b",
        "👩‍🚀",
        "<b>",
        "&amp;",
        "'q'",
    ];
    let count = 1 + random.below(3);
    let drawn: Vec<&str> = (0..count).map(|_| *random.pick(&words)).collect();
    if random.chance(10) {
        Value::Null
    } else {
        Value::Text(drawn.join(" "))
    }
}

/// A URL for each row, most of them plain and all of them different.
fn urls(random: &mut Seeded, rows: usize, kinds: &mut Vec<&'static str>) -> Vec<Value> {
    let odd = random.chance(25);
    if odd {
        kinds.push("odd URLs");
    }
    let one = |row: usize| {
        let base = format!("http://127.0.0.1/{row}-{}", random.below(1_000_000));
        if !odd || random.chance(50) {
            return Value::Text(base + ".jpg");
        }
        match random.below(11) {
            0 => Value::Null,
            1 => Value::Text(format!("{base}?a=1,2,3&b=\"x\"")),
            2 => Value::Text(format!("{base}/5\"x.jpg")),
            3 => Value::Text(format!("{base}/größe 日本.jpg")),
            4 => Value::Text(format!("{base}/a b.jpg")),
            5 => Value::Text(format!("HTTPS://127.0.0.1/{row}#x")),
            6 => Value::Text(format!("not a url {row}")),
            7 => Value::Text(format!("ftp://127.0.0.1/{row}")),
            8 => Value::Text(format!("{base}?{}", "x=1&".repeat(100))),
            9 => Value::Text(format!("{base}/tab\tin it")),
            _ => Value::Text(format!("http://10.0.0.1/{row};p='q'")),
        }
    };
    (0..rows).map(one).collect()
}
