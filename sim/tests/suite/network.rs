//! Byte streams, and what may happen to them.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use detcd_node::runtime::{Connection, Listener, Network};
use openraft_rt::{AsyncRuntime, Instant};
use sim::network::{Farewell, LinkOptions, NetworkOptions};
use sim::random::Source;
use sim::{Host, SimInstant, SimRuntime, Stream, Trace, World, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

type R = SimRuntime;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

struct Pair {
    world: World,
    client: Host,
    server: Host,
}

impl Pair {
    fn new() -> Self {
        let world = World::new(Trace::default(), NetworkOptions::default());
        let client = world.host("client", "10.0.0.1");
        let server = world.host("server", "10.0.0.2");
        for host in [&client, &server] {
            host.start(|_| std::future::pending());
        }
        Self { world, client, server }
    }

    async fn listen(&self) -> Box<dyn Listener> {
        self.server.network().listen("0.0.0.0:2379").await.expect("the port is free")
    }

    async fn connect(&self) -> (Connection, Connection) {
        let listener = self.listen().await;
        let client = self.client.network().connect("server:2379").await.expect("it listens");
        let (server, _) = listener.accept().await.expect("somebody connected");
        (client, server)
    }

    fn cut(&self) {
        self.world.network().cut(self.client.id(), self.server.id());
    }

    fn heal(&self) {
        self.world.network().heal(self.client.id(), self.server.id());
    }
}

fn simulate<F: Future<Output = ()> + 'static>(test: fn(Pair) -> F) {
    for seed in 0..5 {
        run(seed, move || test(Pair::new()));
    }
}

#[test]
fn bytes_arrive_in_order_after_the_latency_and_end_with_the_end() {
    simulate(|pair| async move {
        let (mut client, mut server) = pair.connect().await;
        let begin = SimInstant::now();
        for byte in 0..100u8 {
            client.write_all(&[byte]).await.unwrap();
            client.flush().await.unwrap();
            R::sleep(MILLISECOND).await;
        }
        client.shutdown().await.unwrap();
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, (0..100).collect::<Vec<u8>>());
        assert!(begin.elapsed() >= 100 * MILLISECOND);
        // The other direction is still open.
        server.write_all(b"thanks").await.unwrap();
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "thanks");
    });
}

#[test]
fn addresses_are_names_or_numbers_and_a_port_is_bound_once() {
    simulate(|pair| async move {
        let listener = pair.listen().await;
        assert_eq!(listener.local_address(), "0.0.0.0:2379");
        let network = pair.server.network();
        let error = |result: std::io::Result<Box<dyn Listener>>| result.err().map(|e| e.kind());
        assert_eq!(error(network.listen("server:2379").await), Some(ErrorKind::AddrInUse));
        assert_eq!(error(network.listen("client:1").await), Some(ErrorKind::AddrNotAvailable));
        let any = network.listen("10.0.0.2:0").await.unwrap();
        assert!(any.local_address().starts_with("10.0.0.2:32"), "{}", any.local_address());
        pair.client.network().connect("10.0.0.2:2379").await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert!(peer.starts_with("10.0.0.1:"), "{peer}");
        network.connect("localhost:2379").await.unwrap();
        assert!(network.connect("nowhere:2379").await.is_err());
        drop(listener);
        let refused = network.connect("localhost:2379").await.err().map(|e| e.kind());
        assert_eq!(refused, Some(ErrorKind::ConnectionRefused));
    });
}

#[test]
fn a_sender_is_held_back_until_the_reader_reads() {
    simulate(|pair| async move {
        let (mut client, mut server) = pair.connect().await;
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        let sender = pair.client.spawn(async move {
            for _ in 0..1000 {
                client.write_all(&[7; 1024]).await.unwrap();
                count.fetch_add(1024, Ordering::Relaxed);
            }
        });
        R::sleep(10 * SECOND).await;
        assert_eq!(sent.load(Ordering::Relaxed), 256 << 10);
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        sender.await.unwrap();
        assert_eq!(received.len(), 1024 * 1000);
    });
}

