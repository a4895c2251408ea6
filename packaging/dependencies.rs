//! The crates that are linked into the program, as the packages state them: names, licence texts, a bill of materials.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use serde::Deserialize;
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What the packages call the program, and its own name as a crate.
const PROGRAM: &str = env!("CARGO_PKG_NAME");

/// The part of `cargo metadata` that is used.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    manifest_path: String,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

/// A linked crate, and the places in the list of those that it uses.
struct Linked {
    package: Package,
    uses: Vec<usize>,
    checksum: Option<String>,
}

impl Linked {
    /// Its package URL, as <https://github.com/package-url/purl-spec> defines it.
    fn purl(&self) -> String {
        format!("pkg:cargo/{}@{}", self.package.name, self.package.version)
    }
}

/// Writes `bundled`, `THIRD-PARTY-LICENSES`, the SBOM and `dep-v0` into the folder.
///
/// # Errors
///
/// Returns an error if cargo fails, if a crate has no licence text, or if a file cannot be written.
pub(crate) fn write(folder: &Path) -> Result<()> {
    let crates = linked()?;
    let bundled = crates.iter().filter(|one| one.package.source.is_some());
    let bundled = bundled.fold(String::new(), |mut lines, one| {
        let _ = writeln!(lines, "crate({}) = {}", one.package.name, one.package.version);
        lines
    });
    fs::write(folder.join("bundled"), bundled)?;
    fs::write(folder.join("THIRD-PARTY-LICENSES"), licences(&crates)?)?;
    fs::write(folder.join(format!("{PROGRAM}.cdx.json")), serde_json::to_string_pretty(&sbom(&crates))? + "\n")?;
    fs::write(folder.join("dep-v0"), zlib_stored(&serde_json::to_vec(&auditable(&crates))?))?;
    Ok(())
}

/// The linked crates, the program among them, ordered by name and version. `cargo tree` knows which features are on
/// without the tests, `cargo metadata` knows the rest.
fn linked() -> Result<Vec<Linked>> {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let tree = ["tree", "--target", &target, "--edges=normal,no-proc-macro", "--prefix=none", "--format={p}"];
    let tree = String::from_utf8(cargo(&tree)?)?;
    let names: BTreeSet<(&str, &str)> = tree
        .lines()
        .filter_map(|line| line.split_once(" v"))
        .map(|(name, rest)| (name, rest.split(' ').next().unwrap_or(rest)))
        .collect();
    let metadata = cargo(&["metadata", "--format-version=1", "--filter-platform", &target])?;
    let metadata: Metadata = serde_json::from_slice(&metadata)?;
    let lock = fs::read_to_string("Cargo.lock")?;

    let mut packages: Vec<Package> = metadata.packages;
    packages.retain(|package| names.contains(&(package.name.as_str(), package.version.as_str())));
    packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    let places: BTreeMap<String, usize> = packages.iter().enumerate().map(|(n, one)| (one.id.clone(), n)).collect();
    let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let linked = packages.into_iter().map(|package| {
        let node = nodes.get(package.id.as_str()).map_or(&[][..], |node| &node.dependencies);
        let mut uses: Vec<usize> = node.iter().filter_map(|id| places.get(id).copied()).collect();
        uses.sort_unstable();
        Linked { uses, checksum: checksum(&lock, &package), package }
    });
    Ok(linked.collect())
}

