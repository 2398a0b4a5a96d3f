//! A record is read back as it was written, is the same each time, and copes with damage.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use roundtrip_record::*;

fn write(path: &Path, whats: &[What]) -> Vec<Event> {
    let settings = Settings { memory: true, keep_secrets: true, ..Settings::in_folder(path) };
    let mut log = Log::new(Recorder::new(settings).expect("a folder"));
    let mut cause = None;
    for (n, what) in whats.iter().enumerate() {
        cause = log.emit(Time::from_micros(n as u64), cause, || what.clone());
    }
    log.finish().expect("written");
    log.events()
}

#[test]
fn samples_cover_every_kind() {
    let samples = common::samples("x");
    let covered: BTreeSet<_> = samples.iter().map(What::kind).collect();
    assert_eq!(covered, What::KINDS.iter().copied().collect());
}

#[test]
fn no_line_has_a_name_twice() {
    // serde_json keeps the last of two equal names, so a collision would show as a lost value.
    for what in common::samples("x") {
        let event = Event {
            id: EventId::new(1).unwrap(),
            at: Time::ZERO,
            cause: None,
            host: HostId(0),
            what,
        };
        let line = serde_json::to_string(&event).unwrap();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value.to_string().len(), line.len(), "{line}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_was_written_is_read(text in "\\PC{0,40}|[\\x00-\\x7f]{0,20}") {
        let folder = tempfile::tempdir().unwrap();
        let written = write(folder.path(), &common::samples(&text));
        let (read, cut) = Folder::open(folder.path()).unwrap().read().unwrap();
        prop_assert!(!cut);
        prop_assert_eq!(read, written);
    }

    #[test]
    fn a_record_cut_anywhere_gives_what_stands_before(cut in 0.0f64..1.0) {
        let folder = tempfile::tempdir().unwrap();
        let written = write(folder.path(), &common::samples("example"));
        let path = folder.path().join("record.jsonl");
        let whole = fs::read(&path).unwrap();
        let at = (whole.len() as f64 * cut) as usize;
        fs::write(&path, &whole[..at]).unwrap();
        let (read, was_cut) = Folder::open(folder.path()).unwrap().read().unwrap();
        prop_assert_eq!(&read[..], &written[..read.len()]);
        let lines = whole[..at].split(|&byte| byte == b'\n').count() - 1;
        prop_assert!(read.len() == lines || read.len() == lines + 1);
        prop_assert_eq!(was_cut, read.len() == lines && at > 0 && whole[at - 1] != b'\n');
    }

    #[test]
    fn damage_is_an_error_with_its_place(line in 0usize..20, junk in "[a-z{}\\[\\]]{1,8}") {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &common::samples("example"));
        let path = folder.path().join("record.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<_> = text.lines().collect();
        lines[line] = &junk;
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        let error = Folder::open(folder.path()).unwrap().read().unwrap_err();
        let place = format!("record.jsonl:{}:", line + 1);
        prop_assert!(error.to_string().contains(&place), "{}", error);
    }
}

