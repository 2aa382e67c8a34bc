//! What is written is read back; what is damaged is refused or read, never a panic; a real file is read.

use std::collections::BTreeMap;

use detcd_bolt::{Database, Error, Layout, PAGE_BYTES, Writer};
use proptest::prelude::*;

type Content = BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>>;

fn write(content: &Content) -> Vec<u8> {
    let mut layout = Layout::new();
    for (name, entries) in content {
        layout.bucket(name);
        entries.iter().for_each(|(key, value)| layout.put(key, value));
    }
    let mut writer = Writer::new(layout);
    let total = writer.total_bytes();
    let mut file = Vec::new();
    for (name, entries) in content {
        writer.bucket(name);
        for (key, value) in entries {
            writer.put(key, value);
            if writer.ready_bytes() > 3 * PAGE_BYTES {
                file.extend(writer.drain(1000));
            }
        }
    }
    writer.finish();
    while writer.ready_bytes() > 0 {
        file.extend(writer.drain(PAGE_BYTES + 1));
    }
    assert_eq!(file.len() as u64, total);
    assert_eq!(file.len() % PAGE_BYTES, 0);
    file
}

fn read(file: &[u8]) -> Result<Content, Error> {
    let source = file;
    let database = Database::open(&source)?;
    let mut content = Content::new();
    for (name, bucket) in database.buckets()? {
        let mut entries = database.entries(&bucket)?;
        let found = content.entry(name).or_default();
        while let Some((key, value)) = entries.next()? {
            found.insert(key.to_vec(), value.to_vec());
        }
    }
    Ok(content)
}

fn numbered(count: u32, value: &[u8]) -> Content {
    let entries = (0..count).map(|n| (n.to_be_bytes().to_vec(), value.to_vec())).collect();
    Content::from([(b"key".to_vec(), entries)])
}

fn content() -> impl Strategy<Value = Content> {
    let key = prop::collection::vec(any::<u8>(), 1..40);
    let value = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..200),
        1 => prop::collection::vec(any::<u8>(), 3000..20_000),
    ];
    let entries = prop::collection::btree_map(key, value, 0..120);
    prop::collection::btree_map(prop::collection::vec(any::<u8>(), 1..10), entries, 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_is_written_is_read_back(content in content()) {
        prop_assert_eq!(read(&write(&content)).unwrap(), content);
    }

    #[test]
    fn damage_is_an_error_or_invisible_but_never_a_panic(
        content in content(),
        damage in prop::collection::vec((any::<u32>(), any::<u8>()), 1..30),
        cut in any::<Option<u32>>(),
    ) {
        let mut file = write(&content);
        for (at, byte) in damage {
            // Most damage hits the headers of pages, which decide where to go on.
            let page = at as usize % (file.len() / PAGE_BYTES);
            let offset = (at >> 16) as usize % if at % 3 == 0 { PAGE_BYTES } else { 64 };
            file[page * PAGE_BYTES + offset] = byte;
        }
        if let Some(cut) = cut {
            file.truncate(cut as usize % (file.len() + 1));
        }
        let _ = read(&file);
    }

    #[test]
    fn arbitrary_bytes_never_panic(file in prop::collection::vec(any::<u8>(), 0..10_000)) {
        prop_assert!(read(&file).is_err());
    }
}

#[test]
fn trees_of_several_levels_are_read_back() {
    for count in [0, 1, 100, 10_000, 200_000] {
        let content = numbered(count, b"0123456789012345678901234567890123456789");
        assert_eq!(read(&write(&content)).unwrap(), content);
    }
}

#[test]
fn a_value_larger_than_many_pages_is_read_back() {
    let content = numbered(3, &vec![7; 1_500_000]);
    assert_eq!(read(&write(&content)).unwrap(), content);
}

#[test]
fn either_meta_page_will_do() {
    let content = numbered(10, b"v");
    let file = write(&content);
    for page in [0, 1] {
        let mut damaged = file.clone();
        damaged[page * PAGE_BYTES + 40] ^= 1;
        assert_eq!(read(&damaged).unwrap(), content);
    }
    let mut damaged = file;
    damaged[40] ^= 1;
    damaged[PAGE_BYTES + 40] ^= 1;
    assert!(matches!(read(&damaged), Err(Error::NotABoltFile)));
}

#[test]
fn a_tree_that_goes_round_in_circles_ends() {
    let content = numbered(10_000, b"value");
    let mut file = write(&content);
    // Every child of every branch is the branch itself.
    for page in 3..file.len() / PAGE_BYTES {
        let at = page * PAGE_BYTES;
        if file[at + 8] == 1 {
            let children = u16::from_le_bytes([file[at + 10], file[at + 11]]);
            for child in 0..usize::from(children) {
                let id = at + 16 + child * 16 + 8;
                file[id..id + 8].copy_from_slice(&(page as u64).to_le_bytes());
            }
        }
    }
    assert!(matches!(read(&file), Err(Error::Page { .. })));
}

/// A snapshot that a real etcd 3.6.14 saved.
#[test]
fn a_file_of_etcd_is_read() {
    let file = include_bytes!("etcd-3.6.14.db");
    let found = read(file).unwrap();
    let names: Vec<&str> = found.keys().map(|name| std::str::from_utf8(name).unwrap()).collect();
    assert_eq!(
        names,
        [
            "alarm",
            "auth",
            "authRoles",
            "authUsers",
            "cluster",
            "key",
            "lease",
            "members",
            "members_removed",
            "meta",
        ]
    );
    assert_eq!(found[&b"authUsers"[..]].keys().collect::<Vec<_>>(), [b"u"]);
    assert_eq!(found[&b"lease"[..]].len(), 1);
    assert_eq!(found[&b"meta"[..]][&b"storageVersion"[..]], b"3.6.0");
    let (last, _) = found[&b"key"[..]].last_key_value().unwrap();
    assert_eq!(last[..8], 207i64.to_be_bytes());
}
