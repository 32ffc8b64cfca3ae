//! Files that somebody has put into a dataset's folder or a shard's, before a run and meanwhile.

use super::*;

/// Answers that take their time, so that something can come in between.
fn slow(web: &Web, format: &str) -> Job {
    let urls = (0..COUNT).map(|seed| web.url(&format!("/slow/400/{seed}.jpg?w=90&h=70")));
    with_options(Job::of_urls(web, urls), format)
        .option("--thread_count", "2")
        .option("--processes_count", "1")
}

#[test]
fn what_comes_while_the_run_goes_on_stays_and_ends_it() {
    let web = web();
    for (format, name) in [
        ("webdataset", "00001.tar"),
        ("webdataset", "00002.parquet"),
        ("webdataset", "00001_stats.json"),
        ("tfrecord", "00002.tfrecord"),
        ("parquet", "00001.parquet"),
        ("files", "00001/mine.txt"),
        ("files", "00002/000010.jpg"),
        ("files", "00002"),
    ] {
        let job = slow(&web, format);
        let running = job.start();
        assert!(watch::until_files(&job.output(), |_| true, 1, RUN_MAX));
        let mine = job.output().join(name);
        put(&mine);
        let outcome = running.finish();
        assert_eq!(outcome.code, Some(1), "{name}: {outcome}");
        let said = [
            "output error",
            "no run of this dataset made",
            "hint: move it away",
        ];
        for word in said {
            assert!(outcome.stderr.contains(word), "{name}: `{word}`: {outcome}");
        }
        assert_eq!(fs::read_to_string(&mine).unwrap(), "mine", "{name}");
        assert_eq!(verified(&job.output())["temporaries"], 0, "{name}");
        let top = name.split('/').next().unwrap();
        check_refused(&web, &job, &job.output(), &[top]);
        fs::rename(job.output().join(top), job.output().join("moved")).unwrap();
        job.succeed();
        let moved = job.output().join("moved");
        let moved = name
            .split_once('/')
            .map_or(moved.clone(), |(_, inner)| moved.join(inner));
        assert_eq!(fs::read_to_string(moved).unwrap(), "mine", "{name}");
        assert_eq!(samples_of(&job.output()), COUNT, "{name}");
    }
}

#[test]
fn somebodys_files_stay_in_a_shards_folder_that_is_done_again() {
    let web = web();
    for damaged in ["", "{", "{\n    \"count\": 5", "gone"] {
        let job = job(&web, "files");
        job.succeed();
        let folder = job.output();
        let mine = [
            "mine.txt",
            "000009.jpg.bak",
            "00000.jpg",
            "000050.jpg",
            "000000.png",
        ];
        for name in mine {
            put(&folder.join("00000").join(name));
        }
        if damaged == "gone" {
            // The mark is whole, and what it stands for is not.
            fs::remove_file(folder.join("00000.parquet")).unwrap();
        } else {
            fs::write(folder.join("00000_stats.json"), damaged).unwrap();
        }
        let asked = web.requests();
        job.succeed();
        assert_eq!(
            web.requests() - asked,
            PER_SHARD as u64,
            "one shard is done again"
        );
        check_whole(&job, "files");
        assert_eq!(verified(&folder)["others"], mine.len());
        for name in mine {
            let path = folder.join("00000").join(name);
            assert_eq!(fs::read_to_string(path).unwrap(), "mine", "{name}");
        }
    }
}

#[test]
fn a_folder_in_a_samples_place_is_not_removed() {
    let web = web();
    let job = job(&web, "files");
    job.succeed();
    let folder = job.output();
    fs::write(folder.join("00000_stats.json"), "").unwrap();
    fs::remove_file(folder.join("00000/000002.jpg")).unwrap();
    put(&folder.join("00000/000002.jpg/mine.txt"));
    check_refused(&web, &job, &folder, &["00000/000002.jpg"]);
}

