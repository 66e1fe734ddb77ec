package main

import (
	"fmt"

	"github.com/IBM/sarama"
)

func tellOffsets(admin sarama.ClusterAdmin, word string) error {
	found, err := admin.ListConsumerGroupOffsets(options["group"], nil)
	if err != nil {
		return err
	}
	for p, block := range found.Blocks[options["topic"]] {
		say(fmt.Sprintf("%s %d %d", word, p, block.Offset))
	}
	return nil
}

func describe(admin sarama.ClusterAdmin) error {
	groups, err := admin.DescribeConsumerGroups([]string{options["live"]})
	if err != nil {
		return err
	}
	for _, group := range groups {
		count := 0
		for _, member := range group.Members {
			assignment, err := member.GetMemberAssignment()
			if err != nil {
				return err
			}
			count += len(assignment.Topics[options["live"]]) // The topic has the group's name.
		}
		say(fmt.Sprintf("described %s %s %d %d", group.GroupId, group.State, len(group.Members), count))
	}
	return nil
}

func alter(admin sarama.ClusterAdmin) error {
	group, topic := options["group"], options["topic"]
	wanted := map[int32]sarama.OffsetAndMetadata{}
	for _, p := range everything() {
		wanted[p] = sarama.OffsetAndMetadata{Offset: 1, LeaderEpoch: -1}
	}
	_, err := admin.AlterConsumerGroupOffsets(group, map[string]map[int32]sarama.OffsetAndMetadata{topic: wanted}, nil)
	if err != nil {
		return err
	}
	if err := tellOffsets(admin, "altered"); err != nil {
		return err
	}
	if err := admin.DeleteConsumerGroupOffset(group, topic, 0); err != nil {
		return err
	}
	return tellOffsets(admin, "kept")
}

func remove(admin sarama.ClusterAdmin) error {
	response, err := admin.RemoveMemberFromConsumerGroup(options["live"], []string{options["removed"]})
	if err != nil {
		return err
	}
	for _, member := range response.Members {
		if member.Err != sarama.ErrNoError {
			return member.Err
		}
	}
	say("removed " + options["removed"])
	return nil
}

func list(admin sarama.ClusterAdmin, line string) error {
	groups, err := admin.ListConsumerGroups()
	for name := range groups {
		say(fmt.Sprintf(line, name))
	}
	return err
}

func administer(bootstrap []string) error {
	admin, err := sarama.NewClusterAdmin(bootstrap, settings())
	if err != nil {
		return err
	}
	defer admin.Close()
	steps := []func() error{
		func() error { return list(admin, "listed %s -") },
		func() error { return describe(admin) },
		func() error { return tellOffsets(admin, "offset") },
		func() error { return alter(admin) },
		func() error { return remove(admin) },
		func() error { return admin.DeleteConsumerGroup(options["group"]) },
		func() error { return list(admin, "still %s") },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	say("left")
	return nil
}
