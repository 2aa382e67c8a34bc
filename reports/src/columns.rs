//! Words in columns, for terminals.

use crate::html::put;
use crate::story::Table;

/// A table in columns as wide as their widest cell.
pub(crate) fn aligned(out: &mut String, table: &Table) {
    let lines: Vec<Vec<String>> =
        std::iter::once(&table.columns).chain(&table.rows).cloned().collect();
    wrapped(out, &lines, usize::MAX);
}

/// Lines of cells in columns of at most so many letters; what is longer goes on below.
pub(crate) fn wrapped(out: &mut String, lines: &[Vec<String>], letters_max: usize) {
    let cells = |line: &Vec<String>| -> Vec<Vec<String>> {
        line.iter().map(|cell| wrap(cell, letters_max)).collect()
    };
    let lines: Vec<Vec<Vec<String>>> = lines.iter().map(cells).collect();
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let pieces = lines.iter().filter_map(|line| line.get(column)).flatten();
        pieces.map(|piece| piece.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for line in &lines {
        let height = line.iter().map(Vec::len).max().unwrap_or(0);
        for row in 0..height {
            let pieces = line.iter().zip(&widths).map(|(cell, width)| {
                let piece = cell.get(row).map_or("", String::as_str);
                format!("{piece:<width$}")
            });
            put!(out, "  {}\n", pieces.collect::<Vec<_>>().join("  ").trim_end());
        }
    }
}

/// A cell in lines of at most so many letters, cut between words where that is possible.
fn wrap(cell: &str, letters_max: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    if cell.chars().count() <= letters_max {
        return vec![cell.to_owned()];
    }
    for word in cell.split_whitespace() {
        let mut rest = word;
        while !rest.is_empty() {
            let line = lines.last_mut().expect("there is one from the beginning");
            let used = line.chars().count();
            let gap = usize::from(used > 0);
            if used + gap + rest.chars().count() <= letters_max {
                line.push_str(&" "[..gap]);
                line.push_str(rest);
                rest = "";
            } else if used > 0 {
                lines.push(String::new());
            } else {
                let (head, tail) = split(rest, letters_max);
                line.push_str(head);
                rest = tail;
            }
        }
    }
    lines
}

/// The first so many letters, and the others.
fn split(text: &str, letters: usize) -> (&str, &str) {
    let end = text.char_indices().nth(letters.max(1)).map_or(text.len(), |(end, _)| end);
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::{wrap, wrapped};

    #[test]
    fn cells_are_cut_between_words_or_where_a_word_is_too_long() {
        assert_eq!(wrap("short", 8), ["short"]);
        assert_eq!(wrap("get(k1) at member 2", 8), ["get(k1)", "at", "member 2"]);
        assert_eq!(wrap("0123456789abc d", 8), ["01234567", "89abc d"]);
        assert_eq!(wrap("", 8), [""]);
    }

    #[test]
    fn columns_stand_under_each_other() {
        let lines = [["", "one", "two"], ["*", "a b c d e", "f"], ["", "", "g"]];
        let lines = lines.map(|line| line.map(str::to_owned).to_vec());
        let mut out = String::new();
        wrapped(&mut out, &lines, 5);
        assert_eq!(out, "     one    two\n  *  a b c  f\n     d e\n            g\n");
    }
}
