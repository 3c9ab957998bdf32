//! The overview in characters.

use console::{Term, measure_text_width, style};

use crate::machine;
use crate::terms::Verdict;

use super::table::Outcome;
use super::{Cell, Overview, Row, Table};

/// Most sizes of a line of speed-ups.
const MOST_POINTS: usize = 12;

/// Speed-ups by how high they are; from the fifth on they are faster than the CPU.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What a terminal can show. Colours are left to `console`, which knows of NO_COLOR and of what is no terminal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Screen {
    /// Whether it shows more than ASCII.
    pub is_unicode: bool,
    /// Its columns; none where lines may be of any length.
    pub columns: Option<usize>,
}

impl Screen {
    /// Where standard output goes.
    pub fn here() -> Screen {
        let term = Term::stdout();
        let columns = term.is_term().then(|| term.size_checked()).flatten();
        // The first of these that is set decides.
        let words = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(machine::variable);
        let locale = words.map(|word| word.to_lowercase()).find(|word| !word.is_empty());
        let is_utf8 = |word: &String| word.contains("utf-8") || word.contains("utf8");
        Screen {
            is_unicode: cfg!(not(unix)) || locale.as_ref().is_some_and(is_utf8),
            columns: columns.map(|(_, columns)| usize::from(columns)),
        }
    }
}

/// Every line, an empty one first.
pub fn lines(overview: &Overview, screen: Screen) -> Vec<String> {
    let mut lines = vec![String::new()];
    lines.extend(overview.lead.iter().cloned());
    if let [best, others @ ..] = &overview.tables[..] {
        lines.push(String::new());
        lines.extend(fitting(best, screen));
        lines.extend(others.iter().map(|table| table.sentence.clone()));
    }
    lines.extend(overview.advice.clone());
    for (topic, sentence) in &overview.others {
        lines.push(format!("{}: {sentence}", style(topic).bold()));
    }
    if !screen.is_unicode {
        lines.iter_mut().for_each(|line| *line = ascii(line));
    }
    lines
}

/// The signs of this room in ASCII.
fn ascii(line: &str) -> String {
    let signs = [("×", "x"), ("–", "-"), (" · ", ", "), ("µ", "u"), ("²", "^2"), ("³", "^3")];
    signs.iter().fold(line.to_string(), |line, (sign, plain)| line.replace(sign, plain))
}

/// How much of a table is shown.
#[derive(Clone, Copy)]
struct Parts {
    model: bool,
    line: bool,
}

/// A table with as much of it as fits.
fn fitting(table: &Table, screen: Screen) -> Vec<String> {
    let all = Parts { model: true, line: true };
    let less = [all, Parts { model: false, ..all }, Parts { model: false, line: false }];
    let columns = screen.columns.unwrap_or(usize::MAX);
    // What tells how to read it may go on in the next line.
    let fits = |lines: &Vec<String>| {
        let mut rows = lines.iter().rev().skip(1);
        rows.all(|line| measure_text_width(line) <= columns)
    };
    let mut drawn = less.into_iter().map(|parts| drawn(table, screen, parts));
    let first = drawn.next().unwrap_or_default();
    if fits(&first) {
        return first;
    }
    let rest: Vec<Vec<String>> = drawn.collect();
    let last = rest.last().cloned().unwrap_or_default();
    rest.into_iter().find(|lines| fits(lines)).unwrap_or(last)
}

/// Head, rows, and how to read them.
fn drawn(table: &Table, screen: Screen, parts: Parts) -> Vec<String> {
    let mut grid: Vec<[Text; 8]> = vec![head(table)];
    grid.extend(table.rows.iter().map(|row| texts(table, row, screen, parts)));
    let width = |column: usize| {
        let cells = grid.iter().skip(1).map(|row| row[column].width());
        // The head of a scope stands over all of its columns.
        let head = if column == 0 { grid[0][0].width() } else { 0 };
        cells.fold(head, usize::max)
    };
    let widths: Vec<usize> = (0..8).map(width).collect();
    let mut lines = Vec::new();
    for (number, row) in grid.iter().enumerate() {
        let mut line = String::new();
        for (column, text) in row.iter().enumerate() {
            let width = widths[column];
            if number == 0 && column > 2 && text.plain.is_empty() {
                // What the head of the scope has not filled.
                continue;
            }
            let before = measure_text_width(&line);
            let start: usize = widths[..column].iter().filter(|w| **w > 0).map(|w| w + 2).sum();
            line.push_str(&" ".repeat(start.saturating_sub(before)));
            let gap = " ".repeat(width.saturating_sub(text.width()));
            let painted = text.painted();
            line.push_str(&if text.is_right { format!("{gap}{painted}") } else { painted });
        }
        lines.push(line.trim_end().to_string());
    }
    lines.push(style(key(screen, parts)).dim().to_string());
    lines
}

