package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitDone adapts what a commit came to; the first partition's error stands for all.
func commitDone(then func(error)) func(*kgo.Client, *kmsg.OffsetCommitRequest, *kmsg.OffsetCommitResponse, error) {
	return func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
		if err == nil {
			for _, topic := range response.Topics {
				for _, partition := range topic.Partitions {
					if err == nil {
						err = kerr.ErrorForCode(partition.ErrorCode)
					}
				}
			}
		}
		then(err)
	}
}

func responses(word string, offsets kadm.OffsetResponses) []string {
	var lines []string
	offsets.Each(func(o kadm.OffsetResponse) {
		lines = append(lines, fmt.Sprintf("%s %d %d", word, o.Partition, o.At))
	})
	return lines
}

func tellOffsets(ctx context.Context, adm *kadm.Client, word string) error {
	found, err := adm.FetchOffsets(ctx, options["group"])
	if err == nil {
		say(responses(word, found)...)
	}
	return err
}

// describe tells the live group, which each protocol has a request of its own for.
func describe(ctx context.Context, adm *kadm.Client) error {
	live := options["live"] // Its topic has its name.
	if options["protocol"] == "consumer" {
		group, err := adm.DescribeConsumerGroups(ctx, live)
		if err != nil {
			return err
		}
		count := 0
		for _, member := range group[live].Members {
			for _, partitions := range member.Assignment {
				count += len(partitions)
			}
		}
		say(fmt.Sprintf("described %s %s %d %d", live, group[live].State, len(group[live].Members), count))
		return group[live].Err
	}
	groups, err := adm.DescribeGroups(ctx, live)
	if err != nil {
		return err
	}
	group := groups[live]
	say(fmt.Sprintf("described %s %s %d %d", live, group.State, len(group.Members),
		len(group.AssignedPartitions()[live])))
	return group.Err
}

func alter(ctx context.Context, adm *kadm.Client) error {
	group, topic := options["group"], options["topic"]
	var wanted kadm.Offsets
	for _, p := range everything() {
		wanted.AddOffset(topic, p, 1, -1)
	}
	if err := adm.CommitAllOffsets(ctx, group, wanted); err != nil {
		return err
	}
	if err := tellOffsets(ctx, adm, "altered"); err != nil {
		return err
	}
	deleted, err := adm.DeleteOffsets(ctx, group, kadm.TopicsSet{topic: {0: struct{}{}}})
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return err
	}
	return tellOffsets(ctx, adm, "kept")
}

func remove(ctx context.Context, adm *kadm.Client) error {
	if options["protocol"] == "consumer" { // It removes by the instance, which the members have none of there.
		say("cannot remove-member")
		return nil
	}
	left, err := adm.LeaveGroup(ctx, kadm.LeaveGroup(options["live"]).InstanceIDs(options["removed"]))
	if err == nil {
		err = left.Error()
	}
	if err == nil {
		say("removed " + options["removed"])
	}
	return err
}

func list(ctx context.Context, adm *kadm.Client, word string) error {
	groups, err := adm.ListGroups(ctx)
	for _, group := range groups.Sorted() {
		if word == "listed" {
			say(fmt.Sprintf("listed %s %s", group.Group, group.State))
		} else {
			say(word + " " + group.Group)
		}
	}
	return err
}

// administer is by kadm, franz-go's own companion.
func administer(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(options["bootstrap"]))
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	steps := []func() error{
		func() error { return list(ctx, adm, "listed") },
		func() error { return describe(ctx, adm) },
		func() error { return tellOffsets(ctx, adm, "offset") },
		func() error { return alter(ctx, adm) },
		func() error { return remove(ctx, adm) },
		func() error { _, err := adm.DeleteGroup(ctx, options["group"]); return err },
		func() error { return list(ctx, adm, "still") },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	say("left")
	return nil
}