#[test]
fn two_equal_runs_make_equal_folders() {
    let record = |path: &Path| {
        let settings = Settings { memory: false, ..Settings::in_folder(path) };
        let mut log = Log::new(Recorder::new(settings).unwrap());
        log.host("client", Role::Client, &[]);
        log.interface(HostId(0), "eth0", "02:00:00:00:00:01", &[]);
        for what in common::samples("example") {
            let id = log.emit(Time::ZERO, None, || what);
            log.frame(Time::ZERO, id, InterfaceId(0), Direction::Sent, &[0xAB; 60]);
        }
        log.body(b"hello");
        log.finish().unwrap();
    };
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    record(a.path());
    record(b.path());
    let hello = "bodies/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    for name in ["record.jsonl", "trace.pcapng", hello] {
        let bytes = fs::read(a.path().join(name)).unwrap();
        assert!(!bytes.is_empty(), "{name}");
        assert_eq!(bytes, fs::read(b.path().join(name)).unwrap(), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_a_record() {
    use std::os::unix::fs::PermissionsExt;
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("run");
    let log = Log::new(Recorder::new(Settings::in_folder(&path)).unwrap());
    log.host("client", Role::Client, &[]);
    log.interface(HostId(0), "eth0", "", &[]);
    log.clone().frame(Time::ZERO, None, InterfaceId(0), Direction::Sent, &[0x45; 40]);
    let body = log.body(b"body").unwrap();
    log.machine("layout_ms", 3);
    log.finish().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for folder in [path.clone(), path.join("bodies")] {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
    }
    for file in ["record.jsonl", "trace.pcapng", "machine.json"] {
        assert_eq!(mode(&path.join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&path.join("bodies").join(body.sha256)), 0o600);
}

#[test]
fn a_body_written_in_pieces_has_the_hash_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    for log in [Log::memory(), Log::new(Recorder::new(Settings::in_folder(folder.path())).unwrap())]
    {
        let mut writer = log.body_writer();
        writer.write(b"hel");
        writer.write(b"lo");
        let body = writer.finish().unwrap();
        assert_eq!(Some(&body), log.body(b"hello").as_ref());
        assert_eq!(log.bodies().get(&body).unwrap(), b"hello");
        let mut left = log.body_writer();
        left.write(b"never finished");
    }
    let folder = Folder::open(folder.path()).unwrap();
    let body = BodyRef { sha256: "0".repeat(64), length: 1 };
    assert!(matches!(folder.bodies().get(&body), Err(FolderError::NoBody { .. })));
    let escape = BodyRef { sha256: "../record.jsonl".into(), length: 1 };
    assert!(matches!(folder.bodies().get(&escape), Err(FolderError::NoBody { .. })));
    #[expect(clippy::disallowed_methods, reason = "counted only")]
    let count = fs::read_dir(folder.path().join("bodies")).unwrap().count();
    assert_eq!(count, 1, "an unfinished body leaves nothing");
}

#[test]
fn a_changed_body_is_not_passed_off() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::new(Recorder::new(Settings::in_folder(folder.path())).unwrap());
    let body = log.body(b"hello").unwrap();
    fs::write(folder.path().join("bodies").join(&body.sha256), b"hullo").unwrap();
    assert!(matches!(log.bodies().get(&body), Err(FolderError::WrongBody { .. })));
}

#[test]
fn ids_are_unique_and_nothing_is_made_when_off() {
    let mut log = Log::off();
    assert_ne!(log.connection_id(), log.connection_id());
    assert_eq!(log.emit(Time::ZERO, None, || unreachable!("nobody records")), None);
    assert_eq!(log.body(b"x"), None);
    assert!(log.finish().is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("bodies")).unwrap();
    // `bodies` is no folder: the record cannot even be begun.
    assert!(Recorder::new(Settings::in_folder(folder.path())).is_err());

    let folder = tempfile::tempdir().unwrap();
    let log = Log::new(Recorder::new(Settings::in_folder(folder.path())).unwrap());
    fs::remove_dir(folder.path().join("bodies")).unwrap();
    assert!(log.body(b"hello").is_some(), "the run goes on");
    assert!(matches!(log.finish(), Err(FolderError::Io { .. })));
}

#[test]
fn the_oldest_runs_make_room() {
    let base = tempfile::tempdir().unwrap();
    let runs = Runs::new(base.path().join("runs"));
    assert_eq!(runs.list().unwrap(), vec![]);
    for n in 0..Runs::KEPT + 3 {
        let writing = runs.create(&format!("{n:02}ab"), &RunLabel::default()).unwrap();
        Recorder::new(Settings::in_folder(&writing.run.path)).unwrap();
    }
    let list = runs.list().unwrap();
    assert_eq!(list.len(), Runs::KEPT);
    assert_eq!(list[0].id, "03ab");
    assert_eq!(runs.find("latest").unwrap().id, "22ab");
    assert_eq!(runs.find("07").unwrap().number, 8);
    assert!(
        matches!(runs.find("1"), Err(FolderError::ManyRuns { found, .. }) if found.len() == 10)
    );
    assert!(matches!(runs.find("zz"), Err(FolderError::NoRun { .. })));
    assert_eq!(runs.create("22ab", &RunLabel::default()).unwrap().run.id, "22abx");
}

/// By bytes as well as by number, and never the run that is being read.
#[test]
fn large_runs_make_room_too() {
    let base = tempfile::tempdir().unwrap();
    let runs = Runs::new(base.path()).with_room(10_000);
    let keep = |runs: &Runs, id: &str| {
        let writing = runs.create(id, &RunLabel::default()).unwrap();
        std::fs::write(writing.run.path.join("record.jsonl"), [b'x'; 4_000]).unwrap();
        writing.run.path.clone()
    };
    let ids = |runs: &Runs| -> Vec<String> {
        runs.list().unwrap().into_iter().map(|run| run.id).collect()
    };
    let read = keep(&runs, "aaaa");
    for id in ["bbbb", "cccc"] {
        keep(&runs, id);
    }
    // There is room for two, and each new run finds those before it.
    assert_eq!(ids(&runs), ["aaaa", "bbbb", "cccc"]);
    keep(&runs.clone().sparing(Some(&read)), "dddd");
    keep(&runs.clone().sparing(Some(&read)), "eeee");
    assert!(ids(&runs).contains(&"aaaa".to_owned()), "{:?}", ids(&runs));
    keep(&runs, "ffff");
    assert_eq!(ids(&runs), ["dddd", "eeee", "ffff"]);
    keep(&runs.with_room(0), "gggg");
    assert_eq!(
        ids(&Runs::new(base.path())),
        ["ffff", "gggg"],
        "the newest stays, whatever its size"
    );
}

#[test]
fn what_is_written_or_pinned_is_not_removed() {
    let base = tempfile::tempdir().unwrap();
    let runs = Runs::new(base.path());
    let label = RunLabel { name: Some("monday".into()), pinned: true };
    drop(runs.create("aaaa", &label).unwrap());
    let writing = runs.create("bbbb", &RunLabel::default()).unwrap();
    for n in 0..Runs::KEPT + 3 {
        runs.create(&format!("{n:04}"), &RunLabel::default()).unwrap();
    }
    assert!(writing.run.is_being_written() && writing.run.path.is_dir());
    let monday = runs.find("monday").unwrap();
    assert_eq!((monday.id.as_str(), monday.is_pinned()), ("aaaa", true));
    drop(writing);
    assert!(!runs.find("bbbb").unwrap().is_being_written());
    runs.create("cccc", &RunLabel::default()).unwrap();
    assert!(
        matches!(runs.find("bbbb"), Err(FolderError::NoRun { .. })),
        "the oldest, now it is done"
    );
    monday.delete().unwrap();
    monday.delete().unwrap();
}

#[test]
fn what_is_read_is_not_removed() {
    let base = tempfile::tempdir().unwrap();
    let runs = Runs::new(base.path());
    let keep = |id: &str| {
        let writing = runs.create(id, &RunLabel::default()).unwrap();
        std::fs::write(writing.run.path.join("record.jsonl"), "{}").unwrap();
    };
    keep("aaaa");
    let reading = Folder::open(runs.find("aaaa").unwrap().path).unwrap();
    let many = |from: usize| (0..Runs::KEPT + 3).for_each(|n| keep(&format!("{:04x}", from + n)));
    many(0);
    assert!(runs.find("aaaa").is_ok(), "another process would read it to its end");
    drop(reading);
    many(100);
    assert!(matches!(runs.find("aaaa"), Err(FolderError::NoRun { .. })));
}

#[test]
fn many_at_a_time_neither_meet_nor_remove_each_other() {
    let base = tempfile::tempdir().unwrap();
    let runs = Runs::new(base.path());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let runs = runs.clone();
            scope.spawn(move || {
                for n in 0..40 {
                    let writing = runs.create("same", &RunLabel::default()).unwrap();
                    let file = writing.run.path.join("record.jsonl");
                    std::fs::write(&file, format!("{thread} {n}")).unwrap();
                    assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("{thread} {n}"));
                }
            });
        }
    });
    let kept = runs.list().unwrap();
    assert!(kept.len() >= Runs::KEPT && kept.len() < Runs::KEPT + 8, "{}", kept.len());
}

#[test]
fn a_bulk_run_keeps_frames_and_no_event_for_each() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        memory: true,
        frame_events: false,
        snaplen: Some(54),
        ..Settings::in_folder(folder.path())
    };
    let mut log = Log::new(Recorder::new(settings).unwrap());
    log.host("client", Role::Client, &[]);
    log.interface(HostId(0), "eth0", "02:00:00:00:00:01", &[]);
    let (before, frame) = (log.events().len(), [0xAB; 1514]);
    for what in common::samples("x") {
        if matches!(what, What::TcpSegment(_) | What::TcpCongestion(_)) {
            assert_eq!(log.emit(Time::ZERO, None, || what), None);
            log.frame(Time::ZERO, None, InterfaceId(0), Direction::Sent, &frame);
        }
    }
    log.finish().unwrap();
    assert_eq!(log.events().len(), before);
    let capture = fs::read(Folder::open(folder.path()).unwrap().capture().unwrap()).unwrap();
    let packets = capture
        .windows(12)
        .filter(|bytes| *bytes == [54, 0, 0, 0, 0xEA, 5, 0, 0, 0xAB, 0xAB, 0xAB, 0xAB]);
    assert_eq!(packets.count(), 3, "cut to 54 bytes of 1514");
}
