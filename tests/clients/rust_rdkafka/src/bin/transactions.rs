// rust-rdkafka with transactions. See tests/clients/README.md.
use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::sync::mpsc::{channel, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const POLL: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(30);

/// Keeps the first error of what was sent since it was asked for.
#[derive(Clone, Default)]
struct Deliveries(Arc<Mutex<Option<KafkaError>>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if let Err((error, _)) = result {
            self.0.lock().unwrap().get_or_insert(error.clone());
        }
    }
}

type Transactional = ThreadedProducer<Deliveries>;

struct Worker {
    options: HashMap<String, String>,
    deliveries: Deliveries,
    producer: Option<Transactional>,
    commands: Receiver<String>,
}

/// As long as the client says that it is worth it.
fn again(mut call: impl FnMut() -> KafkaResult<()>) -> KafkaResult<()> {
    loop {
        match call() {
            Err(KafkaError::Transaction(error)) if error.is_retriable() => continue,
            outcome => return outcome,
        }
    }
}

fn numbers(partitions: &TopicPartitionList) -> Vec<(i32, Offset)> {
    partitions.elements().iter().map(|e| (e.partition(), e.offset())).collect()
}

impl Worker {
    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.options["bootstrap"]);
        config
    }

    fn consumer(&self, group: &str, more: &[(&str, &str)]) -> KafkaResult<BaseConsumer> {
        let mut config = self.config();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .set("fetch.wait.max.ms", "100");
        more.iter().for_each(|(name, value)| drop(config.set(*name, *value)));
        config.create()
    }

    fn producer(&self) -> &Transactional {
        self.producer.as_ref().unwrap()
    }

    fn init(&mut self) -> KafkaResult<()> {
        self.deliveries = Deliveries::default();
        let producer: Transactional = self
            .config()
            .set("transactional.id", &self.options["id"])
            .set("transaction.timeout.ms", &self.options["timeout"])
            .create_with_context(self.deliveries.clone())?;
        again(|| producer.init_transactions(PATIENCE))?;
        self.producer = Some(producer);
        Ok(())
    }

    fn produce(&self, topic: &str, partition: i32, value: &[u8]) -> KafkaResult<()> {
        let record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(value);
        self.producer().send(record).map_err(|(error, _)| error)
    }

    fn send(&self, topic: &str, partition: i32, value: &str, count: i64) -> KafkaResult<()> {
        (0..count).try_for_each(|i| self.produce(topic, partition, format!("{value}.{i}").as_bytes()))
    }

    fn acknowledged(&self) -> KafkaResult<()> {
        self.producer().flush(PATIENCE)?;
        self.deliveries.0.lock().unwrap().take().map_or(Ok(()), Err)
    }

    fn offsets(&self, group: &str, topic: &str, partition: i32, offset: i64) -> KafkaResult<()> {
        // The metadata of a group is to be had from a consumer only; this one is no member.
        let consumer = self.consumer(group, &[])?;
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        self.send_offsets(&consumer, &offsets)
    }

    fn send_offsets(&self, consumer: &BaseConsumer, offsets: &TopicPartitionList) -> KafkaResult<()> {
        let group = consumer.group_metadata().unwrap();
        again(|| self.producer().send_offsets_to_transaction(offsets, &group, PATIENCE))
    }

    fn commit(&self) -> KafkaResult<()> {
        again(|| self.producer().commit_transaction(PATIENCE))?;
        self.acknowledged()
    }

    fn abort(&self) -> KafkaResult<()> {
        let outcome = again(|| self.producer().abort_transaction(PATIENCE));
        self.deliveries.0.lock().unwrap().take();
        outcome
    }

    /// All values up to the mark of each partition.
    fn read(&self, level: &str, topic: &str, partitions: i32, mark: &str) -> KafkaResult<String> {
        let consumer = self.consumer("unused", &[("isolation.level", &format!("read_{level}"))])?;
        let mut assigned = TopicPartitionList::new();
        for partition in 0..partitions {
            assigned.add_partition_offset(topic, partition, Offset::Offset(0))?;
        }
        consumer.assign(&assigned)?;
        let (mut values, mut left) = (Vec::new(), partitions);
        while left > 0 {
            if let Some(message) = consumer.poll(POLL) {
                let message = message?;
                let value = String::from_utf8_lossy(message.payload().unwrap_or_default()).to_string();
                left -= i32::from(value == mark);
                values.push(format!("{}/{value}", message.partition()));
            }
        }
        Ok(values.join(" "))
    }

    /// Copies the input to the output, a transaction for each poll, until the next command.
    fn transform(&mut self, group: &str, input: &str, output: &str, protocol: &str) -> KafkaResult<()> {
        let classic = [("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "500")];
        let newer = [("group.protocol", "consumer")];
        let consumer = self.consumer(group, if protocol == "classic" { &classic } else { &newer })?;
        self.init()?;
        consumer.subscribe(&[input])?;
        while self.commands.try_recv().is_err() {
            let (mut batch, mut wait) = (Vec::new(), POLL);
            while let Some(Ok(message)) = consumer.poll(wait) {
                batch.push(message);
                wait = Duration::ZERO;
                if batch.len() == 10 {
                    break;
                }
            }
            if batch.is_empty() {
                continue;
            }
            let mut ends = BTreeMap::new();
            let mut records = Vec::new();
            for message in &batch {
                ends.insert(message.partition(), message.offset() + 1);
                records.push((message.partition(), message.payload().unwrap_or_default().to_vec()));
            }
            match self.transfer(&consumer, (input, output), records, ends) {
                Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => {
                    eprintln!("aborted: {error}");
                    self.abort()?;
                    let committed = consumer.committed_offsets(consumer.assignment()?, PATIENCE)?;
                    for (partition, offset) in numbers(&committed) {
                        let offset = Offset::Offset(offset.to_raw().unwrap_or(0).max(0));
                        consumer.seek(input, partition, offset, PATIENCE)?;
                    }
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }

    fn transfer(
        &self,
        consumer: &BaseConsumer,
        (input, output): (&str, &str),
        records: Vec<(i32, Vec<u8>)>,
        ends: BTreeMap<i32, i64>,
    ) -> KafkaResult<()> {
        self.producer().begin_transaction()?;
        for (partition, value) in records {
            self.produce(output, partition, &value)?;
        }
        let mut offsets = TopicPartitionList::new();
        for (partition, end) in ends {
            offsets.add_partition_offset(input, partition, Offset::Offset(end))?;
        }
        self.send_offsets(consumer, &offsets)?;
        again(|| self.producer().commit_transaction(PATIENCE))
    }

    fn answer(&mut self, line: &str) -> KafkaResult<String> {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |i: usize| words[i].parse::<i64>().unwrap();
        let nothing = match words[0] {
            "init" => self.init(),
            "begin" => self.producer().begin_transaction(),
            "send" => self.send(words[1], number(2) as i32, words[3], number(4)),
            "flush" => self.acknowledged(),
            "offsets" => self.offsets(words[1], words[2], number(3) as i32, number(4)),
            "commit" => self.commit(),
            "abort" => self.abort(),
            "read" => return self.read(words[1], words[2], number(3) as i32, words[4]),
            "transform" => self.transform(words[1], words[2], words[3], words[4]),
            "close" => Ok(()),
            other => panic!("no command {other}"),
        };
        nothing.map(|()| String::new())
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let mut options: HashMap<String, String> = arguments[2..]
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
        std::process::exit(0); // The test is gone.
    });
    let mut worker = Worker { options, deliveries: Deliveries::default(), producer: None, commands };
    while let Ok(line) = worker.commands.recv() {
        match worker.answer(&line) {
            Ok(said) => println!("ok {said}"),
            Err(error) => {
                let code = error.rdkafka_error_code().map_or("-".to_string(), |code| format!("{code:?}"));
                eprintln!("{line}: {error:?}");
                println!("error {code} {}", error.to_string().replace('\n', " "));
            }
        }
    }
}
