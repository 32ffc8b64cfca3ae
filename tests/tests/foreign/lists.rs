//! The user's own lists and caches, wherever they lie.

use super::*;

#[test]
fn a_list_in_the_output_folder_is_refused_under_every_name_that_a_shard_takes() {
    let web = web();
    for (name, format) in [
        ("00000.parquet", "webdataset"),
        ("00002.parquet", "parquet"),
        ("00001.tar", "webdataset"),
        ("00000.tfrecord", "tfrecord"),
        ("00001_stats.json", "dummy"),
        ("00001", "files"),
        (".turbo2ds.json", "webdataset"),
        (".00000.tar.0123456789abcdef.part", "webdataset"),
    ] {
        let mut job = with_options(Job::new(&web, "unused", ""), format);
        let list = job.file(&format!("dataset/{name}"), json_lines(&web));
        let said = list.display().to_string();
        job = job.over(list).option("--input_format", "jsonl");
        for mode in MODES {
            // After the last mark there is no shard 1 any more.
            if (name, mode) != ("00001_stats.json", "extend") {
                job = job.option("--incremental_mode", mode);
                check_refused(&web, &job, &job.output(), &[&said]);
            }
        }
    }
}

#[test]
fn a_list_of_parquet_files_with_their_folder_as_output_is_refused_in_every_mode() {
    let web = web();
    let made = job(&web, "webdataset");
    made.succeed();
    let mut job = with_options(Job::new(&web, "unused", ""), "webdataset");
    let folder = job.output();
    fs::create_dir(&folder).unwrap();
    for file in 0..SHARDS {
        let name = format!("{file:05}.parquet");
        fs::copy(made.output().join(&name), folder.join(&name)).unwrap();
    }
    job = job.over(&folder).option("--input_format", "parquet");
    for mode in MODES {
        job = job.option("--incremental_mode", mode);
        check_refused(
            &web,
            &job,
            &folder,
            &["00000.parquet", "a file of the list"],
        );
    }
}

#[test]
fn a_list_under_a_name_that_no_shard_takes_may_lie_in_the_output_folder() {
    let web = web();
    let mut job = with_options(Job::new(&web, "unused", ""), "webdataset");
    let names = ["00000.jsonl", "list.jsonl", "99999.tar", "1.parquet"];
    for name in names {
        job.file(&format!("dataset/{name}"), json_lines(&web));
    }
    for name in names {
        let list = job.output().join(name);
        job = job
            .over(list)
            .option("--input_format", "jsonl")
            .option("--incremental_mode", "overwrite");
        job.succeed();
        assert_eq!(samples_of(&job.output()), COUNT, "{name}");
        for name in names {
            let text = fs::read_to_string(job.output().join(name)).unwrap();
            assert_eq!(text, json_lines(&web), "{name}");
        }
    }
}

#[test]
fn a_list_is_refused_by_whatever_way_it_is_reached() {
    let web = web();
    type Way = fn(&Path) -> (PathBuf, PathBuf);
    let ways: [Way; 5] = [
        |at| {
            fs::rename(at.join("list"), at.join("out/00001.tar")).unwrap();
            symlink("out/00001.tar", at.join("link")).unwrap();
            (at.join("link"), at.join("out"))
        },
        |at| {
            fs::rename(at.join("list"), at.join("out/00001.tar")).unwrap();
            symlink("out", at.join("way")).unwrap();
            (at.join("out/00001.tar"), at.join("way"))
        },
        |at| {
            symlink("../list", at.join("out/00002.tar")).unwrap();
            (at.join("out/00002.tar"), at.join("out"))
        },
        |at| {
            fs::hard_link(at.join("list"), at.join("out/00000.parquet")).unwrap();
            (at.join("list"), at.join("out/../out"))
        },
        |at| (at.join("list"), at.join("list")),
    ];
    for way in ways {
        let place = tempfile::tempdir().unwrap();
        let place = place.path();
        fs::create_dir(place.join("out")).unwrap();
        fs::write(place.join("list"), json_lines(&web)).unwrap();
        let (list, folder) = way(place);
        let mut job = with_options(Job::new(&web, "unused", ""), "webdataset")
            .over(list)
            .into_folder(folder)
            .option("--input_format", "jsonl");
        for mode in MODES {
            job = job.option("--incremental_mode", mode);
            check_refused(&web, &job, place, &[]);
        }
    }
}

#[test]
fn overwrite_never_takes_its_list_from_the_dataset_that_it_removes() {
    let web = web();
    for format in ["webdataset", "parquet"] {
        let made = job(&web, format);
        made.succeed();
        let folder = made.output();
        fs::hard_link(folder.join("00000.parquet"), folder.with_file_name("hard")).unwrap();
        for list in [folder.join("00000.parquet"), folder.with_file_name("hard")] {
            let again = job(&web, format)
                .over(list)
                .into_folder(&folder)
                .option("--input_format", "parquet");
            let overwriting = again.option("--incremental_mode", "overwrite");
            check_refused(&web, &overwriting, &folder, &["00000.parquet"]);
            // Its failures may be asked for again behind it: nothing of it is replaced.
            let before = fs::read(folder.join("00000.parquet")).unwrap();
            let extending = overwriting.option("--incremental_mode", "extend");
            extending.succeed();
            assert_eq!(fs::read(folder.join("00000.parquet")).unwrap(), before);
        }
    }
}

/// URLs that need no resolver, which a cache of names does not go with.
fn addressed_list(web: &Web) -> String {
    let url = web.url("");
    let port = url
        .trim_end_matches('/')
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    (0..COUNT)
        .map(|seed| format!("http://127.0.0.1:{port}/img/{seed}.jpg?w=90&h=70\n"))
        .collect()
}

#[test]
fn a_cache_of_names_takes_the_place_of_nothing() {
    let web = web();
    let home = tempfile::tempdir().unwrap();
    let (place, folder) = (home.path(), home.path().join("dataset"));
    let list = place.join("list.txt");
    fs::write(&list, addressed_list(&web)).unwrap();
    put(&place.join("mine.txt"));
    symlink("list.txt", place.join("link")).unwrap();
    fs::hard_link(&list, place.join("hard")).unwrap();
    let mut job = with_options(Job::strict("unused", ""), "webdataset")
        .option("--allow_net", "127.0.0.0/8")
        .over(&list)
        .into_folder(&folder);
    for (cache, word) in [
        (list.clone(), "--dns_cache"),
        (place.join("link"), "--dns_cache"),
        (place.join("hard"), "--dns_cache"),
        (place.join("mine.txt"), "is not a cache of names"),
        (place.to_owned(), "is not a cache of names"),
        (folder.clone(), "the output folder"),
        (folder.join("00000.tar"), "00000.tar"),
        (folder.join("00099_stats.json"), "00099_stats.json"),
        (folder.join("00001/names"), "00001/names"),
        (folder.join(".turbo2ds.json"), ".turbo2ds.json"),
        (folder.join(".00000.tar.0123456789abcdef.part"), ".part"),
    ] {
        job = job.option("--dns_cache", cache);
        check_refused(&web, &job, place, &[word]);
    }
    assert!(!folder.exists(), "nothing was written");
    // Beside the dataset, and in it under a name of its own, it is welcome.
    for cache in [
        place.join("names"),
        folder.join("names"),
        folder.join("names"),
    ] {
        job = job
            .option("--dns_cache", &cache)
            .option("--incremental_mode", "overwrite");
        job.succeed();
        assert!(fs::read(cache).unwrap().starts_with(b"t2dDNS"));
    }
    check_whole(&job, "webdataset");
}
