// franz-go as a member of a group. See tests/clients/README.md.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const pollTime = 100 * time.Millisecond

var (
	options  = map[string]string{}
	commands = make(chan string, 16)
	mutex    sync.Mutex // Guards owned: the group calls back from a goroutine of its own.
	owned    = map[int32]bool{}
)

// say writes all lines at once: the output's file has several writers.
func say(lines ...string) {
	var text strings.Builder
	for _, line := range lines {
		fmt.Fprintln(&text, options["name"], line)
	}
	os.Stdout.WriteString(text.String())
}

func change(partitions []int32, has bool) {
	mutex.Lock()
	defer mutex.Unlock()
	for _, p := range partitions {
		if has {
			owned[p] = true
		} else {
			delete(owned, p)
		}
	}
	var numbers []string
	for p := range owned {
		numbers = append(numbers, strconv.Itoa(int(p)))
	}
	sort.Strings(numbers)
	if len(numbers) == 0 {
		numbers = []string{"-"}
	}
	say("owns " + strings.Join(numbers, ","))
}

func settings() []kgo.Opt {
	topic := options["topic"]
	lost := func(_ context.Context, _ *kgo.Client, changed map[string][]int32) { change(changed[topic], false) }
	opts := []kgo.Opt{
		kgo.SeedBrokers(options["bootstrap"]), kgo.ConsumerGroup(options["group"]), kgo.ConsumeTopics(topic),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.FetchMaxWait(pollTime),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
			change(changed[topic], true)
		}),
		kgo.OnPartitionsRevoked(lost), kgo.OnPartitionsLost(lost),
	}
	if options["instance"] != "" {
		opts = append(opts, kgo.InstanceID(options["instance"]))
	}
	if options["protocol"] == "consumer" {
		return append(opts, kgo.ServerSideBalancer())
	}
	session, _ := strconv.Atoi(options["session"])
	balancer := kgo.RangeBalancer()
	if options["protocol"] == "cooperative-sticky" {
		balancer = kgo.CooperativeStickyBalancer()
	}
	return append(opts, kgo.Balancers(balancer), kgo.HeartbeatInterval(500*time.Millisecond),
		kgo.SessionTimeout(time.Duration(session)*time.Millisecond))
}

// positions tells the client's offsets of the topic, in lines that begin with the word.
func positions(word string, offsets map[string]map[int32]kgo.EpochOffset) []string {
	var lines []string
	for partition, offset := range offsets[options["topic"]] {
		lines = append(lines, fmt.Sprintf("%s %d %d", word, partition, offset.Offset))
	}
	return lines
}

func commit(ctx context.Context, cl *kgo.Client, offsets map[string]map[int32]kgo.EpochOffset) {
	done := func(err error) {
		if err != nil {
			say(fmt.Sprintf("not committed %v", err))
		} else {
			say(positions("committed", offsets)...)
		}
	}
	if options["commit"] == "async" {
		cl.CommitOffsets(ctx, offsets, commitDone(done))
		return
	}
	var outcome error
	cl.CommitOffsetsSync(ctx, offsets, commitDone(func(err error) { outcome = err }))
	done(outcome)
}

func consume(ctx context.Context) error {
	cl, err := kgo.NewClient(settings()...)
	if err != nil {
		return err
	}
	for {
		select {
		case command := <-commands:
			if command == "leave" {
				cl.CloseAllowingRebalance() // A static member does not leave.
				change(everything(), false)
				say("left")
				return nil
			}
			found, err := kadm.NewClient(cl).FetchOffsets(ctx, options["group"])
			if err != nil {
				return err
			}
			say(append(responses("fetched", found), "fetched")...)
		default:
		}
		poll, cancel := context.WithTimeout(ctx, pollTime)
		fetched := cl.PollFetches(poll)
		cancel()
		var lines []string
		ends := map[string]map[int32]kgo.EpochOffset{options["topic"]: {}}
		fetched.EachRecord(func(r *kgo.Record) {
			lines = append(lines, fmt.Sprintf("record %d %d", r.Partition, r.Offset))
			ends[r.Topic][r.Partition] = kgo.EpochOffset{Epoch: r.LeaderEpoch, Offset: r.Offset + 1}
		})
		say(lines...)
		if len(lines) > 0 {
			commit(ctx, cl, ends)
		}
		cl.AllowRebalance()
	}
}

func everything() []int32 {
	count, _ := strconv.Atoi(options["partitions"])
	var all []int32
	for p := 0; p < count; p++ {
		all = append(all, int32(p))
	}
	return all
}

func main() {
	options["bootstrap"] = os.Args[1]
	for _, pair := range os.Args[3:] {
		name, value, _ := strings.Cut(pair, "=")
		options[name] = value
	}
	go func() {
		scanner := bufio.NewScanner(os.Stdin)
		for scanner.Scan() {
			commands <- scanner.Text()
		}
		commands <- "leave"
	}()
	do := consume
	if os.Args[2] == "admin" {
		do = administer
	}
	if err := do(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