#[test]
fn what_is_sent_into_a_cut_link_arrives_in_order_after_it_is_healed() {
    simulate(|pair| async move {
        let (mut client, mut server) = pair.connect().await;
        client.write_all(b"a").await.unwrap();
        pair.cut();
        client.write_all(b"b").await.unwrap();
        R::sleep(MILLISECOND).await;
        client.write_all(b"c").await.unwrap();
        // The other direction works, and what was under way arrives.
        server.write_all(b"!").await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), b'!');
        assert_eq!(server.read_u8().await.unwrap(), b'a');
        assert!(R::timeout(60 * SECOND, server.read_u8()).await.is_err());
        pair.heal();
        client.write_all(b"d").await.unwrap();
        drop(client);
        let mut rest = String::new();
        server.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "bcd");
    });
}

#[test]
fn a_sender_without_acknowledgements_is_held_back() {
    simulate(|pair| async move {
        let (mut client, mut server) = pair.connect().await;
        pair.cut();
        let sender = pair.server.spawn(async move { server.write_all(&[1; 300 << 10]).await });
        let mut received = vec![0; 256 << 10];
        client.read_exact(&mut received).await.unwrap();
        assert!(R::timeout(SECOND, client.read_u8()).await.is_err());
        pair.heal();
        client.read_exact(&mut received[..44 << 10]).await.unwrap();
        sender.await.unwrap().unwrap();
    });
}

#[test]
fn connecting_over_a_cut_link_times_out_or_waits_for_the_next_retry() {
    simulate(|pair| async move {
        let _listener = pair.listen().await;
        pair.cut();
        let network = pair.client.network();
        let begin = SimInstant::now();
        let error = network.connect("server:2379").await.err().map(|e| e.kind());
        assert_eq!(error, Some(ErrorKind::TimedOut));
        assert_eq!(begin.elapsed().as_secs(), 20);
        // The way back is no better: the answer is lost.
        pair.heal();
        pair.world.network().cut(pair.server.id(), pair.client.id());
        assert!(R::timeout(2 * SECOND, network.connect("server:2379")).await.is_err());
        let waiting = pair.client.spawn(async move { network.connect("server:2379").await });
        R::sleep(5 * SECOND).await;
        pair.world.network().heal_all();
        let begin = SimInstant::now();
        waiting.await.unwrap().unwrap();
        assert!(begin.elapsed() > SECOND);
    });
}

#[test]
fn a_clogged_link_delivers_everything_afterwards() {
    simulate(|pair| async move {
        let (mut client, mut server) = pair.connect().await;
        client.write_all(b"a").await.unwrap();
        let begin = SimInstant::now();
        pair.world.network().clog(pair.client.id(), pair.server.id(), 3 * SECOND);
        client.write_all(b"b").await.unwrap();
        let mut both = [0; 2];
        server.read_exact(&mut both).await.unwrap();
        assert_eq!(&both, b"ab");
        assert!(begin.elapsed() >= 3 * SECOND);
        assert!(begin.elapsed() < 4 * SECOND);
    });
}

