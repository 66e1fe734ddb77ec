// IBM's sarama as a member of a group. See tests/clients/README.md.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

var (
	options  = map[string]string{}
	commands = make(chan string, 16)
	mutex    sync.Mutex // Guards owned: each partition has a goroutine of its own.
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

func change(has bool, partitions ...int32) {
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

func settings() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V4_0_0_0
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = options["commit"] == "auto"
	config.Consumer.Offsets.AutoCommit.Interval = 200 * time.Millisecond
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	config.Consumer.Group.InstanceId = options["instance"]
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	session, _ := strconv.Atoi(options["session"])
	config.Consumer.Group.Session.Timeout = time.Duration(session) * time.Millisecond
	strategy := sarama.NewBalanceStrategyRange()
	if options["protocol"] == "cooperative-sticky" {
		strategy = sarama.NewBalanceStrategyCooperativeSticky()
	}
	config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
	return config
}

type handler struct{}

// Setup has all partitions in an eager rebalance, in a cooperative one those at the session's beginning.
func (handler) Setup(session sarama.ConsumerGroupSession) error {
	change(true, session.Claims()[options["topic"]]...)
	return nil
}

// Cleanup is before the partitions are given up.
func (handler) Cleanup(sarama.ConsumerGroupSession) error {
	change(false, everything()...)
	return nil
}

func (handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	cooperative := options["protocol"] == "cooperative-sticky"
	if cooperative {
		change(true, claim.Partition())
		defer change(false, claim.Partition())
	}
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			handle(session, claim, message)
		case <-session.Context().Done():
			return nil
		}
	}
}

// handle takes all messages that are there, and commits once.
func handle(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim, message *sarama.ConsumerMessage) {
	var lines []string
	for message != nil {
		lines = append(lines, fmt.Sprintf("record %d %d", message.Partition, message.Offset))
		session.MarkMessage(message, "")
		select {
		case message = <-claim.Messages(): // nil at the end
		default:
			message = nil
		}
	}
	say(lines...)
	if options["commit"] != "auto" {
		session.Commit()
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

func consume(bootstrap []string) error {
	group, err := sarama.NewConsumerGroup(bootstrap, options["group"], settings())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	finished := make(chan error)
	go func() {
		var err error
		for err == nil && ctx.Err() == nil {
			err = group.Consume(ctx, []string{options["topic"]}, handler{})
			if err != nil && ctx.Err() == nil && !errors.Is(err, sarama.ErrClosedConsumerGroup) {
				say("said " + err.Error())
				err = nil
			}
		}
		finished <- err
	}()
	for command := range commands {
		if command == "leave" {
			break
		}
		if err := fetch(bootstrap); err != nil {
			return err
		}
	}
	cancel()
	<-finished
	err = group.Close()
	say("left")
	return err
}

// fetch is by the administration: its groups cannot ask for what is committed.
func fetch(bootstrap []string) error {
	admin, err := sarama.NewClusterAdmin(bootstrap, settings())
	if err != nil {
		return err
	}
	defer admin.Close()
	err = tellOffsets(admin, "fetched")
	say("fetched")
	return err
}

func main() {
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
	if err := do(os.Args[1:2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
