// Every request of the data path, of groups, of transactions and of topic administration, as clients from Kafka 0.11 to
// 4.3 would send it: franz-go is held to each release's newest versions in turn.   walk BOOTSTRAP
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

var releases = []func() *kversion.Versions{
	kversion.V0_11_0, kversion.V1_0_0, kversion.V1_1_0, kversion.V2_0_0, kversion.V2_1_0,
	kversion.V2_2_0, kversion.V2_3_0, kversion.V2_4_0, kversion.V2_5_0, kversion.V2_6_0,
	kversion.V2_7_0, kversion.V2_8_0, kversion.V3_0_0, kversion.V3_1_0, kversion.V3_2_0,
	kversion.V3_3_0, kversion.V3_4_0, kversion.V3_5_0, kversion.V3_6_0, kversion.V3_7_0,
	kversion.V3_8_0, kversion.V3_9_0, kversion.V4_0_0, kversion.V4_1_0, kversion.V4_2_0,
	kversion.V4_3_0,
}

func create(topic string) kmsg.Request {
	r := kmsg.NewPtrCreateTopicsRequest()
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, 2, 1
	c := kmsg.NewCreateTopicsRequestTopicConfig()
	c.Name, c.Value = "retention.ms", kmsg.StringPtr("3600000")
	t.Configs = append(t.Configs, c)
	r.Topics, r.TimeoutMillis = append(r.Topics, t), 10000
	return r
}

func metadata(topic string) kmsg.Request {
	r := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	r.Topics, r.AllowAutoTopicCreation = append(r.Topics, t), false
	return r
}

func listOffsets(topic string) kmsg.Request {
	r := kmsg.NewPtrListOffsetsRequest()
	t := kmsg.NewListOffsetsRequestTopic()
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Timestamp = -1
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	r.Topics, r.ReplicaID = append(r.Topics, t), -1
	return r
}

func leaderEpoch(topic string) kmsg.Request {
	r := kmsg.NewPtrOffsetForLeaderEpochRequest()
	t := kmsg.NewOffsetForLeaderEpochRequestTopic()
	p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	p.LeaderEpoch = 0
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	r.Topics, r.ReplicaID = append(r.Topics, t), -1
	return r
}

func describeConfigs(topic string) kmsg.Request {
	r := kmsg.NewPtrDescribeConfigsRequest()
	c := kmsg.NewDescribeConfigsRequestResource()
	c.ResourceType, c.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	c.ConfigNames = []string{"retention.ms", "cleanup.policy"}
	r.Resources = append(r.Resources, c)
	r.IncludeSynonyms, r.IncludeDocumentation = true, true
	return r
}

func alterConfigs(topic string) kmsg.Request {
	r := kmsg.NewPtrAlterConfigsRequest()
	c := kmsg.NewAlterConfigsRequestResource()
	c.ResourceType, c.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	v := kmsg.NewAlterConfigsRequestResourceConfig()
	v.Name, v.Value = "retention.ms", kmsg.StringPtr("7200000")
	c.Configs = append(c.Configs, v)
	r.Resources = append(r.Resources, c)
	return r
}

func incrementalAlterConfigs(topic string) kmsg.Request {
	r := kmsg.NewPtrIncrementalAlterConfigsRequest()
	c := kmsg.NewIncrementalAlterConfigsRequestResource()
	c.ResourceType, c.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	v := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	v.Name, v.Value = "retention.bytes", kmsg.StringPtr("1000000")
	c.Configs = append(c.Configs, v)
	r.Resources = append(r.Resources, c)
	return r
}

func createPartitions(topic string) kmsg.Request {
	r := kmsg.NewPtrCreatePartitionsRequest()
	t := kmsg.NewCreatePartitionsRequestTopic()
	t.Topic, t.Count = topic, 3
	r.Topics, r.TimeoutMillis = append(r.Topics, t), 10000
	return r
}