fn cargo(arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new("cargo").args(arguments).args(["--locked", "--offline"]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(output.stdout)
}

/// The SHA-256 of the crate's archive, as `Cargo.lock` has it.
fn checksum(lock: &str, package: &Package) -> Option<String> {
    let entry = format!("name = \"{}\"\nversion = \"{}\"\n", package.name, package.version);
    let entry = lock.split("[[package]]\n").find(|text| text.starts_with(&entry))?;
    entry.lines().find_map(|line| Some(line.strip_prefix("checksum = \"")?.trim_end_matches('"').to_owned()))
}

/// Each licence text once, below the names of the crates that carry it.
fn licences(crates: &[Linked]) -> Result<String> {
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut terms = format!("The crates that are linked into {PROGRAM}, and their licences. The texts follow.\n\n");
    for one in crates.iter().filter(|one| one.package.source.is_some()) {
        let name = format!("{} {}", one.package.name, one.package.version);
        writeln!(terms, "{name}: {}", one.package.license.as_deref().ok_or_else(|| format!("{name}: no licence"))?)?;
        let found = licence_texts(Path::new(&one.package.manifest_path).parent().ok_or("no folder")?)?;
        if found.is_empty() {
            return Err(format!("{name}: no licence text").into());
        }
        for text in found {
            texts.entry(text).or_default().insert(name.clone());
        }
    }
    let mut texts: Vec<(String, BTreeSet<String>)> = texts.into_iter().collect();
    texts.sort_by(|a, b| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
    for (text, names) in texts {
        let names: Vec<String> = names.into_iter().collect();
        write!(terms, "\n{}\n{}\n\n{text}\n", "=".repeat(78), names.join(", "))?;
    }
    Ok(terms)
}

/// The files of a crate that state its terms; some crates keep them in a folder.
fn licence_texts(folder: &Path) -> io::Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if !["LICEN", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"].iter().any(|start| name.starts_with(start)) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            for inner in fs::read_dir(entry.path())? {
                texts.push(fs::read_to_string(inner?.path())?);
            }
        } else {
            texts.push(fs::read_to_string(entry.path())?);
        }
    }
    Ok(texts.iter().map(|text| text.replace("\r\n", "\n").trim_end().to_owned()).collect())
}

/// The bill of materials, CycloneDX 1.5. It has neither a serial number nor a time: two builds must not differ.
fn sbom(crates: &[Linked]) -> Value {
    let component = |one: &Linked| {
        let kind = if one.package.source.is_some() { "library" } else { "application" };
        let mut value = json!({
            "type": kind, "bom-ref": one.purl(), "name": one.package.name, "version": one.package.version,
            "purl": one.purl(), "licenses": [{ "expression": spdx(one.package.license.as_deref().unwrap_or_default()) }],
        });
        if let Some(checksum) = &one.checksum {
            value["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        value
    };
    let edge = |one: &Linked| {
        let uses: Vec<String> = one.uses.iter().map(|&place| crates[place].purl()).collect();
        json!({ "ref": one.purl(), "dependsOn": uses })
    };
    let (own, others): (Vec<&Linked>, Vec<&Linked>) = crates.iter().partition(|one| one.package.source.is_none());
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": { "component": own.first().map(|one| component(one)) },
        "components": others.iter().map(|one| component(one)).collect::<Vec<_>>(),
        "dependencies": crates.iter().map(edge).collect::<Vec<_>>(),
    })
}

/// A licence as an SPDX expression: older crates write `MIT/Apache-2.0`.
fn spdx(licence: &str) -> String {
    licence.replace('/', " OR ")
}

/// What `cargo auditable` puts into a program, <https://github.com/rust-secure-code/cargo-auditable>, `PARSING.md`.
fn auditable(crates: &[Linked]) -> Value {
    let entry = |one: &Linked| {
        let source = if one.package.source.is_some() { "crates.io" } else { "local" };
        let mut value = json!({ "name": one.package.name, "version": one.package.version, "source": source });
        if !one.uses.is_empty() {
            value["dependencies"] = json!(one.uses);
        }
        if one.package.source.is_none() {
            value["root"] = json!(true);
        }
        value
    };
    json!({ "packages": crates.iter().map(entry).collect::<Vec<_>>() })
}

/// The data as a zlib stream (RFC 1950) of stored blocks (RFC 1951, 3.2.4): 10 KB are not worth a crate to compress them.
fn zlib_stored(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = data.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    let (low, high) = data.iter().fold((1_u32, 0_u32), |(low, high), &byte| {
        let low = (low + u32::from(byte)) % 65521;
        (low, (high + low) % 65521)
    });
    stream.extend(((high << 16) | low).to_be_bytes());
    stream
}
