// franz-go with transactions. See tests/clients/README.md.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	pollTime = 100 * time.Millisecond
	patience = 30 * time.Second
)

var (
	options  = map[string]string{}
	commands = make(chan []string, 16)
	producer *kgo.Client
	failed   error // of what was sent since the last flush
)

func settings() []kgo.Opt {
	timeout, _ := strconv.Atoi(options["timeout"])
	return []kgo.Opt{
		kgo.SeedBrokers(options["bootstrap"]), kgo.TransactionalID(options["id"]),
		kgo.TransactionTimeout(time.Duration(timeout) * time.Millisecond),
		// Not every client that reads it has snappy, this one's default.
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()),
	}
}

func initialize(ctx context.Context) (err error) {
	if producer, err = kgo.NewClient(settings()...); err != nil {
		return err
	}
	_, _, err = producer.ProducerID(ctx)
	return err
}

func send(ctx context.Context, topic string, partition int, value string, count int) {
	for i := 0; i < count; i++ {
		record := &kgo.Record{Topic: topic, Partition: int32(partition), Value: fmt.Appendf(nil, "%s.%d", value, i)}
		producer.Produce(ctx, record, func(_ *kgo.Record, err error) {
			if err != nil {
				failed = err
			}
		})
	}
}

func flush(ctx context.Context) error {
	err := producer.Flush(ctx)
	if err == nil {
		err = failed
	}
	failed = nil
	return err
}

func commit(ctx context.Context) error {
	if err := flush(ctx); err != nil {
		return err
	}
	return producer.EndTransaction(ctx, kgo.TryCommit)
}

func abort(ctx context.Context) error {
	if err := producer.AbortBufferedRecords(ctx); err != nil {
		return err
	}
	failed = nil
	return producer.EndTransaction(ctx, kgo.TryAbort)
}

// read returns all values up to the mark of each partition.
func read(ctx context.Context, level, topic string, partitions int, mark string) (string, error) {
	isolation := kgo.ReadUncommitted()
	if level == "committed" {
		isolation = kgo.ReadCommitted()
	}
	offsets := map[int32]kgo.Offset{}
	for p := 0; p < partitions; p++ {
		offsets[int32(p)] = kgo.NewOffset().At(0)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(options["bootstrap"]), kgo.FetchIsolationLevel(isolation),
		kgo.FetchMaxWait(pollTime), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}))
	if err != nil {
		return "", err
	}
	defer cl.Close()
	var values []string
	for left := partitions; left > 0; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return "", err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if string(r.Value) == mark {
				left--
			}
			values = append(values, fmt.Sprintf("%d/%s", r.Partition, r.Value))
		})
	}
	return strings.Join(values, " "), nil
}

// transform copies the input to the output, a transaction for each poll, until the next command.
func transform(ctx context.Context, group, input, output, protocol string) error {
	opts := append(settings(), kgo.ConsumerGroup(group), kgo.ConsumeTopics(input), kgo.RequireStableFetchOffsets(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(pollTime),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if protocol == "classic" {
		opts = append(opts, kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(500*time.Millisecond),
			kgo.Balancers(kgo.CooperativeStickyBalancer()))
	} else {
		opts = append(opts, kgo.ServerSideBalancer())
	}
	session, err := kgo.NewGroupTransactSession(opts...)
	if err != nil {
		return err
	}
	defer session.Close()
	for {
		select {
		case <-commands:
			return nil
		default:
		}
		poll, cancel := context.WithTimeout(ctx, pollTime)
		fetched := session.PollRecords(poll, 10)
		cancel()
		if fetched.NumRecords() == 0 {
			continue
		}
		if err := session.Begin(); err != nil {
			return err
		}
		ok := true
		fetched.EachRecord(func(r *kgo.Record) {
			copied := &kgo.Record{Topic: output, Partition: r.Partition, Value: r.Value}
			session.Produce(ctx, copied, func(_ *kgo.Record, err error) { ok = ok && err == nil })
		})
		err := session.Client().Flush(ctx)
		if err != nil {
			return err
		}
		committed, err := session.End(ctx, kgo.TransactionEndTry(ok))
		if err != nil {
			return err
		}
		if !committed {
			fmt.Fprintln(os.Stderr, "aborted")
		}
	}
}

func answer(words []string) (string, error) {
	number := func(i int) int { n, _ := strconv.Atoi(words[i]); return n }
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	switch words[0] {
	case "init":
		return "", initialize(ctx)
	case "begin":
		return "", producer.BeginTransaction()
	case "send":
		send(context.Background(), words[1], number(2), words[3], number(4))
		return "", nil
	case "flush":
		return "", flush(ctx)
	case "commit":
		return "", commit(ctx)
	case "abort":
		return "", abort(ctx)
	case "read":
		return read(ctx, words[1], words[2], number(3), words[4])
	case "transform":
		return "", transform(context.Background(), words[1], words[2], words[3], words[4])
	case "close":
		producer.Close()
		return "", nil
	}
	return "", errors.New("no such command")
}

func main() {
	options["bootstrap"] = os.Args[1]
	for _, pair := range os.Args[2:] {
		name, value, _ := strings.Cut(pair, "=")
		options[name] = value
	}
	go func() {
		scanner := bufio.NewScanner(os.Stdin)
		for scanner.Scan() {
			commands <- strings.Fields(scanner.Text())
		}
		os.Exit(0) // The test is gone.
	}()
	for words := range commands {
		said, err := answer(words)
		if err == nil {
			fmt.Println("ok " + said)
			continue
		}
		name := fmt.Sprintf("%T", err)
		if known := new(kerr.Error); errors.As(err, &known) {
			name = known.Message
		}
		fmt.Fprintln(os.Stderr, words, err)
		fmt.Printf("error %s %s\n", name, strings.ReplaceAll(err.Error(), "\n", " "))
	}
}
