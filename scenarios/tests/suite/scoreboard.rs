//! What `mutants` writes down outlives whoever wrote it.

use std::fs;
use std::path::{Path, PathBuf};

use scenarios::mutants::{Fate, Kill, Mutant, Row, Scoreboard, Trial};

const TRIAL: Trial = Trial { first: 7, seeds: 400, campaigns: 3 };

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("scoreboard-{name}"));
    drop(fs::remove_dir_all(&folder));
    folder
}

fn mutants() -> Vec<Mutant> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mutants");
    let names = [
        "r01-leader-acknowledges-before-sync",
        "r02-follower-acknowledges-before-sync",
        "r03-vote-not-durable",
    ];
    let path = |name| folder.join(format!("{name}.patch"));
    names.map(|name| Mutant::read(path(name)).expect("it is there")).to_vec()
}

fn killed(seeds: &[u64]) -> Fate {
    let kill = |seeds: &u64| Kill {
        seeds: *seeds,
        seed: 6 + seeds,
        checker: "raft VOTE_ONCE".to_owned(),
        simulated_us: 10_000_000,
        wall_us: 500_000,
    };
    Fate::Killed(seeds.iter().map(kill).collect())
}

fn row(mutant: &Mutant, fate: &Fate) -> Row {
    Row::new(mutant, &TRIAL, None, fate)
}

#[test]
fn a_row_is_there_once_it_is_added_and_is_not_tried_again() {
    let folder = folder("rows");
    let all = mutants();
    let [one, two, three] = &all[..] else { panic!("there are {}", all.len()) };
    let mut board = Scoreboard::open(&folder).unwrap();
    board.add(row(one, &killed(&[4, 1, 9])), &TRIAL).unwrap();
    board.add(row(two, &Fate::DoesNotBuild("no".to_owned())), &TRIAL).unwrap();
    let table = fs::read_to_string(board.table_path()).unwrap();
    let begin = format!("| `{}` | R01, ", one.name);
    assert!(table.contains(&begin), "{table}");
    assert!(table.contains("| raft VOTE_ONCE | single-member | 4 (4 1 9) | 30 | 2 |"), "{table}");
    assert!(table.contains("1 of 2 are found, the median is 4 seeds."), "{table}");
    assert!(board.known(one, &TRIAL).is_none(), "nobody asked to go on");

    // Killed while it wrote the third.
    let lines = folder.join("mutants.jsonl");
    let mut torn = fs::read(&lines).unwrap();
    torn.extend_from_slice(b"{\"mutant\":\"r0");
    fs::write(&lines, torn).unwrap();
    let mut board = Scoreboard::resume(&folder).unwrap();
    assert_eq!(board.known(one, &TRIAL).map(|row| &row.seeds[..]), Some(&[4, 1, 9][..]));
    assert!(board.known(two, &TRIAL).is_none(), "it was not built");
    assert!(board.known(one, &Trial { first: 8, ..TRIAL }).is_none());
    assert!(board.known(one, &Trial { campaigns: 4, ..TRIAL }).is_none());
    board.add(row(three, &Fate::Survived(Vec::new())), &TRIAL).unwrap();
    board.add(row(two, &killed(&[2])), &TRIAL).unwrap();
    let board = Scoreboard::resume(&folder).unwrap();
    assert!(all.iter().all(|mutant| board.known(mutant, &TRIAL).is_some()));
    let table = fs::read_to_string(board.table_path()).unwrap();
    assert!(table.contains("| SURVIVED | votes-and-power-losses | - | 0 | 0 |"), "{table}");
    assert!(!table.contains("DOES NOT BUILD"), "the last row of each counts: {table}");
}
