//! The simulated disk keeps what it promises and loses the rest.

use super::*;

const FOLDER: &str = "/out";

fn disk(seed: u64) -> Simulated {
    let disk = Simulated::new(seed);
    disk.make_folder(Path::new(FOLDER)).unwrap();
    disk.sync_folder(Path::new("/")).unwrap();
    disk
}

fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

#[test]
fn what_is_synced_with_its_name_outlives_the_power_and_nothing_else_is_sure_to() {
    let (mut names, mut contents) = (0, 0);
    for seed in 0..200 {
        let disk = disk(seed);
        disk.write(&path("whole"), b"whole").unwrap();
        disk.sync(&path("whole"), None).unwrap();
        disk.sync_folder(Path::new(FOLDER)).unwrap();
        disk.write(&path("loose"), &[7; 3000]).unwrap();
        disk.power_up();
        assert_eq!(disk.read(&path("whole")).unwrap(), b"whole");
        names += u32::from(disk.exists(&path("loose")));
        let loose = disk.read(&path("loose")).unwrap_or_default();
        contents += u32::from(loose == [7; 3000]);
    }
    assert!((20..180).contains(&names), "{names}");
    assert!((1..names).contains(&contents), "{contents} of {names}");
}

#[test]
fn a_rename_is_whole_or_not_there() {
    let mut renamed = 0;
    for seed in 0..100 {
        let disk = disk(seed);
        for (name, bytes) in [("new", b"2"), ("name", b"1")] {
            disk.write(&path(name), bytes).unwrap();
            disk.sync(&path(name), None).unwrap();
        }
        disk.sync_folder(Path::new(FOLDER)).unwrap();
        disk.rename(&path("new"), &path("name")).unwrap();
        disk.power_up();
        let is_new = disk.read(&path("name")).unwrap() == b"2";
        assert_ne!(is_new, disk.exists(&path("new")));
        renamed += u32::from(is_new);
    }
    assert!((20..80).contains(&renamed), "{renamed}");
}

#[test]
fn bytes_that_a_failed_sync_gave_up_are_not_written_by_the_next() {
    let disk = disk(1);
    disk.write(&path("file"), &[7; 3000]).unwrap();
    disk.fail_after(0);
    assert!(disk.sync(&path("file"), None).is_err());
    disk.sync(&path("file"), None).unwrap();
    disk.sync_folder(Path::new(FOLDER)).unwrap();
    let torn = (0..50).any(|_| {
        disk.power_up();
        disk.read(&path("file")).unwrap() != [7; 3000]
    });
    assert!(torn);
}

#[test]
fn a_rename_to_a_new_name_replaces_nothing() {
    let disk = disk(1);
    assert!(disk.put(&path("mine"), b"mine"));
    disk.write(&path("new"), b"new").unwrap();
    let error = disk.rename_new(&path("new"), &path("mine")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(disk.read(&path("mine")).unwrap(), b"mine");
    disk.rename_new(&path("new"), &path("free")).unwrap();
    assert!(!disk.exists(&path("new")));
}

#[test]
fn a_rename_to_another_folder_may_lose_either_half() {
    let mut seen = [0; 4];
    for seed in 0..200 {
        let disk = disk(seed);
        disk.make_folder(&path("below")).unwrap();
        disk.write(&path("file"), b"1").unwrap();
        disk.sync_all(Path::new(FOLDER)).unwrap();
        disk.rename_new(&path("file"), &path("below/file")).unwrap();
        disk.power_up();
        let [there, here] = ["file", "below/file"].map(|name| disk.exists(&path(name)));
        seen[usize::from(there) * 2 + usize::from(here)] += 1;
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn what_others_made_outlives_the_power_and_what_a_run_removed_of_it_is_gone() {
    for seed in 0..50 {
        let disk = disk(seed);
        disk.remove(&path("mine")).unwrap();
        assert!(disk.put(&path("mine"), b"mine"));
        assert!(disk.put(&path("folder/mine"), b"mine"));
        assert!(!disk.put(&path("mine"), b"other"));
        disk.power_up();
        assert_eq!(disk.read(&path("folder/mine")).unwrap(), b"mine");
        assert_eq!(disk.read(&path("mine")).unwrap(), b"mine");
        disk.remove(&path("mine")).unwrap();
        disk.sync_folder(Path::new(FOLDER)).unwrap();
        disk.power_up();
        assert!(!disk.exists(&path("mine")));
        disk.take_away(&path("folder/mine"));
        assert!(!disk.exists(&path("folder/mine")));
    }
}

#[test]
fn nothing_answers_without_power() {
    let disk = disk(1);
    disk.lose_power_after(0);
    assert!(disk.write(&path("file"), b"1").is_err());
    assert!(disk.is_lost());
    assert!(disk.read(&path("file")).is_err());
    assert!(disk.sync_folder(Path::new(FOLDER)).is_err());
    assert!(disk.entries(Path::new(FOLDER)).is_err());
}