func deleteRecords(topic string) kmsg.Request {
	r := kmsg.NewPtrDeleteRecordsRequest()
	t := kmsg.NewDeleteRecordsRequestTopic()
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Offset = 1
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	r.Topics, r.TimeoutMillis = append(r.Topics, t), 10000
	return r
}

func logDirs(topic string) kmsg.Request {
	r := kmsg.NewPtrDescribeLogDirsRequest()
	t := kmsg.NewDescribeLogDirsRequestTopic()
	t.Topic, t.Partitions = topic, []int32{0, 1}
	r.Topics = append(r.Topics, t)
	return r
}

func producers(topic string) kmsg.Request {
	r := kmsg.NewPtrDescribeProducersRequest()
	t := kmsg.NewDescribeProducersRequestTopic()
	t.Topic, t.Partitions = topic, []int32{0}
	r.Topics = append(r.Topics, t)
	return r
}

func topicPartitions(topic string) kmsg.Request {
	r := kmsg.NewPtrDescribeTopicPartitionsRequest()
	t := kmsg.NewDescribeTopicPartitionsRequestTopic()
	t.Topic = topic
	r.Topics = append(r.Topics, t)
	return r
}

func coordinator() kmsg.Request {
	r := kmsg.NewPtrFindCoordinatorRequest()
	r.CoordinatorKey, r.CoordinatorKeys = "no-such-group", []string{"no-such-group"}
	return r
}

func remove(topic string) kmsg.Request {
	r := kmsg.NewPtrDeleteTopicsRequest()
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	r.Topics, r.TopicNames, r.TimeoutMillis = append(r.Topics, t), []string{topic}, 10000
	return r
}

func produceAndFetch(ctx context.Context, options []kgo.Opt, topic string) error {
	cl, err := kgo.NewClient(append(options, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		topic: {0: kgo.NewOffset().At(0), 1: kgo.NewOffset().At(0)}}),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for i := 0; i < 3; i++ {
		r := &kgo.Record{Topic: topic, Partition: int32(i % 2), Key: []byte("key"),
			Value: []byte(fmt.Sprintf("a value %d", i))}
		if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
			return err
		}
	}
	for seen := 0; seen < 3; {
		fetched := cl.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			return err
		}
		seen += fetched.NumRecords()
	}
	return nil
}

func walk(bootstrap string, number int, versions *kversion.Versions) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	topic := fmt.Sprintf("walk-franz-%d", number)
	options := []kgo.Opt{kgo.SeedBrokers(bootstrap), kgo.MaxVersions(versions),
		kgo.ClientID("walk"), kgo.RequestRetries(2)}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		panic(err)
	}
	defer cl.Close()
	send := func(r kmsg.Request) {
		if _, err := cl.Request(ctx, r); err != nil {
			fmt.Fprintf(os.Stderr, "release %d, %s: %v\n", number, kmsg.NameForKey(r.Key()), err)
		}
	}
	send(create(topic))
	if err := produceAndFetch(ctx, options, topic); err != nil {
		fmt.Fprintf(os.Stderr, "release %d, produce and fetch: %v\n", number, err)
	}
	for _, r := range []kmsg.Request{metadata(topic), listOffsets(topic), leaderEpoch(topic),
		describeConfigs(topic), alterConfigs(topic), incrementalAlterConfigs(topic),
		createPartitions(topic), deleteRecords(topic), logDirs(topic), kmsg.NewPtrInitProducerIDRequest(),
		kmsg.NewPtrDescribeClusterRequest(), producers(topic), topicPartitions(topic), coordinator(),
		remove(topic)} {
		send(r)
	}
}

func main() {
	const topic = "walk-franz-groups"
	id := groupTopic(os.Args[1], topic)
	for i, release := range oldReleases {
		walkGroups(os.Args[1], fmt.Sprintf("old-%d", i), topic, id, release())
	}
	for i, release := range releases {
		walk(os.Args[1], i, release())
		walkGroups(os.Args[1], fmt.Sprint(i), topic, id, release())
		walkTransactions(os.Args[1], i, topic, release())
	}
}
