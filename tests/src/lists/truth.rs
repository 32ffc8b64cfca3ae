//! Owns what a generator knows about its list: the rows that must come out, or that the list must be
//! refused, and how certain that is. Never runs anything.

/// What is known of a cell of the metadata.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing: there are several right ways to read it.
    Any,
    /// No value.
    Null,
    /// This text, or the number or boolean of these digits or words.
    Exact(String),
    /// A list or an object, in a column of that type.
    Nested,
}

/// One row of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its URL.
    pub url: Cell,
    /// Its saved columns, in their order.
    pub cells: Vec<Cell>,
    /// Whether it may also be taken for no row, as a line of white space.
    pub optional: bool,
}

impl Row {
    /// A row of which the URL is known and nothing else.
    pub fn of_url(url: Cell) -> Self {
        Self {
            url,
            cells: Vec::new(),
            optional: false,
        }
    }
}

/// Whether a run may refuse a list before its first request.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// It is a list like any other.
    Never,
    /// It is odd; who reads it must read it right.
    May,
    /// It must be; the message has one of these words, of which none stands for any.
    Must(&'static [&'static str]),
}

/// What comes out where a run takes a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Rows {
    /// These.
    Exact(Vec<Row>),
    /// These, or others where the run says what was lost.
    Told(Vec<Row>),
    /// These, or the first of them and an error: the list is cut short.
    CutShort(Vec<Row>),
    /// Nobody knows, as where csv is called txt.
    Unknown,
}

/// What must come of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Whether it may be refused.
    pub refusal: Refusal,
    /// Its rows.
    pub rows: Rows,
    /// Something of it cannot be kept as it is, which a run that takes it must say.
    pub losses: bool,
    /// Names of the saved columns in the metadata.
    pub saved: Vec<String>,
}

impl Truth {
    /// Exactly these rows.
    pub fn of(rows: Vec<Row>, saved: Vec<String>) -> Self {
        Self {
            refusal: Refusal::Never,
            rows: Rows::Exact(rows),
            losses: false,
            saved,
        }
    }

    /// A refusal whose message has one of these words.
    pub fn refused(words: &'static [&'static str]) -> Self {
        Self {
            refusal: Refusal::Must(words),
            ..Self::of(Vec::new(), Vec::new())
        }
    }

    /// A refusal is as good, for a reason that goes by several names.
    pub fn or_refused(&mut self) {
        self.refusal = match self.refusal {
            Refusal::Must(_) => Refusal::Must(&[]),
            Refusal::Never | Refusal::May => Refusal::May,
        };
    }

    /// A refusal alone is right; where there are several reasons for one, any may be told.
    pub fn must_be_refused(&mut self, words: &'static [&'static str]) {
        self.refusal = match self.refusal {
            Refusal::Must(_) | Refusal::May => Refusal::Must(&[]),
            Refusal::Never => Refusal::Must(words),
        };
    }

    /// Nobody knows how it is read, but as one that is not refused for what it holds.
    pub fn unknown(&mut self) {
        self.refusal = Refusal::May;
        self.rows = Rows::Unknown;
        self.losses = false;
    }

    /// The rows may be fewer where the run says so.
    pub fn or_told(&mut self) {
        if let Rows::Exact(rows) = &mut self.rows {
            self.rows = Rows::Told(std::mem::take(rows));
        }
    }

    /// The rows may end early, with an error.
    pub fn cut_short(&mut self) {
        self.or_refused();
        if let Rows::Exact(rows) | Rows::Told(rows) = &mut self.rows {
            self.rows = Rows::CutShort(std::mem::take(rows));
        }
    }

    /// Whether the URL of any row is known.
    pub fn knows_a_url(&self) -> bool {
        let mut rows = self.known_rows().iter();
        rows.any(|row| matches!(row.url, Cell::Exact(_)))
    }

    /// The same list twice, one behind the other.
    pub fn twice(&mut self) {
        if let Rows::Exact(rows) | Rows::Told(rows) | Rows::CutShort(rows) = &mut self.rows {
            rows.extend_from_within(..);
        }
    }

    /// The rows, where they are known.
    pub fn known_rows(&self) -> &[Row] {
        match &self.rows {
            Rows::Exact(rows) | Rows::Told(rows) | Rows::CutShort(rows) => rows,
            Rows::Unknown => &[],
        }
    }
}