/// How to read a table.
fn key(screen: Screen, parts: Parts) -> String {
    let line = match (parts.line, screen.is_unicode) {
        (false, _) => "",
        (true, true) => ", and over all sizes (▅ and higher: faster than the CPU)",
        (true, false) => ", and over all sizes (+ faster, - slower, = the same, ? undecided)",
    };
    format!("crossover, speed-up at the largest size{line}")
}

/// A text and its colour.
struct Text {
    plain: String,
    look: Look,
    is_right: bool,
}

#[derive(Clone, Copy)]
enum Look {
    Plain,
    Head,
    Dim,
    Of(Outcome),
}

impl Text {
    fn new(plain: impl Into<String>, look: Look) -> Text {
        Text { plain: plain.into(), look, is_right: false }
    }

    fn width(&self) -> usize {
        measure_text_width(&self.plain)
    }

    fn painted(&self) -> String {
        let styled = style(&self.plain);
        match self.look {
            _ if self.plain.is_empty() => return String::new(),
            Look::Plain => styled,
            Look::Head => styled.bold(),
            Look::Dim | Look::Of(Outcome::Loses) => styled.dim(),
            Look::Of(Outcome::Wins) => styled.green(),
            Look::Of(Outcome::Open) => styled.yellow(),
        }
        .to_string()
    }
}

fn head(table: &Table) -> [Text; 8] {
    let head = |text: &str| Text::new(text, Look::Head);
    let none = || Text::new("", Look::Plain);
    let has_model = |scope: usize| table.rows.iter().any(|row| row.cells[scope].is_some());
    let scope = |scope: usize, name: &str| if has_model(scope) { head(name) } else { none() };
    [
        head(&table.device),
        none(),
        scope(0, "resident"),
        none(),
        none(),
        scope(1, "with transfers"),
        none(),
        none(),
    ]
}

/// A row: the workload, its sweep, and three columns a scope.
fn texts(table: &Table, row: &Row, screen: Screen, parts: Parts) -> [Text; 8] {
    let over = format!("{} {}", row.over, row.range);
    let [resident, moved] = row.cells.each_ref().map(|cell| match cell {
        Some(cell) => columns(table, cell, screen, parts),
        None => ["", "", ""].map(|text| Text::new(text, Look::Plain)),
    });
    let [a, b, c] = resident;
    let [d, e, f] = moved;
    [Text::new(&row.workload, Look::Plain), Text::new(over.trim(), Look::Dim), a, b, c, d, e, f]
}

fn columns(table: &Table, cell: &Cell, screen: Screen, parts: Parts) -> [Text; 3] {
    let model = cell.size.first().filter(|_| parts.model).map(|size| format!(" ({size})"));
    let answer = format!("{}{}", cell.answer, model.unwrap_or_default());
    let line = match screen.is_unicode {
        _ if !parts.line || !cell.has_line() => String::new(),
        true => blocks(cell, table.extent()),
        false => signs(cell),
    };
    let look = Look::Of(cell.outcome);
    let ratio = Text { is_right: true, ..Text::new(cell.ratio(), Look::Plain) };
    [Text::new(answer, look), ratio, Text::new(line, look)]
}

/// Some of a cell's points, evenly, the first and the last among them.
fn chosen(cell: &Cell) -> impl Iterator<Item = Option<(f64, Verdict)>> {
    let count = cell.points.len();
    let shown = count.min(MOST_POINTS);
    (0..shown).map(move |i| cell.points[i * (count - 1) / (shown - 1).max(1)].found)
}

