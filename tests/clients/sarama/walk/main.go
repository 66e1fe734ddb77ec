// Sarama's producer, groupless consumer and admin client, at several of the releases it can be
// configured for.   walk BOOTSTRAP
package main

import (
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
		sarama.V2_8_0_0, sarama.V4_0_0_0} {
		walk(os.Args[1:2], i, version)
	}
}
