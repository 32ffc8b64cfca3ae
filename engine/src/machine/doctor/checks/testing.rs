//! A machine that meets every requirement of the profile; each test changes one thing.

use std::time::Duration;

use crate::machine::Cgroup;
use crate::machine::doctor::facts::{
    Conntrack, Facts, Folder, Heard, Kernel, Link, Names, Process, Question, Rings, Trial,
};
use crate::machine::doctor::profile::Profile;
use crate::machine::runtime::{Backend, Grant, RING_ENTRIES, Ring};

pub(super) const P: Profile = Profile::new(8, 10);

pub(super) fn kernel() -> Kernel {
    let max = P.conntrack_max();
    Kernel {
        cpus_online: Some(8),
        memory_bytes: Some(64 << 30),
        memory_available_bytes: Some(60 << 30),
        cgroup: Cgroup::default(),
        files_open: Some(1000),
        file_max: Some(i64::MAX as u64),
        nr_open: Some(1 << 20),
        uring_disabled: Some(0),
        port_range: Some([10_240, 65_535]),
        tw_reuse: Some(1),
        timestamps: Some(1),
        tcp_rmem: Some([4096, 131_072, 6_291_456]),
        tcp_mem: Some([760_000, 1_010_000, 1_520_000]),
        conntrack: Some(Conntrack {
            count: 100,
            max,
            buckets: Some(max / 4),
            time_wait_s: Some(30),
        }),
        dirty_bytes: Some(P.dirty_bytes()),
        dirty_ratio: Some(0),
        link: Some(Link {
            name: "eth0".to_owned(),
            gbit: Some(10),
        }),
    }
}

pub(super) fn folder() -> Folder {
    Folder {
        asked: "/data".into(),
        looked_at: "/data".into(),
        magic: 0xef53,
        free_bytes: 10 << 40,
        free_inodes: Some(1 << 30),
        alignment: Some((4, 512)),
        write: Trial::Direct,
    }
}

pub(super) fn facts() -> Facts {
    let answer = Heard::Answer {
        code: 0,
        after: Duration::from_millis(2),
    };
    Facts {
        kernel: kernel(),
        process: Process {
            cores: 8,
            descriptors: [Some(1024), Some(524_288)],
            memlock_bytes: Some(8 << 20),
            rings: Rings {
                works: Ring::Whole,
                counted: Some(false),
                granted: Ok(Grant {
                    cores: 8,
                    rings: 8,
                    backend: Backend::Uring {
                        defer_taskrun: true,
                        entries: RING_ENTRIES,
                    },
                    lack: None,
                }),
            },
            vectors: true,
            proxies: Ok(Vec::new()),
            roots: Some(140),
            clock_s: 1_790_000_000,
        },
        folder: Some(("/data".into(), Ok(folder()))),
        store: None,
        names: Names {
            from: "/etc/resolv.conf",
            servers: Ok(vec![("192.0.2.1:53".parse().unwrap(), answer)]),
            question: Question::default(),
        },
    }
}
