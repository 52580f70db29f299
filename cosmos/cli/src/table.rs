//! Tables for people: columns that line up, within the width of a page.

use crate::colour::Paint;

/// Columns of text that a table may take.
const WIDTH: usize = 100;
/// What a column that may be cut keeps at least.
const MIN_CUT: usize = 12;
/// What names keep: UUIDs and the ids of the house are whole.
const MIN_NAME: usize = 36;
const GAP: usize = 2;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    title: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    /// Text that is cut in its middle where the page is too narrow, but keeps so much.
    Cut(usize),
    /// Text that is cut at its end.
    Opening,
}

/// How a cell stands out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Good,
    Notable,
    Bad,
    Faint,
}

/// A cell: one line of printable text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

/// A table with titles.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Column {
    pub(crate) const fn text(title: &'static str) -> Self {
        Self {
            title,
            kind: Kind::Text,
        }
    }

    /// Aligned right.
    pub(crate) const fn number(title: &'static str) -> Self {
        Self {
            title,
            kind: Kind::Number,
        }
    }

    /// Names, which are cut last.
    pub(crate) const fn name(title: &'static str) -> Self {
        Self {
            title,
            kind: Kind::Cut(MIN_NAME),
        }
    }

    /// Cut in its middle where the page is too narrow.
    pub(crate) const fn cut(title: &'static str) -> Self {
        Self {
            title,
            kind: Kind::Cut(MIN_CUT),
        }
    }

    /// Cut at its end where the page is too narrow.
    pub(crate) const fn opening(title: &'static str) -> Self {
        Self {
            title,
            kind: Kind::Opening,
        }
    }
}

impl Column {
    /// What it is never narrower than.
    fn least(self) -> usize {
        match self.kind {
            Kind::Text | Kind::Number => usize::MAX,
            Kind::Cut(least) => least,
            Kind::Opening => MIN_CUT,
        }
    }

    fn fitted(self, text: &str, width: usize) -> String {
        match self.kind {
            Kind::Opening => opening(text, width),
            Kind::Text | Kind::Number | Kind::Cut(_) => shortened(text, width),
        }
    }
}

impl Tone {
    pub(crate) fn paint(self, text: &str, paint: Paint) -> String {
        match self {
            _ if text.is_empty() => String::new(),
            Self::Plain => text.to_owned(),
            Self::Good => paint.good(text),
            Self::Notable => paint.notable(text),
            Self::Bad => paint.bad(text),
            Self::Faint => paint.faint(text),
        }
    }
}