/// A block for each point, on one scale for all of a table with 1× in its middle.
fn blocks(cell: &Cell, (low, high): (f64, f64)) -> String {
    let most = high.log2().max(-low.log2()).max(f64::MIN_POSITIVE);
    let block = |found: Option<(f64, Verdict)>| {
        let Some((ratio, _)) = found else { return ' ' };
        let level = 4.0 + (4.0 * ratio.log2() / most).floor();
        BLOCKS[level.clamp(0.0, 7.0) as usize]
    };
    chosen(cell).map(block).collect()
}

/// A sign for each point: what its interval says.
fn signs(cell: &Cell) -> String {
    let sign = |found: Option<(f64, Verdict)>| match found.map(|(_, verdict)| verdict) {
        Some(Verdict::Faster) => '+',
        Some(Verdict::Slower) => '-',
        Some(Verdict::Same) => '=',
        Some(Verdict::Ambiguous | Verdict::None) => '?',
        None => ' ',
    };
    chosen(cell).map(sign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::overview::table::Point;

    const WIDE: Screen = Screen { is_unicode: true, columns: None };
    const PLAIN: Screen = Screen { is_unicode: false, columns: None };

    fn cell(speedups: &[f64]) -> Cell {
        let point =
            |(i, s): (u64, &f64)| Point { value: i, found: Some((*s, Verdict::of(*s, *s, 0.0))) };
        Cell {
            outcome: Outcome::Wins,
            answer: "from 384".into(),
            size: vec!["113 MFLOP".into()],
            speedup: *speedups.last().unwrap(),
            points: (0..).zip(speedups).map(point).collect(),
        }
    }

    fn overview(speedups: &[f64]) -> Overview {
        let row = Row {
            workload: "gemm".into(),
            over: "m = n = k".into(),
            range: "64–2048".into(),
            cells: [Some(cell(speedups)), None],
        };
        let table = Table {
            device: "GPU X".into(),
            colour: 1,
            sentence: "It wins.".into(),
            rows: vec![row],
        };
        Overview {
            lead: vec!["It wins.".into()],
            tables: vec![table],
            advice: None,
            others: Vec::new(),
        }
    }

    #[test]
    fn a_table_has_a_line_a_sweep() {
        let lines = lines(&overview(&[1.0 / 16.0, 0.5, 0.99, 1.0, 2.0, 16.0]), WIDE);
        assert_eq!(lines[1], "It wins.");
        assert_eq!(lines[3], "GPU X                     resident");
        assert_eq!(lines[4], "gemm   m = n = k 64–2048  from 384 (113 MFLOP)  16.0×  ▁▄▄▅▆█");
        assert!(lines[5].contains('▅'));
    }

    #[test]
    fn what_is_no_unicode_terminal_gets_ascii() {
        let lines = lines(&overview(&[0.5, 1.0, 2.0]), PLAIN);
        assert_eq!(lines[4], "gemm   m = n = k 64-2048  from 384 (113 MFLOP)  2.00x  -=+");
        assert!(lines.iter().all(|line| line.is_ascii()), "{lines:?}");
    }

    #[test]
    fn a_narrow_terminal_gets_less() {
        let of = |columns| {
            lines(&overview(&[0.5, 2.0]), Screen { columns: Some(columns), ..WIDE })[4].clone()
        };
        assert!(of(60).contains("MFLOP") && of(60).ends_with("▁█"));
        assert!(!of(50).contains("MFLOP") && of(50).ends_with("▁█"));
        assert!(of(40).ends_with("2.00×") && of(20) == of(40));
    }

    #[test]
    fn many_sizes_are_twelve_with_both_ends() {
        let many: Vec<f64> = (1..=40).map(f64::from).collect();
        let chosen: Vec<f64> = chosen(&cell(&many)).flatten().map(|found| found.0).collect();
        assert_eq!((chosen.len(), chosen[0], chosen[11]), (12, 1.0, 40.0));
        assert!(chosen.is_sorted());
        assert_eq!(blocks(&cell(&[1.0]), (1.0, 1.0)), "▅");
    }
}
