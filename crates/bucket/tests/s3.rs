//! An object store that speaks S3, at `AWS_ENDPOINT_URL` with a bucket `sweep` (.ci/checks/sweep-engines starts one).

use std::sync::Barrier;

use roundtrip_bucket::{Bucket, Put, is_url};

#[test]
fn an_object_is_written_once_and_read_back() {
    let bucket = Bucket::open("s3://sweep/a/b/").expect("a store");
    assert_eq!(bucket.get("one").expect("a store"), None);
    assert_eq!(bucket.put_new("one", b"first".to_vec()).expect("a store"), Put::Written);
    assert_eq!(bucket.put_new("one", b"second".to_vec()).expect("a store"), Put::WasThere);
    assert_eq!(bucket.get("one").expect("a store"), Some(b"first".to_vec()));
    bucket.replace("one", b"third".to_vec()).expect("a store");
    assert_eq!(bucket.get("one").expect("a store"), Some(b"third".to_vec()));
    bucket.put_new("another", vec![7; 3 << 20]).expect("a store");
    assert_eq!(bucket.get("another").expect("a store").map(|bytes| bytes.len()), Some(3 << 20));
    Bucket::open("s3://sweep/a/b/c").expect("a store").put_new("deeper", vec![1]).expect("a store");
    assert_eq!(bucket.list().expect("a store"), ["another", "one"]);
}

#[test]
fn of_many_writers_one_wins() {
    let barrier = Barrier::new(8);
    let won: usize = std::thread::scope(|scope| {
        let writers = (0..8_u8).map(|number| {
            let barrier = &barrier;
            scope.spawn(move || {
                let bucket = Bucket::open("s3://sweep/race").expect("a store");
                barrier.wait();
                let put = bucket.put_new("object", vec![number; 1000]).expect("a store");
                usize::from(put == Put::Written)
            })
        });
        let writers: Vec<_> = writers.collect();
        writers.into_iter().map(|writer| writer.join().expect("no panic")).sum()
    });
    assert_eq!(won, 1);
}

#[test]
fn what_is_no_store_is_refused() {
    assert!(is_url("s3://a/b") && !is_url("a/b"));
    assert!(Bucket::open("file:///a").is_err());
    let nowhere = Bucket::open("s3://no-such-bucket/x").expect("a name");
    let error = nowhere.put_new("one", vec![1]).expect_err("there is none").to_string();
    assert!(error.starts_with("s3://no-such-bucket/x/one: "), "{error}");
}