impl Cell {
    pub(crate) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            text: text.into(),
            tone,
        }
    }

    /// A count; nothing to see where it is 0.
    pub(crate) fn count(count: u64, tone: Tone) -> Self {
        match count {
            0 => Self::toned("0", Tone::Faint),
            _ => Self::toned(count.to_string(), tone),
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

impl Table {
    pub(crate) fn new(columns: &[Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// All lines, without the last line's end.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let widths = self.widths();
        let titles = self.columns.iter().map(|column| column.title.into());
        let titles: Vec<Cell> = titles.collect();
        let rows = std::iter::once(&titles).chain(&self.rows);
        let lines = rows.map(|row| self.line(row, &widths, paint));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn line(&self, row: &[Cell], widths: &[usize], paint: Paint) -> String {
        let cells = row.iter().zip(&self.columns).zip(widths);
        let cells = cells.map(|((cell, column), width)| {
            let text = column.fitted(&cell.text, *width);
            let room = " ".repeat(width - length(&text));
            let text = cell.tone.paint(&text, paint);
            match column.kind {
                Kind::Number => format!("{room}{text}"),
                Kind::Text | Kind::Cut(_) | Kind::Opening => format!("{text}{room}"),
            }
        });
        let line = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
        line.trim_end().to_owned()
    }

    /// As wide as what they hold; the widest that may be cut gives way first.
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = (0..self.columns.len()).map(|n| self.needed(n)).collect();
        while widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1) > WIDTH {
            let cut = |n: &usize| widths[*n] > self.columns[*n].least();
            let Some(widest) = (0..widths.len()).filter(cut).max_by_key(|n| widths[*n]) else {
                break;
            };
            widths[widest] -= 1;
        }
        widths
    }

    fn needed(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let longest = cells.map(|cell| length(&cell.text)).max();
        longest.unwrap_or(0).max(length(self.columns[column].title))
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// At most so many characters: the first ones, and `…` for the rest.
pub(crate) fn opening(text: &str, width: usize) -> String {
    if length(text) <= width {
        return text.to_owned();
    }
    let kept = text.chars().take(width.saturating_sub(1));
    kept.chain(['…']).collect()
}

/// At most so many characters: both ends, which tell names apart, and `…` for the middle.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    let length = length(text);
    if length <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let (head, tail) = (kept.div_ceil(2), kept / 2);
    let head = text.chars().take(head);
    head.chain(['…'])
        .chain(text.chars().skip(length - tail))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column::cut("QUEUE"),
        Column::number("RUNNING"),
        Column::text("NOTES"),
    ];

    fn table(rows: &[(&str, u64, &str)]) -> Table {
        let mut table = Table::new(&COLUMNS);
        for (queue, running, notes) in rows {
            let cells = [
                (*queue).into(),
                Cell::count(*running, Tone::Good),
                (*notes).into(),
            ];
            table.row(cells);
        }
        table
    }

    #[test]
    fn columns_line_up_and_numbers_stand_at_the_right() {
        let table = table(&[("plato/ves/0", 3, "blocked"), ("a", 12_345, "")]);
        let expected = "\
QUEUE        RUNNING  NOTES
plato/ves/0        3  blocked
a              12345";
        assert_eq!(table.render(Paint::default()), expected);
    }

    #[test]
    fn what_is_too_wide_is_cut_in_its_middle() {
        let long = format!("begin{}end", "x".repeat(200));
        let table = table(&[(&long, 3, "blocked")]);
        let text = table.render(Paint::default());
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(text.contains("beginx") && text.contains("xend "), "{text}");
        assert!(text.ends_with("        3  blocked"), "{text}");
    }

    #[test]
    fn colour_takes_no_room() {
        let rows = [("a", 3, "x"), ("b", 0, "y")];
        let plain = table(&rows).render(Paint::default());
        let painted = table(&rows).render(Paint::always());
        let mut bare = painted.clone();
        for code in ["\u{1b}[32m", "\u{1b}[2m", "\u{1b}[0m"] {
            assert!(bare.contains(code), "{painted:?}");
            bare = bare.replace(code, "");
        }
        assert_eq!(bare, plain);
    }

    #[test]
    fn both_ends_are_kept() {
        let table = [
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abc…fg"),
            ("äöüäöü", 3, "ä…ü"),
            ("abc", 1, "…"),
        ];
        for (text, width, expected) in table {
            assert_eq!(shortened(text, width), expected);
        }
    }

    #[test]
    fn names_are_cut_last_and_openings_at_their_end() {
        let mut table = Table::new(&[Column::name("ID"), Column::opening("HOLDS")]);
        let (id, text) = ("a".repeat(36), "word ".repeat(40));
        table.row([id.clone().into(), text.as_str().into()]);
        let text = table.render(Paint::default());
        let row = text.lines().last().unwrap_or_default();
        assert_eq!(row.chars().count(), WIDTH);
        assert!(row.starts_with(&format!("{id}  word ")), "{row}");
        assert!(row.ends_with('…'), "{row}");
        assert_eq!(opening("abc", 3), "abc");
        assert_eq!(opening("äöüx", 3), "äö…");
    }

    #[test]
    fn nothing_is_a_row_of_titles() {
        assert_eq!(table(&[]).render(Paint::default()), "QUEUE  RUNNING  NOTES");
    }
}
