//! The descriptors of all `.proto` files.

use std::path::{Path, PathBuf};

use protox::prost_reflect::prost_types::FileDescriptorSet;

/// Compiles everything in the folder, comments included.
pub(crate) fn compile(protos: &str) -> FileDescriptorSet {
    let mut files = Vec::new();
    collect(Path::new(protos), &mut files);
    files.sort();
    let mut compiler = protox::Compiler::new([protos]).unwrap();
    compiler.include_source_info(true).include_imports(true).open_files(files).unwrap();
    compiler.file_descriptor_set()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
}
