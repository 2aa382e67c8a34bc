//! The tables in `contracts/` are well formed, and no comment quotes a row that they do not have.
//!
//! A quote is an id, one capital letter and one to three digits, that stands as a word between
//! parentheses, on one line of a comment: behind `//` in `.rs` files, behind `#` at the beginning of a
//! line in `.txt` files. Letters that start no contract's ids are passed over, and so is everything
//! outside of parentheses: there it may be anything.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Letters of the ids that comments quote.
const FAMILIES: &str = "RGESKUHFCJ";
/// Longest description of a row.
const LINE_CHARS_MAX: usize = 100;
/// The table whose ids have two digits.
const BREAKAGES: &str = "simulator.md";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// One line of a table.
struct Row {
    table: String,
    id: String,
    demand: String,
    covered_by: String,
}

fn rows() -> Vec<Row> {
    let folder = repository().join("reports/contracts");
    let mut rows = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let table = path.file_name().unwrap().to_str().unwrap().to_owned();
        if table == "README.md" {
            continue;
        }
        for line in fs::read_to_string(&path).unwrap().lines().filter(|line| is_row(line)) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [id, demand, covered_by] = cells.as_slice() else { panic!("{table}: {line}") };
            rows.push(Row {
                table: table.clone(),
                id: (*id).to_owned(),
                demand: (*demand).to_owned(),
                covered_by: (*covered_by).to_owned(),
            });
        }
    }
    rows
}

fn is_row(line: &str) -> bool {
    line.starts_with('|') && !line.starts_with("| row |") && !line.starts_with("|---")
}

/// The letter and the number of an id.
fn parts(id: &str) -> Option<(char, &str)> {
    let letter = id.chars().next().filter(char::is_ascii_uppercase)?;
    let digits = &id[1..];
    let number = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    number.then_some((letter, digits))
}

/// The rows that a line of a comment quotes.
fn quotes(comment: &str) -> Vec<&str> {
    let inside = comment.split('(').skip(1).filter_map(|rest| rest.split_once(')'));
    inside
        .flat_map(|(inside, _)| inside.split(|c: char| !c.is_ascii_alphanumeric()))
        .filter(|word| parts(word).is_some_and(|(letter, _)| FAMILIES.contains(letter)))
        .collect()
}

fn comment<'a>(path: &Path, line: &'a str) -> Option<&'a str> {
    match path.extension()?.to_str()? {
        "rs" => line.split_once("//").map(|(_, comment)| comment),
        "txt" => line.strip_prefix('#'),
        _ => None,
    }
}

/// Calls `see` with every file of the repository that people write.
fn walk(folder: &Path, see: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap_or_default();
        if path.is_dir() && name != "target" && name != "generated" && !name.starts_with('.') {
            walk(&path, see);
        } else if path.is_file() {
            see(&path);
        }
    }
}

#[test]
fn ids_are_well_formed_unique_and_without_gaps() {
    let mut seen = BTreeSet::new();
    let mut last: Option<(String, char, usize)> = None;
    for Row { table, id, .. } in rows() {
        let (letter, digits) = parts(&id).unwrap_or_else(|| panic!("{table}: {id:?} is no id"));
        let padded = table == BREAKAGES;
        let form = if padded { digits.len() == 2 } else { !digits.starts_with('0') };
        assert!(form, "{table}: {id} has the form of another table");
        assert!(seen.insert((padded, id.clone())), "{table}: {id} is there twice");
        let number = digits.parse().unwrap();
        match last {
            Some((last_table, last_letter, before))
                if last_table == table && last_letter == letter =>
            {
                assert_eq!(number, before + 1, "{table}: {id} follows {letter}{before}");
            }
            _ => assert_eq!(number, 1, "{table}: {id} is the first of its family"),
        }
        last = Some((table, letter, number));
    }
    assert!(seen.len() > 900, "only {} rows were found", seen.len());
}

#[test]
fn every_row_has_a_short_line_and_files_that_exist() {
    for Row { table, id, demand, covered_by } in rows() {
        let length = demand.chars().count();
        assert!((1..=LINE_CHARS_MAX).contains(&length), "{table}: {id} has {length} characters");
        for file in covered_by.split(", ").filter(|file| *file != "-") {
            let path = file.strip_prefix('`').and_then(|file| file.strip_suffix('`'));
            let path = path.unwrap_or_else(|| panic!("{table}: {id} names {file:?}"));
            let (path, function) = match path.split_once("::") {
                Some((path, function)) => (path, Some(function)),
                None => (path, None),
            };
            assert!(repository().join(path).is_file(), "{table}: {id} names {path}");
            if let Some(function) = function {
                let text = fs::read_to_string(repository().join(path)).unwrap();
                let found = text.contains(&format!("fn {function}("));
                assert!(found, "{table}: {id} names {function}, which is not in {path}");
            }
        }
    }
}

#[test]
fn every_row_of_grpc_has_a_test() {
    let untested = rows().into_iter().filter(|row| row.table == "grpc.md" && row.covered_by == "-");
    let untested: Vec<String> = untested.map(|row| row.id).collect();
    assert_eq!(untested, Vec::<String>::new());
}

#[test]
fn every_deliberate_breakage_stands_at_its_row() {
    let rows: Vec<Row> = rows().into_iter().filter(|row| row.table == BREAKAGES).collect();
    let patches = fs::read_dir(repository().join("scenarios/mutants")).unwrap();
    let names = patches.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut count = 0;
    for name in names.filter(|name| name.ends_with(".patch")) {
        let id = name.split('-').next().unwrap().to_uppercase();
        let row = rows.iter().find(|row| row.id == id).unwrap_or_else(|| panic!("{id} is missing"));
        assert!(row.covered_by.contains(&name), "{id} does not name {name}");
        count += 1;
    }
    assert!(count > 30, "only {count} patches were found");
}

#[test]
fn every_quoted_row_is_in_a_table() {
    let known: BTreeSet<String> = rows().into_iter().map(|row| row.id).collect();
    let mut count = 0;
    walk(&repository(), &mut |path| {
        let Ok(text) = fs::read_to_string(path) else { return };
        for (number, line) in text.lines().enumerate() {
            for quote in comment(path, line).map(quotes).unwrap_or_default() {
                let place = format!("{}:{}", path.display(), number + 1);
                assert!(known.contains(quote), "{place} quotes {quote}, which no table has");
                count += 1;
            }
        }
    });
    assert!(count > 50, "only {count} quotes were found: the rule misses them");
}

#[test]
fn only_words_between_parentheses_are_quotes() {
    assert_eq!(quotes("Ranges (G8, G9) and G10, `I64` (I64, u8, G1x)."), ["G8", "G9"]);
    assert_eq!(quotes("Left open (G8"), Vec::<&str>::new());
    assert_eq!(comment(Path::new("a.rs"), "let x = 1; // why (G1)"), Some(" why (G1)"));
    assert_eq!(comment(Path::new("a.txt"), "put (G1)"), None);
}
