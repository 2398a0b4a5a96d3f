//! Whatever a link does to frames, the bytes arrive as they were sent or the end is an error.

use std::net::SocketAddr;

use roundtrip_lab::transfer::{Neighbours, Programs, Transfer};
use roundtrip_lab::{Internet, Net, Seed, Settings};
use roundtrip_record::{Log, Role};
use roundtrip_wire::{Listener as _, Wire as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const BYTES: usize = 60_000;

/// One download with the seed; answers whether all bytes came. Wrong bytes fail at once.
fn download(net: &str, seed: u64) -> bool {
    let net: Net = net.parse().unwrap();
    let mut internet = Internet::new(Settings::new(net, Seed::new(seed), Log::off()));
    let at = SocketAddr::new(Internet::web_address(0).into(), 80);
    let server = internet.add_server("www", Role::WebServer, at.ip());
    let sent: Vec<u8> = (0..BYTES).map(|at| (at * 31 % 253) as u8).collect();
    let bytes = sent.clone();
    let mut listener = server.listen(at).unwrap();
    let serve = async move {
        while let Ok(mut stream) = listener.accept().await {
            let _ = stream.write_all(&bytes).await;
        }
    };
    server.spawn(serve).detach();
    let client = internet.client().clone();
    let work = async move {
        let mut stream = client.connect(at, None, None).await.ok()?;
        let mut received = Vec::new();
        let end = stream.read_to_end(&mut received).await;
        assert!(sent.starts_with(&received), "wrong bytes with seed {seed}");
        end.ok().filter(|_| received.len() == sent.len())
    };
    internet.lab().run_until(work).unwrap().is_some()
}

#[test]
fn bytes_survive_every_fault() {
    let mut complete = 0;
    for seed in 0..200 {
        // What passes the checksums of neither card, IP nor TCP is dropped by the stacks.
        let fcs = if seed % 2 == 0 { "on" } else { "off" };
        let net = format!("cable,loss=3%,reorder=3%,duplicate=3%,corrupt=3%,fcs={fcs}");
        complete += u32::from(download(&net, seed));
    }
    assert!(complete >= 195, "{complete} of 200 came to their end");
}

#[test]
fn a_transfer_repeats_and_differs_with_its_seed() {
    let runs = |seed| {
        let net = "down=20Mbit,up=5Mbit,rtt=40ms,queue=100p,loss=2%".parse().unwrap();
        let transfer = Transfer {
            parallel: 3,
            runs: 3,
            seed: Seed::new(seed),
            neighbours: Neighbours::Cold,
            ..Transfer::new(net, 100_000)
        };
        let mut runs = Vec::new();
        transfer.carry_out(|run| runs.push(run)).unwrap();
        runs
    };
    let first = runs(1);
    assert_eq!(first, runs(1));
    assert_ne!(first, runs(2));
    assert!(first[0].connect_ms > first[1].connect_ms, "the first run asks with ARP");
    assert!(first.iter().map(|run| run.lost).sum::<u64>() > 0);
}

/// The link's arithmetic to the nanosecond.
#[test]
fn an_idle_link_takes_its_time_and_no_more() {
    let net = "down=20Mbit,up=5Mbit,rtt=40ms".parse().unwrap();
    let mut runs = Vec::new();
    let programs = Programs::INSTANT;
    let transfer = Transfer { programs, ..Transfer::new(net, 3_000) };
    transfer.carry_out(|run| runs.push(run)).unwrap();
    // SYN and SYN-ACK are 74 bytes each way: 74·8/5 Mbit/s and 74·8/20 Mbit/s.
    assert_eq!(format!("{:.6}", runs[0].connect_ms), "40.148000");
}
