//! A campaign in a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::html::{failure_page, index_page};
use crate::junit::junit;
use crate::overview::index_text;
use crate::record::Campaign;
use crate::text::failure_text;

/// Where things were put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The page to open first.
    pub index: PathBuf,
    /// The records as JSON.
    pub records: PathBuf,
}

/// The file name, without its ending, of everything about one run.
pub fn failure_name(scenario: &str, seed: u64) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || letter == '-' || letter == '_' { letter } else { '-' }
    };
    let scenario: String = scenario.chars().map(plain).collect();
    format!("{scenario}-{seed}")
}

/// Writes all pages of a campaign into `folder`, which is made if it is not there.
///
/// Pages of an earlier campaign are replaced, those of runs that this campaign does not have stay.
pub fn write(folder: &Path, campaign: &Campaign) -> io::Result<Written> {
    fs::create_dir_all(folder)?;
    let index = folder.join("index.html");
    fs::write(&index, index_page(campaign))?;
    fs::write(folder.join("index.txt"), index_text(campaign))?;
    fs::write(folder.join("junit.xml"), junit(campaign))?;
    let records = folder.join("campaign.json");
    fs::write(&records, serde_json::to_vec(campaign).map_err(io::Error::other)?)?;
    for scenario in &campaign.scenarios {
        for run in scenario.runs.iter().filter(|run| run.story.is_some()) {
            let name = folder.join(failure_name(&scenario.name, run.seed));
            fs::write(name.with_extension("html"), failure_page(campaign, scenario, run))?;
            fs::write(name.with_extension("txt"), failure_text(campaign, scenario, run))?;
        }
    }
    Ok(Written { index, records })
}

#[cfg(test)]
mod tests {
    use super::failure_name;

    #[test]
    fn a_file_name_never_leaves_its_folder() {
        assert_eq!(failure_name("../etc/x.txt", 7), "---etc-x-txt-7");
    }
}