#[test]
fn a_reset_reaches_both_ends_and_a_writer_that_is_held_back() {
    simulate(|pair| async move {
        let (mut client, mut server) = pair.connect().await;
        let writer = pair.client.spawn(async move { client.write_all(&[0; 1 << 20]).await });
        R::sleep(SECOND).await;
        pair.world.network().reset_connections(pair.server.id(), pair.client.id());
        let error = writer.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(server.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn the_peers_of_a_killed_process_are_told() {
    simulate(|pair| async move {
        let (mut client, mut server) = pair.connect().await;
        client.write_all(b"x").await.unwrap();
        server.read_u8().await.unwrap();
        pair.server.kill(Farewell::Closed);
        assert_eq!(client.read_u8().await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        client.write_all(b"y").await.unwrap();
        R::sleep(SECOND).await;
        assert_eq!(client.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        let refused = pair.client.network().connect("server:2379").await.err();
        assert_eq!(refused.map(|e| e.kind()), Some(ErrorKind::ConnectionRefused));
    });
}

#[test]
fn a_reset_that_was_lost_in_a_cut_link_is_repeated_after_it_is_healed() {
    simulate(|pair| async move {
        let (mut client, server) = pair.connect().await;
        let writer = pair.client.spawn(async move { client.write_all(&[0; 1 << 20]).await });
        pair.world.network().cut(pair.server.id(), pair.client.id());
        R::sleep(SECOND).await;
        drop(server);
        R::sleep(60 * SECOND).await;
        assert!(!writer.is_finished());
        pair.world.network().heal_all();
        let error = R::timeout(SECOND, writer).await.expect("it is told").unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_vanished_host_leaves_its_peers_half_open_until_it_is_back() {
    simulate(|pair| async move {
        let (mut client, server) = pair.connect().await;
        pair.server.power_loss();
        drop(server);
        client.write_all(b"x").await.unwrap();
        assert!(R::timeout(600 * SECOND, client.read_u8()).await.is_err());
        pair.server.restart();
        let error = R::timeout(SECOND, client.read_u8()).await.expect("it is told").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn bandwidth_and_loss_delay_what_is_sent() {
    simulate(|pair| async move {
        let (mut client, mut server) = pair.connect().await;
        let link = LinkOptions { bandwidth: Some(10_000), ..LinkOptions::default() };
        pair.world.network().set_link(pair.client.id(), pair.server.id(), link);
        let begin = SimInstant::now();
        client.write_all(&[0; 50_000]).await.unwrap();
        server.read_exact(&mut [0; 50_000]).await.unwrap();
        assert_eq!(begin.elapsed().as_secs(), 5);
        let link = LinkOptions { loss_per_million: 1_000_000, ..LinkOptions::default() };
        pair.world.network().set_link(pair.client.id(), pair.server.id(), link);
        let begin = SimInstant::now();
        client.write_all(&[0; 1]).await.unwrap();
        server.read_u8().await.unwrap();
        assert!(begin.elapsed() > 12 * SECOND);
    });
}

#[test]
fn a_partition_separates_groups_and_heals_within_them() {
    simulate(|pair| async move {
        let (a, b) = (pair.client.id(), pair.server.id());
        let (mut client, mut server) = pair.connect().await;
        pair.world.network().partition(&[&[a], &[b]]);
        client.write_all(b"x").await.unwrap();
        assert!(R::timeout(SECOND, server.read_u8()).await.is_err());
        pair.world.network().partition(&[&[a, b]]);
        assert_eq!(server.read_u8().await.unwrap(), b'x');
    });
}

/// Sends numbered words at odd moments and in odd portions, until the connection breaks.
async fn send_words(mut stream: Connection, mut source: Source, count: u32) {
    let mut next = 0;
    while next < count {
        let portion = 1 + u32::try_from(source.draw().below(5000)).expect("it is small");
        let end = count.min(next + portion);
        let bytes: Vec<u8> = (next..end).flat_map(u32::to_le_bytes).collect();
        stream.write_all(&bytes).await.expect("nobody resets it");
        next = end;
        R::sleep(source.draw().duration(&(MILLISECOND..10 * MILLISECOND))).await;
    }
}

#[test]
fn what_arrives_is_what_was_sent_whatever_happens_to_the_links() {
    for seed in 0..30 {
        run(seed, || async {
            let pair = Pair::new();
            let streams = pair.world.streams();
            let (client, server) = pair.connect().await;
            let count = 200_000;
            let sender = send_words(client, streams.source(Stream::Workload, "words"), count);
            let sender = pair.client.spawn(sender);
            let receiver = pair.server.spawn(async move {
                let mut server = tokio::io::BufReader::new(server);
                for expected in 0..count {
                    let mut word = [0; 4];
                    server.read_exact(&mut word).await.expect("nobody resets it");
                    assert_eq!(u32::from_le_bytes(word), expected);
                }
                assert_eq!(server.read(&mut [0]).await.expect("nobody resets it"), 0);
            });
            let (mut faults, network) =
                (streams.source(Stream::Fault, "links"), pair.world.network());
            for _ in 0..50 {
                R::sleep(faults.draw().duration(&(MILLISECOND..20 * MILLISECOND))).await;
                let hosts = [pair.client.id(), pair.server.id()];
                let from = usize::try_from(faults.draw().below(2)).expect("below 2");
                let (from, to) = (hosts[from], hosts[1 - from]);
                match faults.draw().below(4) {
                    0 => network.cut(from, to),
                    1 => network.clog(from, to, 10 * MILLISECOND),
                    2 => network.heal(from, to),
                    _ => {
                        let options = LinkOptions {
                            loss_per_million: 50_000,
                            bandwidth: Some(1 << (20 + faults.draw().below(10))),
                            ..LinkOptions::default()
                        };
                        network.set_link(from, to, options);
                    }
                }
            }
            network.heal_all();
            sender.await.expect("it is not cancelled");
            let received = R::timeout(60 * SECOND, receiver).await;
            received.expect("everything arrives once all is healed").expect("it is not cancelled");
        });
    }
}

#[test]
fn a_connection_that_was_forgotten_is_silent_until_an_end_gives_it_up() {
    simulate(|pair| async move {
        let listener = pair.listen().await;
        let mut client = pair.client.network().connect("server:2379").await.expect("it listens");
        let (mut server, _) = listener.accept().await.expect("somebody connected");
        let network = pair.world.network();
        let (one, other) = (pair.client.id(), pair.server.id());
        assert_eq!(network.silence(one, other), 1);
        client.write_all(b"lost").await.expect("nobody is told");
        server.write_all(b"heard").await.expect("the other direction works");
        let mut heard = [0; 5];
        client.read_exact(&mut heard).await.expect("it arrives");
        let mut buffer = [0; 4];
        let waited = R::timeout(60 * SECOND, server.read(&mut buffer)).await;
        assert!(waited.is_err(), "nothing arrives, and no reset");
        assert_eq!(network.half_open_count(other, one), 1);
        // Healing links mends nothing, and a new connection needs no mending.
        network.heal_all();
        let mut again = pair.client.network().connect("server:2379").await.expect("it listens");
        let (mut accepted, _) = listener.accept().await.expect("somebody connected");
        again.write_all(b"word").await.expect("it is new");
        accepted.read_exact(&mut buffer).await.expect("it arrives");
        drop(client);
        assert_eq!(network.half_open_count(one, other), 0);
        assert!(R::timeout(60 * SECOND, server.read(&mut buffer)).await.is_err());
    });
}

#[test]
fn who_gives_up_silent_connections_leaves_the_others_alone() {
    simulate(|pair| async move {
        let listener = pair.listen().await;
        let network = pair.world.network();
        let (one, other) = (pair.client.id(), pair.server.id());
        let mut forgotten = pair.client.network().connect("server:2379").await.expect("it listens");
        let (mut listening, _) = listener.accept().await.expect("somebody connected");
        assert_eq!(network.silence(one, other), 1);
        let mut whole = pair.client.network().connect("server:2379").await.expect("it listens");
        let (mut served, _) = listener.accept().await.expect("somebody connected");
        network.reset_half_open(one, other);
        let mut buffer = [0; 4];
        for told in [forgotten.read(&mut buffer).await, listening.read(&mut buffer).await] {
            assert_eq!(told.expect_err("it is over").kind(), ErrorKind::ConnectionReset);
        }
        whole.write_all(b"word").await.expect("nothing happened to it");
        served.read_exact(&mut buffer).await.expect("it arrives");
    });
}

#[test]
fn what_waits_for_a_narrow_link_leaves_when_it_becomes_wide() {
    simulate(|pair| async move {
        let (mut client, mut server) = pair.connect().await;
        let network = pair.world.network();
        let (from, to) = (pair.client.id(), pair.server.id());
        let narrow = LinkOptions { bandwidth: Some(1_000), ..LinkOptions::default() };
        network.set_link(from, to, narrow);
        client.write_all(&[7; 100_000]).await.expect("the window is larger");
        let start = SimInstant::now();
        let reading = R::spawn(async move {
            server.read_exact(&mut vec![0; 100_000]).await.expect("everything arrives");
        });
        R::sleep(SECOND).await;
        network.set_link(from, to, LinkOptions::default());
        reading.await.expect("it reads");
        let took = SimInstant::now() - start;
        assert!(took < SECOND + 10 * MILLISECOND, "{took:?}");
    });
}
