// rust-rdkafka. See tests/clients/README.md.
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

const IDLE: Duration = Duration::from_secs(20);

type Job = HashMap<String, String>;
type Outcome = Result<(), Box<dyn std::error::Error>>;

struct Deliveries {
    failed: Arc<AtomicUsize>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if result.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn records(job: &Job, mut sink: impl FnMut(&[u8]) -> Outcome) -> Outcome {
    if job["mode"] == "lines" {
        let data = fs::read(&job["file"])?;
        for line in data[..data.len() - 1].split(|byte| *byte == b'\n') {
            sink(line)?;
        }
        return Ok(());
    }
    let mut file = File::open(&job["file"])?;
    for size in fs::read_to_string(format!("{}.sizes", job["file"]))?.lines() {
        let mut value = vec![0; size.parse()?];
        file.read_exact(&mut value)?;
        sink(&value)?;
    }
    Ok(())
}

fn produce(bootstrap: &str, job: &Job) -> Outcome {
    let failed = Arc::new(AtomicUsize::new(0));
    let idempotent = if job["idempotent"] == "1" { "true" } else { "false" };
    let producer: BaseProducer<Deliveries> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("acks", "all")
        .set("message.max.bytes", "3000000")
        .set("compression.type", &job["codec"])
        .set("enable.idempotence", idempotent)
        .create_with_context(Deliveries { failed: failed.clone() })?;
    let partitions: i32 = job["partitions"].parse()?;
    let mut number = 0;
    records(job, |value| {
        let partition = number % partitions;
        number += 1;
        let mut record =
            BaseRecord::<(), [u8]>::to(&job["topic"]).partition(partition).payload(value);
        loop {
            match producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    producer.poll(Duration::from_millis(100));
                    record = back;
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
        producer.poll(Duration::ZERO);
        Ok(())
    })?;
    producer.flush(Duration::from_secs(60))?;
    match failed.load(Ordering::Relaxed) {
        0 => Ok(()),
        n => Err(format!("{n} not delivered").into()),
    }
}

fn consume(bootstrap: &str, job: &Job) -> Outcome {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "unused")
        .set("enable.auto.commit", "false")
        .create()?;
    let mut assigned = TopicPartitionList::new();
    let mut outputs = Vec::new();
    for partition in 0..job["partitions"].parse()? {
        assigned.add_partition_offset(&job["topic"], partition, Offset::Offset(0))?;
        outputs.push(BufWriter::new(File::create(format!("{}.{partition}", job["file"]))?));
    }
    consumer.assign(&assigned)?;
    let mut left: u64 = job["count"].parse()?;
    let mut last = Instant::now();
    while left > 0 {
        let Some(message) = consumer.poll(Duration::from_secs(1)) else {
            if last.elapsed() > IDLE {
                return Err(format!("{left} records did not come").into());
            }
            continue;
        };
        let message = message?;
        let output = &mut outputs[message.partition() as usize];
        output.write_all(message.payload().unwrap_or_default())?;
        if job["mode"] == "lines" {
            output.write_all(b"\n")?;
        }
        left -= 1;
        last = Instant::now();
    }
    for mut output in outputs {
        output.flush()?;
    }
    Ok(())
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    for text in &arguments[2..] {
        let job: Job = text
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        let run = if job["op"] == "produce" { produce } else { consume };
        match run(&arguments[1], &job) {
            Ok(()) => println!("ok {}", job["topic"]),
            Err(error) => println!("error {} {error}", job["topic"]),
        }
    }
}
