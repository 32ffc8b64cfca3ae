//! Owns fsspec's configuration: the files of its folder and its environment variables. Never knows what a key
//! means.
//!
//! Files are read in the order of their names, of those that end in `.json` or `.ini`. Each file's keys replace
//! earlier ones of the same protocol, as a whole: an object is not merged into another. `FSSPEC_S3` holds a JSON
//! object, `FSSPEC_S3_KEY` a text; the latter goes before the former.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Map, Value};

use super::SettingsError;
use super::ini::Ini;
use super::surroundings::Surroundings;

/// The folder of the files, if no variable names another, below the home.
const FOLDER: &str = ".config/fsspec";

/// What is configured for protocols that share one implementation.
///
/// # Errors
/// A file that cannot be read, as to fsspec.
pub(super) fn configured(
    surroundings: &Surroundings,
    protocols: &[&str],
) -> Result<Map<String, Value>, SettingsError> {
    let mut all = Map::new();
    let folder = match surroundings.variable("FSSPEC_CONFIG_DIR") {
        Some(folder) => Some(surroundings.path(folder)),
        None => surroundings.below_home(FOLDER),
    };
    if let Some(folder) = folder {
        read_folder(&folder, &mut all)?;
    }
    read_variables(surroundings, &mut all);
    let mut merged = Map::new();
    for protocol in protocols {
        if let Some(Value::Object(keys)) = all.remove(*protocol) {
            merged.extend(keys);
        }
    }
    Ok(merged)
}

/// Adds keys to a protocol's.
fn add(
    all: &mut Map<String, Value>,
    protocol: &str,
    keys: impl IntoIterator<Item = (String, Value)>,
) {
    let entry = all
        .entry(protocol)
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(entry) = entry {
        entry.extend(keys);
    }
}

fn read_folder(folder: &Path, all: &mut Map<String, Value>) -> Result<(), SettingsError> {
    // Without a folder there is nothing to read.
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    for name in names.iter().filter_map(|name| name.to_str()) {
        let (is_ini, is_json) = (name.ends_with(".ini"), name.ends_with(".json"));
        if !is_ini && !is_json {
            continue;
        }
        let path = folder.join(name);
        let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        if is_ini {
            read_ini(&Ini::of(&text), all);
        } else {
            read_json(&path, &text, all)?;
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &io::Error) -> SettingsError {
    SettingsError::new(
        format!("{} cannot be read: {error}", path.display()),
        "fsspec reads every .json and .ini file there; mend it or move it away",
    )
}

/// Every section has the keys of `[DEFAULT]`, too.
fn read_ini(ini: &Ini, all: &mut Map<String, Value>) {
    let default = ini.section("DEFAULT");
    for (protocol, keys) in ini.sections().filter(|(name, _)| *name != "DEFAULT") {
        let values = default.into_iter().flatten().chain(keys);
        let values =
            values.map(|(key, value)| (key.clone(), Value::String(value.replace("%%", "%"))));
        add(all, protocol, values);
    }
}

fn read_json(path: &Path, text: &str, all: &mut Map<String, Value>) -> Result<(), SettingsError> {
    let refused = |why: String| {
        SettingsError::new(
            format!("{} {why}", path.display()),
            "it is an object of protocols: {\"s3\": {\"key\": ..., \"secret\": ...}}",
        )
    };
    // The parser's own text could quote a value.
    let protocols: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        refused(format!("is no JSON object: line {line}, column {column}"))
    })?;
    for (protocol, keys) in protocols {
        let Value::Object(keys) = keys else {
            return Err(refused(format!("has no object at `{protocol}`")));
        };
        add(all, &protocol, keys);
    }
    Ok(())
}

fn read_variables(surroundings: &Surroundings, all: &mut Map<String, Value>) {
    let mut single = Vec::new();
    for (name, value) in surroundings.all() {
        let Some(rest) = name.strip_prefix("FSSPEC_") else {
            continue;
        };
        match rest.split_once('_') {
            Some(("", _)) => {}
            Some((protocol, key)) => {
                single.push((protocol.to_lowercase(), key.to_lowercase(), value));
            }
            None => match serde_json::from_str(value) {
                Ok(Value::Object(keys)) => add(all, &rest.to_lowercase(), keys),
                _ => tracing::warn!(name, "this variable is ignored: it is no JSON object"),
            },
        }
    }
    for (protocol, key, value) in single {
        add(all, &protocol, [(key, Value::String(value.to_owned()))]);
    }
}
