package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

func addOffsets(id string, producer int64, epoch int16, group string) kmsg.Request {
	r := kmsg.NewPtrAddOffsetsToTxnRequest()
	r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Group = id, producer, epoch, group
	return r
}

func txnOffsetCommit(id string, producer int64, epoch int16, group, topic string) kmsg.Request {
	r := kmsg.NewPtrTxnOffsetCommitRequest()
	r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Group = id, producer, epoch, group
	t := kmsg.NewTxnOffsetCommitRequestTopic()
	p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	p.Offset, p.LeaderEpoch, p.Metadata = 1, 0, kmsg.StringPtr("a note")
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	return r
}

// marker ends what hangs, as an operator does it.
func marker(producer int64, epoch int16, topic string) kmsg.Request {
	r := kmsg.NewPtrWriteTxnMarkersRequest()
	m := kmsg.NewWriteTxnMarkersRequestMarker()
	m.ProducerID, m.ProducerEpoch = producer, epoch
	t := kmsg.NewWriteTxnMarkersRequestMarkerTopic()
	t.Topic, t.Partitions = topic, []int32{0, 1}
	m.Topics = append(m.Topics, t)
	r.Markers = append(r.Markers, m)
	return r
}

func describeTransactions(id string) kmsg.Request {
	r := kmsg.NewPtrDescribeTransactionsRequest()
	r.TransactionalIDs = []string{id, "no-such-id"}
	return r
}

func listTransactions(producer int64) kmsg.Request {
	r := kmsg.NewPtrListTransactionsRequest()
	r.StateFilters, r.ProducerIDFilters = []string{"Ongoing", "Perhaps"}, []int64{producer}
	r.DurationFilterMillis, r.TransactionalIDPattern = 0, kmsg.StringPtr("walk.*")
	return r
}

// walkTransactions has one transaction committed and one aborted, each with records and a group's offset. The
// client's own requests are those of its release; what it has no call for is sent beside them.
func walkTransactions(bootstrap string, number int, topic string, versions *kversion.Versions) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	id, group := fmt.Sprintf("walk-%d", number), fmt.Sprintf("walk-franz-%d", number)
	report := func(what string, err error) {
		if err != nil {
			fmt.Fprintf(os.Stderr, "release %d, %s: %v\n", number, what, err)
		}
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.MaxVersions(versions), kgo.ClientID("walk"),
		kgo.RequestRetries(5), kgo.TransactionalID(id), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		panic(err)
	}
	defer cl.Close()
	send := func(r kmsg.Request) {
		_, err := cl.Request(ctx, r)
		report(kmsg.NameForKey(r.Key()), err)
	}
	for _, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		report("begin", cl.BeginTransaction())
		for partition := int32(0); partition < 2; partition++ {
			report("produce", cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: partition,
				Key: []byte("key"), Value: []byte("a value")}).FirstErr())
		}
		producer, epoch, err := cl.ProducerID(ctx)
		report("producer id", err)
		send(addOffsets(id, producer, epoch, group))
		send(txnOffsetCommit(id, producer, epoch, group, topic))
		send(describeTransactions(id))
		send(listTransactions(producer))
		report("end", cl.EndTransaction(ctx, commit))
		if commit == kgo.TryAbort {
			send(marker(producer, epoch, topic))
		}
	}
}
