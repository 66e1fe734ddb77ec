// franz-go. See tests/clients/README.md.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const idle = 20 * time.Second

var codecs = map[string]kgo.CompressionCodec{"none": kgo.NoCompression(),
	"gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(),
	"zstd": kgo.ZstdCompression()}

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

func produce(ctx context.Context, bootstrap string, job map[string]string) error {
	options := []kgo.Opt{kgo.SeedBrokers(bootstrap), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codecs[job["codec"]]), kgo.ProducerBatchMaxBytes(3000000),
		kgo.MaxBufferedBytes(64 << 20)}
	if job["idempotent"] != "1" {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer cl.Close()
	partitions, _ := strconv.Atoi(job["partitions"])
	number := 0
	var failure atomic.Value
	err = records(job, func(value []byte) {
		r := &kgo.Record{Topic: job["topic"], Partition: int32(number % partitions), Value: value}
		number++
		cl.Produce(ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				failure.CompareAndSwap(nil, err.Error())
			}
		})
	})
	if err == nil {
		err = cl.Flush(ctx)
	}
	if text := failure.Load(); text != nil {
		err = fmt.Errorf("%v", text)
	}
	return err
}

func consume(ctx context.Context, bootstrap string, job map[string]string) error {
	partitions, _ := strconv.Atoi(job["partitions"])
	left, _ := strconv.Atoi(job["count"])
	assigned := map[int32]kgo.Offset{}
	outputs := make([]*bufio.Writer, partitions)
	for p := range outputs {
		file, err := os.Create(fmt.Sprintf("%s.%d", job["file"], p))
		if err != nil {
			return err
		}
		defer file.Close()
		outputs[p] = bufio.NewWriter(file)
		assigned[int32(p)] = kgo.NewOffset().At(0)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(bootstrap),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{job["topic"]: assigned}))
	if err != nil {
		return err
	}
	defer cl.Close()
	for left > 0 {
		poll, cancel := context.WithTimeout(ctx, idle)
		fetched := cl.PollFetches(poll)
		cancel()
		if err := fetched.Err(); err != nil {
			return fmt.Errorf("%d records did not come: %w", left, err)
		}
		fetched.EachRecord(func(r *kgo.Record) {
			outputs[r.Partition].Write(r.Value)
			if job["mode"] == "lines" {
				outputs[r.Partition].WriteByte('\n')
			}
			left--
		})
	}
	for _, output := range outputs {
		if err := output.Flush(); err != nil {
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
		if err := do(context.Background(), os.Args[1], job); err != nil {
			fmt.Println("error", job["topic"], err)
		} else {
			fmt.Println("ok", job["topic"])
		}
	}
}
