// IBM's sarama. See tests/clients/README.md.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

const idle = 20 * time.Second

var codecs = map[string]sarama.CompressionCodec{"none": sarama.CompressionNone,
	"gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
	"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD}

func records(job map[string]string, sink func([]byte)) error {
	file, err := os.Open(job["file"])
	if err != nil {
		return err
	}
	defer file.Close()
	if job["mode"] == "lines" {
		scanner := bufio.NewScanner(file)
		for scanner.Scan() {
			sink([]byte(scanner.Text()))
		}
		return scanner.Err()
	}
	sizes, err := os.ReadFile(job["file"] + ".sizes")
	if err != nil {
		return err
	}
	for _, text := range strings.Fields(string(sizes)) {
		size, _ := strconv.Atoi(text)
		value := make([]byte, size)
		if _, err := io.ReadFull(file, value); err != nil {
			return err
		}
		sink(value)
	}
	return nil
}

func produce(bootstrap []string, job map[string]string) error {
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Compression = codecs[job["codec"]]
	config.Producer.MaxMessageBytes = 3000000
	config.Producer.Flush.Bytes = 100000
	config.Producer.Flush.Frequency = 5 * time.Millisecond
	config.Producer.Idempotent = job["idempotent"] == "1"
	config.Net.MaxOpenRequests = 1 // Otherwise its retries may reorder; idempotence insists on it.
	producer, err := sarama.NewAsyncProducer(bootstrap, config)
	if err != nil {
		return err
	}
	partitions, _ := strconv.Atoi(job["partitions"])
	finished := make(chan error)
	go func() {
		var failure error
		successes, failures := producer.Successes(), producer.Errors()
		for successes != nil || failures != nil {
			select {
			case _, open := <-successes:
				if !open {
					successes = nil
				}
			case err, open := <-failures:
				if !open {
					failures = nil
				} else if failure == nil {
					failure = err
				}
			}
		}
		finished <- failure
	}()
	number := 0
	err = records(job, func(value []byte) {
		producer.Input() <- &sarama.ProducerMessage{Topic: job["topic"],
			Partition: int32(number % partitions), Value: sarama.ByteEncoder(value)}
		number++
	})
	producer.AsyncClose()
	if failure := <-finished; failure != nil {
		return failure
	}
	return err
}

func read(consumer sarama.Consumer, job map[string]string, partition, count int) error {
	file, err := os.Create(fmt.Sprintf("%s.%d", job["file"], partition))
	if err != nil {
		return err
	}
	defer file.Close()
	output := bufio.NewWriter(file)
	reader, err := consumer.ConsumePartition(job["topic"], int32(partition), 0)
	if err != nil {
		return err
	}
	defer reader.Close()
	timer := time.NewTimer(idle)
	for left := count; left > 0; left-- {
		timer.Reset(idle)
		select {
		case message := <-reader.Messages():
			output.Write(message.Value)
			if job["mode"] == "lines" {
				output.WriteByte('\n')
			}
		case <-timer.C:
			return fmt.Errorf("%d records of partition %d did not come", left, partition)
		}
	}
	return output.Flush()
}

func consume(bootstrap []string, job map[string]string) error {
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	consumer, err := sarama.NewConsumer(bootstrap, config)
	if err != nil {
		return err
	}
	defer consumer.Close()
	partitions, _ := strconv.Atoi(job["partitions"])
	count, _ := strconv.Atoi(job["count"])
	for p := 0; p < partitions; p++ {
		if err := read(consumer, job, p, (count-p+partitions-1)/partitions); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	for _, text := range os.Args[2:] {
		job := map[string]string{}
		for _, pair := range strings.Split(text, ",") {
			name, value, _ := strings.Cut(pair, "=")
			job[name] = value
		}
		do := consume
		if job["op"] == "produce" {
			do = produce
		}
		if err := do(os.Args[1:2], job); err != nil {
			fmt.Println("error", job["topic"], err)
		} else {
			fmt.Println("ok", job["topic"])
		}
	}
}
