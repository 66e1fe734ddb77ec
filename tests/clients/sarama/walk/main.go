// Sarama's producer, consumer without and with a group, and admin client, at several of the releases it
// can be configured for.   walk BOOTSTRAP
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"
)

func report(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	}
}

func produce(bootstrap []string, topic string, version sarama.KafkaVersion) error {
	config := sarama.NewConfig()
	config.Version = version
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
	producer, err := sarama.NewSyncProducer(bootstrap, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	for i := 0; i < 3; i++ {
		message := &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder("key"),
			Value: sarama.StringEncoder(fmt.Sprintf("a value %d", i))}
		if _, _, err := producer.SendMessage(message); err != nil {
			return err
		}
	}
	return nil
}

func consume(bootstrap []string, topic string, version sarama.KafkaVersion) error {
	config := sarama.NewConfig()
	config.Version = version
	consumer, err := sarama.NewConsumer(bootstrap, config)
	if err != nil {
		return err
	}
	defer consumer.Close()
	partition, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	if err != nil {
		return err
	}
	defer partition.Close()
	select {
	case <-partition.Messages():
		return nil
	case <-time.After(5 * time.Second):
		return fmt.Errorf("no message")
	}
}

// member commits what it gets, and is done with the first message.
type member struct{ done context.CancelFunc }

func (member) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (member) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (m member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		session.MarkMessage(message, "a note")
		session.Commit()
		m.done()
	}
	return nil
}

func consumeInGroup(bootstrap []string, topic, group string, version sarama.KafkaVersion) error {
	config := sarama.NewConfig()
	config.Version = version
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Group.Heartbeat.Interval = 50 * time.Millisecond
	joined, err := sarama.NewConsumerGroup(bootstrap, group, config)
	if err != nil {
		return err
	}
	defer joined.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return joined.Consume(ctx, []string{topic}, member{cancel})
}

func administerGroup(admin sarama.ClusterAdmin, topic, group string) {
	_, err := admin.DescribeConsumerGroups([]string{group})
	report("describe group", err)
	_, err = admin.ListConsumerGroups()
	report("list groups", err)
	_, err = admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0}})
	report("group offsets", err)
	report("delete offset", admin.DeleteConsumerGroupOffset(group, topic, 0))
	report("delete group", admin.DeleteConsumerGroup(group))
}

func walk(bootstrap []string, number int, version sarama.KafkaVersion) {
	topic := fmt.Sprintf("walk-sarama-%d", number)
	config := sarama.NewConfig()
	config.Version = version
	admin, err := sarama.NewClusterAdmin(bootstrap, config)
	if err != nil {
		report("admin", err)
		return
	}
	defer admin.Close()
	retention := "7200000"
	report("create", admin.CreateTopic(topic,
		&sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false))
	report("produce", produce(bootstrap, topic, version))
	report("consume", consume(bootstrap, topic, version))
	report("consume in a group", consumeInGroup(bootstrap, topic, topic, version))
	administerGroup(admin, topic, topic)
	_, err = admin.DescribeTopics([]string{topic})
	report("describe", err)
	_, err = admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic})
	report("configs", err)
	report("alter", admin.AlterConfig(sarama.TopicResource, topic,
		map[string]*string{"retention.ms": &retention}, false))
	_, err = admin.DescribeLogDirs([]int32{1})
	report("log dirs", err)
	report("partitions", admin.CreatePartitions(topic, 2, nil, false))
	report("records", admin.DeleteRecords(topic, map[int32]int64{0: 1}))
	report("delete", admin.DeleteTopic(topic))
}

func main() {
	for i, version := range []sarama.KafkaVersion{sarama.V1_0_0_0, sarama.V2_1_0_0,
		sarama.V2_4_0_0, sarama.V2_8_0_0, sarama.V4_0_0_0} {
		walk(os.Args[1:2], i, version)
	}
}
