//! Owns the taking apart of a shell line into words, as far as the examples use it. Running it is bash's.

/// A word, or an operator between commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Quotes taken off.
    Text(String),
    /// `|`, `&&`, `;`, `>`.
    Operator(String),
}

impl Word {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Operator(text) => text,
        }
    }
}

/// The words of a line; a comment ends it.
///
/// # Panics
/// Where a quote is open.
pub(crate) fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => {
                let text = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some(end) if end == letter => break,
                        Some('\\') if letter == '"' => text.extend(letters.next()),
                        Some(inner) => text.push(inner),
                        None => panic!("an open quote in: {line}"),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            ' ' | '\t' => words.extend(word.take().map(Word::Text)),
            '#' if word.is_none() => break,
            '|' | '&' | ';' | '>' => {
                words.extend(word.take().map(Word::Text));
                let mut operator = letter.to_string();
                if letters.peek() == Some(&letter) {
                    operator.extend(letters.next());
                }
                words.push(Word::Operator(operator));
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word.map(Word::Text));
    words
}

/// The arguments of each call of a program in a line, also of one in a quoted word that is a command.
pub(crate) fn calls(line: &str, program: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    for simple in words(line).split(|word| matches!(word, Word::Operator(_))) {
        let texts = simple.iter().map(|word| word.text().to_owned());
        let texts: Vec<String> = texts.skip_while(|text| is_assignment(text)).collect();
        match texts.split_first() {
            Some((first, arguments)) if first == program => calls.push(arguments.to_vec()),
            Some((_, arguments)) => {
                let inner = format!("{program} ");
                let nested = arguments.iter().filter(|text| text.starts_with(&inner));
                calls.extend(nested.flat_map(|text| self::calls(text, program)));
            }
            None => {}
        }
    }
    calls
}

/// `NAME=value` in front of a command.
fn is_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    })
}

/// The value that follows an option, the last where it is given again.
pub(crate) fn value<'a>(arguments: &'a [String], option: &str) -> Option<&'a str> {
    let at = arguments.iter().rposition(|argument| argument == option)?;
    arguments.get(at + 1).map(String::as_str)
}

/// The names of the options that are given.
pub(crate) fn options(arguments: &[String]) -> impl Iterator<Item = &str> {
    let names = arguments.iter().filter(|text| text.starts_with("--"));
    names.map(|text| text.split('=').next().unwrap_or_default())
}

#[test]
fn a_line_is_taken_apart_as_a_shell_does() {
    let text = |text: &str| Word::Text(text.to_owned());
    let line = r#"A=b turbo2ds '["a b"]' "c\"d" e\ f >x && y # z"#;
    let expected = [
        text("A=b"),
        text("turbo2ds"),
        text(r#"["a b"]"#),
        text("c\"d"),
        text("e f"),
        Word::Operator(">".to_owned()),
        text("x"),
        Word::Operator("&&".to_owned()),
        text("y"),
    ];
    assert_eq!(words(line), expected);
    assert_eq!(calls(line, "turbo2ds"), [["[\"a b\"]", "c\"d", "e f"]]);
    let wrapped = r#"sbatch --wrap "turbo2ds list --x 1""#;
    assert_eq!(calls(wrapped, "turbo2ds"), [["list", "--x", "1"]]);
}