#[test]
fn overwrite_leaves_what_no_run_made_and_says_so() {
    let web = web();
    let names = [
        "_tmp/0.feather",
        "notes.txt",
        ".backup.part",
        "00000.txt",
        "00000.tfrecord",
        "99999.tar",
        "a\u{1b}[31mb",
        "0.parquet",
    ];
    for format in ["webdataset", "files", "parquet"] {
        let job = job(&web, format);
        job.succeed();
        let folder = job.output();
        let job = job.option("--incremental_mode", "overwrite");
        let quiet = job.succeed();
        assert!(!quiet.stderr.contains("overwrite"), "{quiet}");
        for name in names {
            put(&folder.join(name));
        }
        let outcome = job.succeed();
        let said = format!("overwrite removed the {SHARDS} shards of this dataset and left");
        assert!(outcome.stderr.contains(&said), "{outcome}");
        assert!(outcome.stderr.contains("and 5 more"), "{outcome}");
        assert!(!outcome.stderr.contains('\u{1b}'), "{outcome:?}");
        for name in names {
            assert_eq!(
                fs::read_to_string(folder.join(name)).unwrap(),
                "mine",
                "{name}"
            );
        }
        assert_eq!(samples_of(&folder), COUNT, "{format}");
    }
}

#[test]
fn overwrite_does_not_take_a_shards_folder_that_somebodys_files_are_in() {
    let web = web();
    let job = job(&web, "files");
    job.succeed();
    let folder = job.output();
    put(&folder.join("00001/mine.txt"));
    let job = job.option("--incremental_mode", "overwrite");
    check_refused(&web, &job, &folder, &["00001/mine.txt"]);
    // Where no shard takes the folder, it is left with what is not ours.
    let job = job.option("--output_format", "webdataset");
    job.succeed();
    let left: Vec<_> = fs::read_dir(folder.join("00001")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(!folder.join("00000").exists());
    assert_eq!(samples_of(&folder), COUNT);
}

#[test]
fn samples_named_by_the_list_are_told_from_somebodys_files() {
    let web = web();
    let lines: String = (0..COUNT)
        .map(|seed| {
            format!(
                "name-{seed},{}\n",
                web.url(&format!("/img/{seed}.jpg?w=90&h=70"))
            )
        })
        .collect();
    let list = format!("name,url\n{lines}");
    let job = with_options(Job::new(&web, "list.csv", list), "files").option("--key_col", "name");
    job.succeed();
    let folder = job.output();
    let mine = ["mine.txt", "name-99.jpg", "000000.jpg", "name-0.png"];
    for name in mine {
        put(&folder.join("00000").join(name));
    }
    for damage in ["mark", "metadata", "repair"] {
        match damage {
            "mark" => fs::write(folder.join("00000_stats.json"), "").unwrap(),
            "metadata" => fs::write(folder.join("00000_stats.json"), "{}").unwrap(),
            _ => fs::remove_file(folder.join("00000/name-0.jpg")).unwrap(),
        }
        if damage == "metadata" {
            fs::write(folder.join("00000.parquet"), "torn").unwrap();
        }
        if damage == "repair" {
            tool([Path::new("verify"), &folder, Path::new("--repair")]);
        }
        job.succeed();
        check_whole(&job, "files");
        for name in mine {
            let path = folder.join("00000").join(name);
            assert_eq!(
                fs::read_to_string(path).unwrap(),
                "mine",
                "{damage}: {name}"
            );
        }
    }
    for name in mine {
        fs::remove_file(folder.join("00000").join(name)).unwrap();
    }
    let job = job.option("--incremental_mode", "overwrite");
    job.succeed();
    check_whole(&job, "files");
    assert_eq!(samples(&folder, "files").len(), COUNT);
}

#[test]
fn a_killed_run_never_leaves_a_folder_that_its_command_refuses() {
    let web = web();
    for format in ["files", "webdataset"] {
        let job = slow(&web, format).option("--thread_count", "8");
        for shards in 1..SHARDS {
            let running = job.start();
            running.wait_for_shards(shards);
            running.kill();
            put(&job.output().join("notes.txt"));
        }
        job.succeed();
        check_whole(&job, format);
        assert!(job.output().join("notes.txt").exists());
    }
}
