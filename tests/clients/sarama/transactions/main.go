// IBM's sarama with transactions. See tests/clients/README.md.
//
// Its groups read committed offsets without waiting for those of an open transaction. So whoever reads, transforms
// and writes with it has a producer for each partition that is read: who gets the partition takes over its
// transactional id, and begins where the last transaction of that id ended.
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

	"github.com/IBM/sarama"
)

const atOnce = 10

var (
	options   = map[string]string{}
	commands  = make(chan []string, 16)
	bootstrap []string
	producer  sarama.SyncProducer
)

func settings() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V4_0_0_0
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	config.Consumer.Group.Session.Timeout = 6 * time.Second
	return config
}

func newProducer(id string) (sarama.SyncProducer, error) {
	config := settings()
	timeout, _ := strconv.Atoi(options["timeout"])
	config.Producer.Transaction.ID = id
	config.Producer.Transaction.Timeout = time.Duration(timeout) * time.Millisecond
	config.Producer.Idempotent = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Net.MaxOpenRequests = 1
	return sarama.NewSyncProducer(bootstrap, config)
}

func send(topic string, partition int, value string, count int) error {
	var messages []*sarama.ProducerMessage
	for i := 0; i < count; i++ {
		messages = append(messages, &sarama.ProducerMessage{Topic: topic, Partition: int32(partition),
			Value: sarama.StringEncoder(fmt.Sprintf("%s.%d", value, i))})
	}
	return first(producer.SendMessages(messages))
}

// first takes one of the errors that a list of messages has come to.
func first(err error) error {
	if several := (sarama.ProducerErrors{}); errors.As(err, &several) && len(several) > 0 {
		return several[0].Err
	}
	return err
}

func offsets(group, topic string, partition, offset int) error {
	return producer.AddOffsetsToTxn(map[string][]*sarama.PartitionOffsetMetadata{topic: {
		{Partition: int32(partition), Offset: int64(offset), LeaderEpoch: -1}}}, group)
}

// read returns all values up to the mark of each partition.
func read(level, topic string, partitions int, mark string) (string, error) {
	config := settings()
	if level == "committed" {
		config.Consumer.IsolationLevel = sarama.ReadCommitted
	}
	consumer, err := sarama.NewConsumer(bootstrap, config)
	if err != nil {
		return "", err
	}
	defer consumer.Close()
	var values []string
	for p := 0; p < partitions; p++ {
		partition, err := consumer.ConsumePartition(topic, int32(p), sarama.OffsetOldest)
		if err != nil {
			return "", err
		}
		for message := range partition.Messages() {
			values = append(values, fmt.Sprintf("%d/%s", p, message.Value))
			if string(message.Value) == mark {
				break
			}
		}
		partition.AsyncClose()
	}
	return strings.Join(values, " "), nil
}

// handler copies the input to the output.
type handler struct {
	group, output string
	producers     map[int32]sarama.SyncProducer
}

func (h handler) Setup(session sarama.ConsumerGroupSession) error {
	for topic, partitions := range session.Claims() {
		for _, p := range partitions {
			made, err := newProducer(fmt.Sprintf("%s-%d", h.group, p))
			if err != nil {
				return err
			}
			h.producers[p] = made
			if err := h.rewind(session, topic, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// rewind goes to where the group is now that nobody else can write for the partition.
func (h handler) rewind(session sarama.ConsumerGroupSession, topic string, partition int32) error {
	admin, err := sarama.NewClusterAdmin(bootstrap, settings())
	if err != nil {
		return err
	}
	defer admin.Close()
	found, err := admin.ListConsumerGroupOffsets(h.group, map[string][]int32{topic: {partition}})
	if err != nil {
		return err
	}
	offset := max(found.GetBlock(topic, partition).Offset, 0)
	session.ResetOffset(topic, partition, offset, "")
	session.MarkOffset(topic, partition, offset, "")
	return nil
}

func (h handler) Cleanup(sarama.ConsumerGroupSession) error {
	for p, made := range h.producers {
		made.Close()
		delete(h.producers, p)
	}
	return nil
}

// ConsumeClaim ends the session when a transaction failed: the next one begins with the committed offsets.
func (h handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	member := sarama.NewConsumerGroupMetadataFromSession(session, h.group, nil)
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			if err := h.transfer(h.producers[claim.Partition()], member, claim, message); err != nil {
				fmt.Fprintln(os.Stderr, "aborted:", err)
				return err
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

func (h handler) transfer(producer sarama.SyncProducer, member *sarama.ConsumerGroupMetadata,
	claim sarama.ConsumerGroupClaim, message *sarama.ConsumerMessage) error {
	var last *sarama.ConsumerMessage
	var copies []*sarama.ProducerMessage
	for message != nil && len(copies) < atOnce {
		copies = append(copies, &sarama.ProducerMessage{Topic: h.output, Partition: message.Partition,
			Value: sarama.ByteEncoder(message.Value)})
		last = message
		if len(copies) == atOnce {
			break
		}
		select {
		case message = <-claim.Messages(): // nil at the end
		default:
			message = nil
		}
	}
	if err := producer.BeginTxn(); err != nil {
		return err
	}
	err := first(producer.SendMessages(copies))
	if err == nil {
		err = producer.AddMessageToTxnWithGroupMetadata(last, member, nil)
	}
	if err == nil {
		err = producer.CommitTxn()
	}
	if err != nil && producer.TxnStatus()&sarama.ProducerTxnFlagFatalError == 0 {
		producer.AbortTxn()
	}
	return err
}

func transform(group, input, output string) error {
	members, err := sarama.NewConsumerGroup(bootstrap, group, settings())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	finished := make(chan struct{})
	go func() {
		for ctx.Err() == nil {
			h := handler{group, output, map[int32]sarama.SyncProducer{}}
			if err := members.Consume(ctx, []string{input}, h); err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, "consume:", err)
			}
		}
		close(finished)
	}()
	<-commands
	cancel()
	<-finished
	return members.Close()
}

func answer(words []string) (said string, err error) {
	number := func(i int) int { n, _ := strconv.Atoi(words[i]); return n }
	switch words[0] {
	case "init":
		producer, err = newProducer(options["id"])
	case "begin":
		err = producer.BeginTxn()
	case "send":
		err = send(words[1], number(2), words[3], number(4))
	case "flush": // A send is over when it is acknowledged.
	case "offsets":
		err = offsets(words[1], words[2], number(3), number(4))
	case "commit":
		err = producer.CommitTxn()
	case "abort":
		err = producer.AbortTxn()
	case "read":
		said, err = read(words[1], words[2], number(3), words[4])
	case "transform":
		err = transform(words[1], words[2], words[3])
	case "close":
		err = producer.Close()
	default:
		err = errors.New("no such command")
	}
	return said, err
}

func main() {
	bootstrap = os.Args[1:2]
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
		if code := sarama.KError(0); errors.As(err, &code) {
			name = fmt.Sprint(int(code))
		}
		fmt.Fprintln(os.Stderr, words, err)
		fmt.Printf("error %s %s\n", name, strings.ReplaceAll(err.Error(), "\n", " "))
	}
}
