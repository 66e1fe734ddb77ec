// rust-rdkafka as a member of a group. See tests/clients/README.md.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::io::{BufRead, Write};
use std::pin::pin;
use std::sync::mpsc::{channel, Receiver};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaResult;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const POLL: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(10);

type Options = HashMap<String, String>;
type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Each line with the member's name, all in one write: the output's file has several writers.
fn say(options: &Options, lines: &[String]) {
    let text: String = lines.iter().map(|line| format!("{} {line}\n", options["name"])).collect();
    std::io::stdout().lock().write_all(text.as_bytes()).unwrap();
}

struct Owner {
    options: Options,
    owned: Mutex<BTreeSet<i32>>,
    /// What was read and is not known to be committed: a group that rebalances refuses it, and then it is tried again.
    pending: Mutex<BTreeMap<i32, i64>>,
}

impl Owner {
    fn committed(&self, offsets: &TopicPartitionList) {
        say(&self.options, &positions("committed", offsets));
        let mut pending = self.pending.lock().unwrap();
        for element in offsets.elements() {
            if pending.get(&element.partition()).copied() == element.offset().to_raw() {
                pending.remove(&element.partition());
            }
        }
    }
}

impl ClientContext for Owner {}

impl ConsumerContext for Owner {
    // Before librdkafka is told, and so before the group learns of it.
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let mut owned = self.owned.lock().unwrap();
        match rebalance {
            Rebalance::Assign(list) => owned.extend(list.elements().iter().map(|e| e.partition())),
            Rebalance::Revoke(list) => {
                let mut pending = self.pending.lock().unwrap();
                for element in list.elements() {
                    owned.remove(&element.partition());
                    pending.remove(&element.partition());
                }
            }
            Rebalance::Error(_) => return,
        }
        let numbers: Vec<String> = owned.iter().map(|p| p.to_string()).collect();
        let text = if numbers.is_empty() { "-".to_string() } else { numbers.join(",") };
        say(&self.options, &[format!("owns {text}")]);
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        if result.is_ok() && self.options["commit"] == "async" {
            self.committed(offsets);
        }
    }
}

fn positions(word: &str, list: &TopicPartitionList) -> Vec<String> {
    list.elements()
        .iter()
        .filter_map(|e| e.offset().to_raw().filter(|o| *o >= 0).map(|o| (e.partition(), o)))
        .map(|(partition, offset)| format!("{word} {partition} {offset}"))
        .collect()
}

fn partitions(options: &Options) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition_range(&options["topic"], 0, options["partitions"].parse::<i32>().unwrap() - 1);
    list
}

fn settings(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &options["bootstrap"])
        .set("group.id", &options["group"])
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", "100");
    if !options["instance"].is_empty() {
        config.set("group.instance.id", &options["instance"]);
    }
    if options["protocol"] == "consumer" {
        config.set("group.protocol", "consumer");
    } else {
        config
            .set("session.timeout.ms", &options["session"])
            .set("heartbeat.interval.ms", "500")
            .set("partition.assignment.strategy", &options["protocol"]);
    }
    config
}

/// All messages that are there: their lines, and the offsets after them.
fn batch(consumer: &BaseConsumer<Owner>) -> (Vec<String>, BTreeMap<i32, i64>, Vec<String>) {
    let (mut lines, mut ends, mut said, mut wait) = (vec![], BTreeMap::new(), vec![], POLL);
    while let Some(message) = consumer.poll(wait) {
        match message {
            Ok(message) => {
                lines.push(format!("record {} {}", message.partition(), message.offset()));
                ends.insert(message.partition(), message.offset() + 1);
            }
            Err(error) => said.push(format!("said {error}")),
        }
        wait = Duration::ZERO;
        if lines.len() == 500 {
            break;
        }
    }
    (lines, ends, said)
}

fn consume(options: &Options, commands: &Receiver<String>) -> Outcome {
    let owner = Owner { options: options.clone(), owned: Mutex::default(), pending: Mutex::default() };
    let consumer: BaseConsumer<Owner> = settings(options).create_with_context(owner)?;
    consumer.subscribe(&[&options["topic"]])?;
    loop {
        match commands.try_recv().as_deref() {
            Ok("leave") => break,
            Ok(_) => {
                let found = consumer.committed_offsets(partitions(options), PATIENCE)?;
                say(options, &positions("fetched", &found));
                say(options, &["fetched".to_string()]);
            }
            Err(_) => {}
        }
        let (lines, ends, said) = batch(&consumer);
        say(options, &said);
        say(options, &lines);
        let owner = consumer.context();
        owner.pending.lock().unwrap().extend(ends);
        let mut offsets = TopicPartitionList::new();
        for (partition, end) in owner.pending.lock().unwrap().iter() {
            offsets.add_partition_offset(&options["topic"], *partition, Offset::Offset(*end))?;
        }
        if offsets.count() > 0 && options["commit"] == "async" {
            consumer.commit(&offsets, CommitMode::Async)?;
        } else if offsets.count() > 0 {
            match consumer.commit(&offsets, CommitMode::Sync) {
                Ok(()) => owner.committed(&offsets),
                Err(error) => say(options, &[format!("not committed {error}")]),
            }
        }
    }
    drop(consumer); // Leaves the group.
    say(options, &["left".to_string()]);
    Ok(())
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What the future comes to; the crate's administration is asynchronous, and there is nothing else to do here.
fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

fn administer(options: &Options) -> Outcome {
    let consumer: BaseConsumer = settings(options).create()?;
    // It asks for the states by the classic protocol's request, which calls the other's groups dead.
    let consumers = options["protocol"] == "consumer";
    for group in consumer.fetch_group_list(None, PATIENCE)?.groups() {
        let state = if consumers { "-" } else { group.state() };
        say(options, &[format!("listed {} {state}", group.name())]);
    }
    if consumers {
        say(options, &["cannot describe".to_string()]);
    } else {
        for group in consumer.fetch_group_list(Some(&options["live"]), PATIENCE)?.groups() {
            let members = group.members().len();
            say(options, &[format!("described {} {} {members} -", group.name(), group.state())]);
        }
    }
    say(options, &positions("offset", &consumer.committed_offsets(partitions(options), PATIENCE)?));
    let lacking = ["alter", "delete-offsets", "remove-member"].map(|what| format!("cannot {what}"));
    say(options, &lacking);
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &options["bootstrap"]).create()?;
    for deleted in wait(admin.delete_groups(&[&options["group"]], &AdminOptions::new()))? {
        deleted.map_err(|(group, code)| format!("{group}: {code}"))?;
    }
    for group in consumer.fetch_group_list(None, PATIENCE)?.groups() {
        say(options, &[format!("still {}", group.name())]);
    }
    say(options, &["left".to_string()]);
    Ok(())
}

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    let mut options: Options = arguments[3..]
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    options.insert("bootstrap".to_string(), arguments[1].clone());
    let (sender, commands) = channel();
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
        let _ = sender.send("leave".to_string());
    });
    if arguments[2] == "member" {
        consume(&options, &commands)
    } else {
        administer(&options)
    }
}
